package processors

import (
	"errors"
	"fmt"
	"regexp"
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
// chooses all.
type Match struct {
	// Loggers lists logger names, which cover their children below "." and
	// "/", and globs ("*" and "?"); one must cover the record's logger.
	Loggers []string `yaml:"loggers"`
	// MinimumSeverity and MaximumSeverity bound the severity, inclusively. A
	// record without severity has neither a minimum nor a maximum to fail.
	MinimumSeverity Severity `yaml:"minimum_severity"`
	MaximumSeverity Severity `yaml:"maximum_severity"`
	// Attributes maps keys to globs on the value's text; all must be there.
	Attributes map[string]string `yaml:"attributes"`
	// Body is an RE2 expression that the body's text must contain.
	Body string `yaml:"body"`
	// EventNames lists names and globs, one of which must match.
	EventNames []string `yaml:"event_names"`
	// Not excludes the records that it chooses.
	Not *Match `yaml:"not"`
}

// Validate reports every part that cannot work.
func (m Match) Validate() error {
	_, err := m.compile()
	return err
}

// maxMatchDepth bounds how deep Not may nest.
const maxMatchDepth = 16

func (m Match) compile() (*matcher, error) { return m.compileDepth(maxMatchDepth) }

func (m Match) compileDepth(depth int) (*matcher, error) {
	if depth == 0 {
		return nil, fmt.Errorf("not: nested more than %d deep", maxMatchDepth)
	}
	var errs []error
	c := &matcher{Match: m}
	if m.MinimumSeverity != 0 && m.MaximumSeverity != 0 && m.MinimumSeverity > m.MaximumSeverity {
		errs = append(errs, fmt.Errorf("minimum_severity %s is above maximum_severity %s: nothing could match", m.MinimumSeverity, m.MaximumSeverity))
	}
	for i, pattern := range m.Loggers {
		if pattern == "" {
			errs = append(errs, fmt.Errorf("loggers[%d] is empty: write \"*\" for every logger", i))
		}
	}
	if m.Body != "" {
		re, err := regexp.Compile(m.Body)
		if err != nil {
			errs = append(errs, fmt.Errorf("body: %w", err))
		}
		c.body = re
	}
	for key, pattern := range m.Attributes {
		c.attributes = append(c.attributes, attributeGlob{attribute.Key(key), pattern})
	}
	if m.Not != nil {
		not, err := m.Not.compileDepth(depth - 1)
		if err != nil {
			errs = append(errs, fmt.Errorf("not: %w", err))
		}
		c.not = not
	}
	return c, errors.Join(errs...)
}

// compileMatch compiles an optional Match; nil matches everything.
func compileMatch(m *Match) (*matcher, error) {
	if m == nil {
		return nil, nil
	}
	return m.compile()
}

// matcher is a compiled Match; a nil matcher matches everything.
type matcher struct {
	Match
	attributes []attributeGlob
	body       *regexp.Regexp
	not        *matcher
}

type attributeGlob struct {
	key     attribute.Key
	pattern string
}

func (m *matcher) logger(name string) bool {
	if len(m.Loggers) == 0 {
		return true
	}
	for _, pattern := range m.Loggers {
		if covers(pattern, name) {
			return true
		}
	}
	return false
}

func (m *matcher) severity(s log.Severity) bool {
	if s == log.SeverityUndefined {
		return true
	}
	return (m.MinimumSeverity == 0 || s >= log.Severity(m.MinimumSeverity)) &&
		(m.MaximumSeverity == 0 || s <= log.Severity(m.MaximumSeverity))
}

func (m *matcher) event(name string) bool {
	if len(m.EventNames) == 0 {
		return true
	}
	for _, pattern := range m.EventNames {
		if glob(pattern, name) {
			return true
		}
	}
	return false
}

// match reports whether the record is chosen.
func (m *matcher) match(r *record.Record) bool {
	if m == nil {
		return true
	}
	if !m.severity(r.Severity) || !m.logger(r.Logger()) || !m.event(r.EventName) {
		return false
	}
	for _, a := range m.attributes {
		if v, ok := r.Attr(a.key); !ok || !glob(a.pattern, text(v)) {
			return false
		}
	}
	if m.body != nil && !m.body.MatchString(text(r.Body)) {
		return false
	}
	return m.not == nil || !m.not.match(r)
}

// enabled reports whether a record of which only this is known may be chosen.
func (m *matcher) enabled(scope *record.Origin, sev log.Severity, event string) bool {
	if m == nil {
		return true
	}
	if !m.severity(sev) || (event != "" && !m.event(event)) {
		return false
	}
	if scope != nil && !m.logger(scope.Scope.Name) {
		return false
	}
	return m.not == nil || !m.not.certain(scope, sev, event)
}

// certain reports whether every record of which only this is known is chosen.
func (m *matcher) certain(scope *record.Origin, sev log.Severity, event string) bool {
	if len(m.attributes) > 0 || m.body != nil {
		return false
	}
	if len(m.Loggers) > 0 && (scope == nil || !m.logger(scope.Scope.Name)) {
		return false
	}
	if len(m.EventNames) > 0 && (event == "" || !m.event(event)) {
		return false
	}
	if (m.MinimumSeverity != 0 || m.MaximumSeverity != 0) && sev == log.SeverityUndefined {
		return false
	}
	return m.severity(sev) && (m.not == nil || !m.not.enabled(scope, sev, event))
}

func text(v attribute.Value) string {
	if v.Type() == attribute.STRING {
		return v.AsString()
	}
	return v.String()
}
