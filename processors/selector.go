package processors

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

// selector finds the rules of a list that choose a record. What a rule says of
// a logger and a severity is asked once and remembered, so that what a record
// costs grows with the rules that may choose it, not with all there are.
//
// All methods may be called concurrently; finding what is known takes no lock
// and allocates nothing.
type selector struct {
	rules []*matcher
	// last reports whether a rule that chooses a record is the last to be
	// asked.
	last func(rule int) bool
	// byLogger says that the logger matters at all.
	byLogger bool

	common  decisions // of every logger, unless byLogger
	loggers loggerCache

	mu    sync.Mutex
	lists map[string]*[]choice // equal lists are kept once
	held  int                  // choices in lists
}

// choice is a rule that may choose the records of a logger and a severity.
type choice struct {
	rule int
	sure bool // it chooses all of them
}

// maxChoices bounds what a selector remembers: when its lists hold more, it
// forgets everything and begins anew.
const maxChoices = 1 << 16

// decisions are the lists of one logger: for severities below 0, each from 0
// to 24, and above. They are made when they are asked for.
type decisions [log.SeverityFatal4 + 3]atomic.Pointer[[]choice]

// of returns where the list of a severity is.
func (d *decisions) of(sev log.Severity) *atomic.Pointer[[]choice] {
	return &d[min(max(sev, -1), log.SeverityFatal4+1)+1]
}

func newSelector(rules []*matcher, last func(rule int) bool) *selector {
	s := &selector{rules: rules, last: last, loggers: newLoggerCache(), lists: map[string]*[]choice{}}
	for _, m := range rules {
		s.byLogger = s.byLogger || m.asksLogger()
	}
	return s
}

// onlyMatch is the selector of a single, optional match.
func onlyMatch(m *Match) (*selector, error) {
	if m == nil {
		m = &Match{}
	}
	return firstOf([]Match{*m})
}

// firstOf is the selector of the first match that chooses a record.
func firstOf(list []Match) (*selector, error) {
	rules := make([]*matcher, len(list))
	for i, m := range list {
		var err error
		if rules[i], err = m.compile(); err != nil {
			return nil, err
		}
	}
	return newSelector(rules, func(int) bool { return true }), nil
}

// first returns the first rule that chooses the record; -1 if none does.
func (s *selector) first(r *record.Record) int {
	for _, c := range s.choices(r.Logger(), r.Severity) {
		if c.sure || s.rules[c.rule].rest(r) {
			return c.rule
		}
	}
	return -1
}

// choices returns the rules that may choose a record, in order, up to the first
// that surely ends the list.
func (s *selector) choices(logger string, sev log.Severity) []choice {
	d := &s.common
	if s.byLogger {
		if d = s.loggers.find(logger); d == nil {
			d = s.loggers.add(logger)
		}
	}
	place := d.of(sev)
	list := place.Load()
	if list == nil {
		list = s.decide(logger, sev)
		place.Store(list)
	}
	return *list
}

func (s *selector) decide(logger string, sev log.Severity) *[]choice {
	p := partial{logger: logger, severity: sev, hasLogger: true, hasSeverity: true}
	var list []choice
	var key []byte
	for i, m := range s.rules {
		v := m.judge(&p)
		if v == never {
			continue
		}
		list = append(list, choice{i, v == always})
		key = binary.AppendVarint(key, int64(i))
		key = append(key, byte(v))
		if v == always && s.last(i) {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.lists[string(key)]; ok {
		return known
	}
	if s.held > maxChoices {
		clear(s.lists)
		s.held = 0
		s.loggers.clear()
	}
	s.lists[string(key)] = &list
	s.held += len(list) + 1
	return &list
}

// each calls yield with the rules that may choose records of which only this
// is known, in order, and with what each says of them, until yield returns
// false.
func (s *selector) each(scope *record.Origin, sev log.Severity, event string, yield func(rule int, v verdict) bool) {
	p := partly(scope, sev, event)
	if !p.hasLogger || !p.hasSeverity {
		for i, m := range s.rules {
			if v := m.judge(&p); v != never && !yield(i, v) {
				return
			}
		}
		return
	}
	for _, c := range s.choices(p.logger, p.severity) {
		v := always
		if !c.sure {
			v = s.rules[c.rule].judge(&p) // the event's name may settle it
		}
		if v != never && !yield(c.rule, v) {
			return
		}
	}
}

// enabled reports whether a rule may choose a record of which only this is
// known.
func (s *selector) enabled(scope *record.Origin, sev log.Severity, event string) (may bool) {
	s.each(scope, sev, event, func(int, verdict) bool {
		may = true
		return false
	})
	return may
}
