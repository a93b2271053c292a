package processors

import "github.com/seed2f724858/sluice/exporters"

// IsStored reports whether the error of a flush tells of nothing but records that
// wait in a queue on disk: see [exporters.StoredError].
func IsStored(err error) bool {
	switch e := err.(type) {
	case *exporters.StoredError:
		return true
	case interface{ Unwrap() error }:
		return IsStored(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			if !IsStored(err) {
				return false
			}
		}
		return true
	}
	return false
}
