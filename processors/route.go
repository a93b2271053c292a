package processors

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

var _ Brancher = (*Route)(nil)

// Rule is one rule of a [Route].
type Rule struct {
	// Match chooses the records; the zero Match chooses all.
	Match Match
	// Processors is the rule's own list of steps.
	Processors []Processor
	// Stop ends the remaining rules, and the rest of the list that the route
	// stands in, for a record that the rule chose. What a rule without
	// processors stops goes nowhere, and is counted as [CauseFiltered].
	Stop bool
}

// Route hands each record to every rule that chooses it, in order, and then
// lets it flow on unless a rule stopped it. What a rule's steps change stays in
// that rule: they work on a copy.
//
// Rules that do not choose a record's logger or its severity cost it nothing
// once the logger is known, however many there are.
type Route struct {
	rules    []rule
	selector *selector
}

type rule struct {
	chain *chain
	stop  bool
}

// NewRoute returns a Route, which then owns the steps of its rules.
func NewRoute(rules ...Rule) (*Route, error) {
	rt := &Route{}
	matches := make([]*matcher, len(rules))
	var errs []error
	for i, r := range rules {
		var err error
		if matches[i], err = r.Match.compile(); err != nil {
			errs = append(errs, fmt.Errorf("route: rules[%d]: match: %w", i, err))
		}
		if len(r.Processors) == 0 && r.Stop {
			r.Processors = []Processor{&drain{}}
		}
		c, err := newChain(r.Processors)
		if err != nil {
			errs = append(errs, fmt.Errorf("route: rules[%d]: %w", i, err))
		}
		rt.rules = append(rt.rules, rule{c, r.Stop})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	rt.selector = newSelector(matches, func(i int) bool { return rt.rules[i].stop })
	return rt, nil
}

func (rt *Route) readsOnly() bool { return true }

// Branches implements [Brancher].
func (rt *Route) Branches() []Branch {
	var all []Branch
	for _, r := range rt.rules {
		all = append(all, r.chain.branches()...)
	}
	return all
}

// Enabled implements [Processor].
func (rt *Route) Enabled(ctx context.Context, scope *record.Origin, sev log.Severity, event string) bool {
	_, wanted := rt.walk(ctx, scope, only(sev), event)
	return wanted
}

// walk follows each severity through the rules.
func (rt *Route) walk(ctx context.Context, scope *record.Origin, sevs severities, event string) (behind severities, wanted bool) {
	for sev := range sevs.each {
		stopped := false
		rt.selector.each(scope, sev, event, func(i int, v verdict) bool {
			r := &rt.rules[i]
			wanted = r.chain.enabled(ctx, scope, sev, event)
			stopped = r.stop && v == always
			return !wanted && !stopped
		})
		if wanted {
			return sevs, true
		}
		if !stopped {
			behind |= only(sev)
		}
	}
	return behind, false
}

func (rt *Route) chains() []*chain {
	all := make([]*chain, len(rt.rules))
	for i := range rt.rules {
		all[i] = rt.rules[i].chain
	}
	return all
}

// OnEmit implements [Processor].
func (rt *Route) OnEmit(ctx context.Context, r *record.Record, next Next) error {
	var errs []error
	for _, c := range rt.selector.choices(r.Logger(), r.Severity) {
		if !c.sure && !rt.selector.rules[c.rule].rest(r) {
			continue
		}
		rule := &rt.rules[c.rule]
		if err := rule.emit(ctx, r); err != nil {
			errs = append(errs, err)
		}
		if rule.stop {
			return errors.Join(errs...)
		}
	}
	if err := next(ctx, r); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (r *rule) emit(ctx context.Context, rec *record.Record) error {
	if r.chain.readOnly {
		return r.chain.first(ctx, rec)
	}
	own := scratch.Get().(*record.Record)
	attrs := append(own.Attributes[:0], rec.Attributes...)
	*own = *rec
	own.Attributes = attrs
	err := r.chain.first(ctx, own)
	own.Reset()
	scratch.Put(own)
	return err
}

// drain is what a rule without processors does that stops records: it counts
// them.
type drain struct{ stopped atomic.Uint64 }

var _ Counted = (*drain)(nil)

func (*drain) readsOnly() bool                                                    { return true }
func (*drain) Enabled(context.Context, *record.Origin, log.Severity, string) bool { return false }
func (*drain) ForceFlush(context.Context) error                                   { return nil }
func (*drain) Shutdown(context.Context) error                                     { return nil }

func (d *drain) OnEmit(context.Context, *record.Record, Next) error {
	d.stopped.Add(1)
	return nil
}

func (d *drain) Books() StepStats {
	s := StepStats{Name: "route"}
	if n := d.stopped.Load(); n > 0 {
		s.Stopped = map[string]uint64{CauseFiltered: n}
	}
	return s
}

// ForceFlush flushes the rules in parallel.
func (rt *Route) ForceFlush(ctx context.Context) error {
	return rt.each(func(c *chain) error { return c.forceFlush(ctx) })
}

// Shutdown shuts the rules down in parallel.
func (rt *Route) Shutdown(ctx context.Context) error {
	return rt.each(func(c *chain) error { return c.shutdown(ctx) })
}

func (rt *Route) each(do func(*chain) error) error {
	return inParallel(len(rt.rules), func(i int) error { return do(rt.rules[i].chain) })
}
