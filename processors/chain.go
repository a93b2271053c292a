package processors

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"reflect"
	"sync"
	"time"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

// chain is a list of steps wired together once, so that handing a record from
// step to step allocates nothing.
type chain struct {
	steps []Processor
	first Next
	// readOnly says that no step changes the record it is given.
	readOnly bool
	// rest is what follows the first step, restReadOnly says the same of that.
	rest         Next
	restReadOnly bool
}

// reader is a step of this package that never changes the record it is given.
type reader interface{ readsOnly() bool }

func newChain(steps []Processor) (*chain, error) {
	c := &chain{steps: make([]Processor, len(steps)), readOnly: true}
	next := Next(func(context.Context, *record.Record) error { return nil })
	seen := map[Processor]bool{}
	for i := len(steps) - 1; i >= 0; i-- {
		step := steps[i]
		if step == nil {
			return nil, fmt.Errorf("processors: step %d is nil", i)
		}
		if v := reflect.ValueOf(step); v.Kind() == reflect.Pointer { // others need not be comparable
			if seen[step] {
				return nil, fmt.Errorf("processors: step %d (%T) stands in the list twice", i, step)
			}
			seen[step] = true
		}
		step = host(step)
		c.steps[i] = step
		c.rest, c.restReadOnly = next, c.readOnly
		if r, ok := step.(reader); !ok || !r.readsOnly() {
			c.readOnly = false
		}
		rest := next
		next = func(ctx context.Context, r *record.Record) error { return step.OnEmit(ctx, r, rest) }
	}
	c.first = next
	return c, nil
}

// severities is a set of severities, one bit for each number; bit 0 stands for
// records without one.
type severities uint32

func only(s log.Severity) severities { return 1 << min(max(s, 0), log.SeverityFatal4) }

// each calls yield with every severity of the set, from the lowest up.
func (s severities) each(yield func(log.Severity) bool) {
	for ; s != 0; s &= s - 1 {
		if !yield(log.Severity(bits.TrailingZeros32(uint32(s)))) {
			return
		}
	}
}

// walker is a step of this package that can tell more than Enabled what
// becomes of records of which only scope, severity and event name are known.
type walker interface {
	// walk returns which severities such records, whose severity is one of
	// sevs, may have behind the step (none if it stops them all), and whether
	// the step, or an exporter below it, wants any of them whatever follows.
	walk(ctx context.Context, scope *record.Origin, sevs severities, event string) (behind severities, wanted bool)
}

// enabled reports whether anything below may have a use for such a record.
func (c *chain) enabled(ctx context.Context, scope *record.Origin, sev log.Severity, event string) bool {
	return c.wants(ctx, scope, only(sev), event)
}

func (c *chain) wants(ctx context.Context, scope *record.Origin, sevs severities, event string) bool {
	for _, step := range c.steps {
		var wanted bool
		if sevs, wanted = walk(ctx, step, scope, sevs, event); wanted || sevs == 0 {
			return wanted
		}
	}
	return false
}

func walk(ctx context.Context, step Processor, scope *record.Origin, sevs severities, event string) (behind severities, wanted bool) {
	if w, ok := step.(walker); ok {
		return w.walk(ctx, scope, sevs, event)
	}
	var enabled severities
	for sev := range sevs.each {
		if step.Enabled(ctx, scope, sev, event) {
			enabled |= only(sev)
		}
	}
	if _, delivers := step.(Brancher); delivers {
		return sevs, enabled != 0
	}
	return enabled, false
}

// parent is a step with lists of steps of its own.
type parent interface{ chains() []*chain }

// all returns the list's steps, each before those below it.
func (c *chain) all() []Processor {
	var all []Processor
	for _, step := range c.steps {
		all = append(all, step)
		if p, ok := inner(step).(parent); ok {
			for _, inner := range p.chains() {
				all = append(all, inner.all()...)
			}
		}
	}
	return all
}

// books returns the books of the list's steps, and of those below them.
func (c *chain) books() []StepStats {
	var all []StepStats
	for _, step := range c.all() {
		if b, ok := step.(Counted); ok {
			all = append(all, b.Books())
		}
	}
	return all
}

func (c *chain) branches() []Branch {
	var all []Branch
	for _, step := range c.steps {
		if b, ok := step.(Brancher); ok {
			all = append(all, b.Branches()...)
		}
	}
	return all
}

func (c *chain) forceFlush(ctx context.Context) error {
	return c.each(ctx, Processor.ForceFlush)
}

// shutdown first has the branches keep nobody waiting any more: what the steps
// hand on at their end goes to one branch after the other, and one that is stuck
// would keep it from the rest.
func (c *chain) shutdown(ctx context.Context) error {
	for _, b := range c.branches() {
		if b, ok := b.(*Batch); ok {
			b.admit()
		}
	}
	return c.each(ctx, Processor.Shutdown)
}

// each goes through the steps from first to last, because one may hand what it
// held to the next, and then through those that deliver, in parallel. The former
// have half of the time that ctx leaves: one that is stuck must not cost the
// branches what they have queued.
func (c *chain) each(ctx context.Context, do func(Processor, context.Context) error) error {
	var errs []error
	var ends []Processor
	first, cancel := ctx, context.CancelFunc(func() {})
	if end, ok := ctx.Deadline(); ok {
		first, cancel = context.WithTimeout(ctx, time.Until(end)/2)
	}
	defer cancel()
	for _, step := range c.steps {
		if _, delivers := step.(Brancher); delivers {
			ends = append(ends, step)
		} else {
			errs = append(errs, do(step, first))
		}
	}
	errs = append(errs, inParallel(len(ends), func(i int) error { return do(ends[i], ctx) }))
	return errors.Join(errs...)
}

// inParallel does n things at once and joins their errors.
func inParallel(n int, do func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = do(i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
