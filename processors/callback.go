package processors

import "fmt"

// callback runs a function that a user gave to a step of this package. As with
// a user's step, a panic stays away from the code that logs, and the record
// goes no further.
func callback(step string, call func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("processors: the Func of %s panicked (%v): %w", step, p, errStepPanicked)
		}
	}()
	call()
	return nil
}
