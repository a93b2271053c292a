package processors

import (
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
)

// Per says which records share a ring of a [FlightRecorder].
type Per int

const (
	// PerProcess has one ring for all records.
	PerProcess Per = iota
	// PerLogger has one ring for each logger.
	PerLogger
	// PerTrace has one ring for each trace, and one for the records without.
	PerTrace
)

var perNames = [...]string{"process", "logger", "trace"}

// String returns the name used in configuration.
func (p Per) String() string {
	if p < 0 || int(p) >= len(perNames) {
		return fmt.Sprintf("Per(%d)", int(p))
	}
	return perNames[p]
}

// MarshalText implements [encoding.TextMarshaler].
func (p Per) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *Per) UnmarshalText(text []byte) error {
	for i, name := range perNames {
		if name == string(text) {
			*p = Per(i)
			return nil
		}
	}
	return fmt.Errorf("unknown ring %q: want %s", text, strings.Join(perNames[:], ", "))
}

// FlightRecorderConfig configures a [FlightRecorder].
type FlightRecorderConfig struct {
	// Name is what statistics call the step; empty means flight_recorder.
	Name string `yaml:"name"`
	// Hold chooses the records that leave the flow and wait; nil means those
	// below INFO.
	Hold *Match `yaml:"hold"`
	// Trigger chooses the records that let out what waits; nil means ERROR and
	// above.
	Trigger *Match `yaml:"trigger"`
	// Capacity bounds the records of one ring: a newer one takes the oldest
	// one's place. A release should fit into the queues behind the step.
	Capacity int `yaml:"capacity"`
	// MaxBytes, 64 KiB at least, bounds the memory of all rings together,
	// whatever their number, and of the resources that the records refer to:
	// the oldest records go first. A record that alone is larger, with its
	// resource, is forgotten at once. Memory, once taken, is kept for the next
	// records.
	MaxBytes exporters.Size `yaml:"max_bytes"`
	// Per says which records share a ring.
	Per Per `yaml:"per"`
	// MaxTriggersPerMinute bounds the releases of all rings together, so that
	// a flood of errors does not let everything through. Further triggers flow
	// on alone, and what they would have let out stays where it is.
	MaxTriggersPerMinute int `yaml:"max_triggers_per_minute"`
}

// DefaultFlightRecorderConfig returns the defaults: what is below INFO waits
// for an ERROR, 1000 records per process in at most 16 MiB, 60 releases a
// minute.
func DefaultFlightRecorderConfig() FlightRecorderConfig {
	return FlightRecorderConfig{
		Capacity:             1000,
		MaxBytes:             16 * exporters.MiB,
		MaxTriggersPerMinute: 60,
	}
}

// minRecorderBytes holds some hundred records; with room for none the step
// would only be a filter.
const minRecorderBytes = 64 * exporters.KiB

// Validate reports every setting that cannot work.
func (c FlightRecorderConfig) Validate() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if err := c.holds().Validate(); err != nil {
		errs = append(errs, fmt.Errorf("hold: %w", err))
	}
	if trigger, err := c.triggers().compile(); err != nil {
		errs = append(errs, fmt.Errorf("trigger: %w", err))
	} else if trigger.judge(&partial{}) == always {
		errs = append(errs, errors.New("trigger chooses every record: nothing would be held"))
	}
	bad(c.Capacity > 0, "capacity is %d: want at least 1", c.Capacity)
	bad(c.MaxBytes >= minRecorderBytes, "max_bytes is %s: want at least %s", c.MaxBytes, minRecorderBytes)
	bad(c.Per >= PerProcess && c.Per <= PerTrace, "per is %s", c.Per)
	bad(c.MaxTriggersPerMinute > 0, "max_triggers_per_minute is %d: want at least 1", c.MaxTriggersPerMinute)
	return errors.Join(errs...)
}

func (c FlightRecorderConfig) holds() Match {
	if c.Hold == nil {
		return Match{MaximumSeverity: Severity(log.SeverityDebug4)}
	}
	return *c.Hold
}

func (c FlightRecorderConfig) triggers() Match {
	if c.Trigger == nil {
		return Match{MinimumSeverity: Severity(log.SeverityError1)}
	}
	return *c.Trigger
}
