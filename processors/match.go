package processors

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

// Severity is a severity in configuration: one of OpenTelemetry's short names
// ("info", "ERROR2") in any case. 0 means not given.
type Severity log.Severity

// String returns the short name in lower case.
func (s Severity) String() string { return strings.ToLower(record.SeverityName(log.Severity(s))) }

// MarshalText implements [encoding.TextMarshaler].
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Severity) UnmarshalText(text []byte) error {
	sev, ok := record.ParseSeverity(string(text))
	if !ok {
		return fmt.Errorf("unknown severity %q: want trace, debug, info, warn, error or fatal (or a step between, such as info2)", text)
	}
	*s = Severity(sev)
	return nil
}

// Match chooses records. Everything that is given must hold; the zero Match
// chooses all. Globs have "*" and "?" and are case-sensitive.
type Match struct {
	// Loggers lists logger names, which cover their children below "." and
	// "/", and globs; one must cover the record's logger.
	Loggers []string `yaml:"loggers"`
	// MinimumSeverity and MaximumSeverity bound the severity, inclusively. A
	// record without severity has neither a minimum nor a maximum to fail.
	MinimumSeverity Severity `yaml:"minimum_severity"`
	MaximumSeverity Severity `yaml:"maximum_severity"`
	// Attributes maps keys, whole ones, to globs on the value's text; all must
	// be there. "*" asks for no more than that. A slice's and a map's text is
	// JSON.
	Attributes map[string]string `yaml:"attributes"`
	// Body is an RE2 expression that the body's text must contain.
	Body string `yaml:"body"`
	// EventNames lists names and globs, one of which must match; "" are the
	// records without an event name.
	EventNames []string `yaml:"event_names"`
	// Not excludes the records that it chooses.
	Not *Match `yaml:"not"`
}

// Validate reports every part that cannot work.
func (m Match) Validate() error {
	_, err := m.compile()
	return err
}

// validateList is Validate for the matches below a key.
func validateList(key string, list []Match) error {
	var errs []error
	for i, m := range list {
		if err := m.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s[%d]: %w", key, i, err))
		}
	}
	return errors.Join(errs...)
}

// maxMatchDepth bounds how deep Not may nest.
const maxMatchDepth = 16

func (m Match) compile() (*matcher, error) { return m.compileDepth(maxMatchDepth) }

func (m Match) compileDepth(depth int) (*matcher, error) {
	if depth == 0 {
		return nil, fmt.Errorf("not: nested more than %d deep", maxMatchDepth)
	}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if m.MinimumSeverity < 0 || m.MinimumSeverity > Severity(log.SeverityFatal4) {
		bad("minimum_severity %d is no severity", int(m.MinimumSeverity))
	}
	if m.MaximumSeverity < 0 || m.MaximumSeverity > Severity(log.SeverityFatal4) {
		bad("maximum_severity %d is no severity", int(m.MaximumSeverity))
	}
	if m.MinimumSeverity != 0 && m.MaximumSeverity != 0 && m.MinimumSeverity > m.MaximumSeverity {
		bad("minimum_severity %s is above maximum_severity %s: nothing could match", m.MinimumSeverity, m.MaximumSeverity)
	}
	for i, pattern := range m.Loggers {
		if pattern == "" {
			bad("loggers[%d] is empty: write \"*\" for every logger", i)
		}
	}
	c := &matcher{Match: m}
	for _, key := range slices.Sorted(maps.Keys(m.Attributes)) {
		if key == "" {
			bad("attributes: a key is empty")
		}
		pattern := m.Attributes[key]
		c.attributes = append(c.attributes, attributeGlob{attribute.Key(key), pattern, pattern != "" && strings.Trim(pattern, "*") == ""})
	}
	if m.Body != "" {
		re, err := regexp.Compile(m.Body)
		if err != nil {
			bad("body: %w", err)
		}
		c.body = re
	}
	if m.Not != nil {
		not, err := m.Not.compileDepth(depth - 1)
		switch {
		case err != nil:
			bad("not: %w", err)
		case not.judge(&partial{}) == always:
			bad("not: chooses every record: nothing could match")
		}
		c.not = not
	}
	return c, errors.Join(errs...)
}
