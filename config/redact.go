package config

import "github.com/seed2f724858/sluice/processors"

// redactType is the processor that redacts secrets.
var redactType = step("redact", processors.DefaultRedactConfig, processors.NewRedact,
	func(c *processors.RedactConfig) *string { return &c.Name })

// redacted puts a step in front of all others that redacts secrets, unless one
// stands there where every record passes it before anything is delivered. One
// in a route's rule protects that rule alone, one behind an exporter what
// follows.
func redacted(steps []processors.Processor) ([]processors.Processor, error) {
	for _, step := range steps {
		if _, own := step.(*processors.Redact); own {
			return steps, nil
		}
		if _, delivers := step.(processors.Brancher); delivers {
			break
		}
	}
	first, err := processors.NewRedact(processors.DefaultRedactConfig())
	if err != nil {
		return steps, err
	}
	return append([]processors.Processor{first}, steps...), nil
}
