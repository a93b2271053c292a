package processors

import (
	"errors"
	"fmt"
	"time"

	"github.com/seed2f724858/sluice/exporters"
)

// DedupConfig configures a [Dedup].
type DedupConfig struct {
	// Name is what statistics call the step; empty means "dedup".
	Name string `yaml:"name"`
	// Interval is how long after a record passed its repeats are stopped.
	Interval exporters.Duration `yaml:"interval"`
	// By lists what makes records equal: "body", "severity", "logger" and
	// "event" are those parts of the record, every other word is the key of an
	// attribute; "attributes.body" is an attribute with the name of a part.
	By []string `yaml:"by"`
}

// DefaultDedupConfig returns the defaults: 10 s, by body, severity and logger.
func DefaultDedupConfig() DedupConfig {
	return DedupConfig{
		Interval: exporters.Duration(10 * time.Second),
		By:       []string{"body", "severity", "logger"},
	}
}

// Validate reports every setting that cannot work.
func (c DedupConfig) Validate() error {
	_, err := c.compile()
	return err
}

func (c DedupConfig) compile() (*grouping, error) {
	var errs []error
	if c.Interval <= 0 {
		errs = append(errs, fmt.Errorf("interval is %s: want more than 0s", c.Interval))
	}
	if len(c.By) == 0 {
		errs = append(errs, errors.New("by is empty: all records would be equal"))
	}
	by, err := newGrouping(c.By, 0)
	return by, errors.Join(append(errs, err)...)
}
