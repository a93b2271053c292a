package config

import (
	"slices"

	"github.com/seed2f724858/sluice/processors"
)

// redactType is the processor that redacts secrets.
var redactType = step("redact", processors.DefaultRedactConfig, processors.NewRedact,
	func(c *processors.RedactConfig) *string { return &c.Name })

// redacts reports whether a processor is a redact of the file's own.
func (p *processorNode) redacts() bool {
	_, ok := p.config.(*stepConfig[processors.RedactConfig, *processors.Redact])
	return ok
}

// redacted puts a step in front of all others that redacts secrets, unless the
// document has its own among the processors that every record passes, or says
// no. One in a route's rule protects that rule alone.
func (d *Document) redacted(steps []processors.Processor) ([]processors.Processor, error) {
	wanted := d.model.Distribution["sluice"].sluice.Redact
	if wanted != nil && !*wanted || slices.ContainsFunc(d.model.LoggerProvider.Processors, func(p processorNode) bool { return p.redacts() }) {
		return steps, nil
	}
	first, err := processors.NewRedact(processors.DefaultRedactConfig())
	if err != nil {
		return nil, err
	}
	return slices.Insert(steps, 0, processors.Processor(first)), nil
}
