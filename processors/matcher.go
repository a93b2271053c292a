package processors

import (
	"math"
	"regexp"
	"slices"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

// matcher is a compiled Match; a nil matcher matches everything.
type matcher struct {
	Match
	attributes []attributeGlob // in the order of their keys
	body       *regexp.Regexp
	not        *matcher
}

// match reports whether the record is chosen.
func (m *matcher) match(r *record.Record) bool {
	return m == nil || m.severity(r.Severity) && m.logger(r.Logger()) && m.rest(r)
}

func (m *matcher) logger(name string) bool {
	return len(m.Loggers) == 0 ||
		slices.ContainsFunc(m.Loggers, func(pattern string) bool { return covers(pattern, name) })
}

func (m *matcher) severity(s log.Severity) bool {
	if s == log.SeverityUndefined {
		return true
	}
	return (m.MinimumSeverity == 0 || s >= log.Severity(m.MinimumSeverity)) &&
		(m.MaximumSeverity == 0 || s <= log.Severity(m.MaximumSeverity))
}

func (m *matcher) event(name string) bool {
	return len(m.EventNames) == 0 ||
		slices.ContainsFunc(m.EventNames, func(pattern string) bool { return glob(pattern, name) })
}

// asksLogger reports whether the logger matters.
func (m *matcher) asksLogger() bool {
	return m != nil && (len(m.Loggers) > 0 || m.not.asksLogger())
}

// rest is the part of match that takes more than the logger and the severity.
func (m *matcher) rest(r *record.Record) bool {
	if m == nil {
		return true
	}
	if !m.event(r.EventName) {
		return false
	}
	for i := range m.attributes {
		a := &m.attributes[i]
		if v, ok := r.Attr(a.key); !ok || !a.match(v) {
			return false
		}
	}
	if m.body != nil && !m.body.MatchString(r.Body.String()) {
		return false
	}
	return m.not == nil || !m.not.match(r)
}

// partial is what is known of a record before all of it is.
type partial struct {
	logger   string
	severity log.Severity
	event    string

	hasLogger, hasSeverity, hasEvent bool
}

// partly is what Enabled is asked about, in which an empty event and severity
// 0 may be those of a record yet to be filled in.
func partly(scope *record.Origin, sev log.Severity, event string) partial {
	p := partial{severity: sev, hasSeverity: sev != log.SeverityUndefined, event: event, hasEvent: event != ""}
	if scope != nil {
		p.logger, p.hasLogger = scope.Scope.Name, true
	}
	return p
}

// verdict is what a matcher says of all records of which the same is known.
type verdict uint8

const (
	never verdict = iota
	maybe
	always
)

func (m *matcher) judge(p *partial) verdict {
	if m == nil {
		return always
	}
	v := always
	if len(m.Loggers) > 0 {
		if !p.hasLogger {
			v = maybe
		} else if !m.logger(p.logger) {
			return never
		}
	}
	if m.MinimumSeverity != 0 || m.MaximumSeverity != 0 {
		if !p.hasSeverity {
			v = maybe
		} else if !m.severity(p.severity) {
			return never
		}
	}
	if len(m.EventNames) > 0 {
		if !p.hasEvent {
			v = maybe
		} else if !m.event(p.event) {
			return never
		}
	}
	if len(m.attributes) > 0 || m.body != nil {
		v = maybe
	}
	if m.not != nil {
		switch m.not.judge(p) {
		case always:
			return never
		case maybe:
			v = maybe
		}
	}
	return v
}

type attributeGlob struct {
	key     attribute.Key
	pattern string
	any     bool // the pattern matches every text
}

// match matches the value's text, of which it allocates none for scalars.
func (g *attributeGlob) match(v attribute.Value) bool {
	if g.any {
		return true
	}
	var buf [32]byte
	switch v.Type() {
	case attribute.INT64:
		return glob(g.pattern, string(strconv.AppendInt(buf[:0], v.AsInt64(), 10)))
	case attribute.FLOAT64:
		if f := v.AsFloat64(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return glob(g.pattern, string(strconv.AppendFloat(buf[:0], f, 'g', -1, 64)))
		}
	}
	return glob(g.pattern, v.String())
}
