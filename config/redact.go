package config

import (
	"slices"

	"github.com/seed2f724858/sluice/processors"
)

// redactType is the processor that redacts secrets.
var redactType = step("redact", processors.DefaultRedactConfig, processors.NewRedact,
	func(c *processors.RedactConfig) *string { return &c.Name })

// redacted puts a step in front of all others that redacts secrets, unless the
// document says no, or has its own where every record passes it before anything
// is delivered. One in a route's rule protects that rule alone, one behind an
// exporter what follows.
func (d *Document) redacted(steps []processors.Processor) ([]processors.Processor, error) {
	if wanted := d.model.Distribution["sluice"].sluice.Redact; wanted != nil && !*wanted {
		return steps, nil
	}
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
		return nil, err
	}
	return slices.Insert(steps, 0, processors.Processor(first)), nil
}
