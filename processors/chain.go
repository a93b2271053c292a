package processors

import (
	"context"
	"errors"
	"fmt"
	"sync"

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
}

// reader is a step of this package that never changes the record it is given.
type reader interface{ readsOnly() bool }

func newChain(steps []Processor) (*chain, error) {
	c := &chain{steps: steps, readOnly: true}
	next := Next(func(context.Context, *record.Record) error { return nil })
	seen := map[Processor]bool{}
	for i := len(steps) - 1; i >= 0; i-- {
		step := steps[i]
		if step == nil {
			return nil, fmt.Errorf("processors: step %d is nil", i)
		}
		if seen[step] {
			return nil, fmt.Errorf("processors: step %d (%T) stands in the list twice", i, step)
		}
		seen[step] = true
		r, own := step.(reader)
		if !own || !r.readsOnly() {
			c.readOnly = false
		}
		rest := next
		if own {
			next = func(ctx context.Context, r *record.Record) error { return step.OnEmit(ctx, r, rest) }
		} else {
			next = guard(step, rest)
		}
	}
	c.first = next
	return c, nil
}

// errStepPanicked marks the error of a step that panicked.
var errStepPanicked = errors.New("the record was dropped")

// guard keeps a panic of a user's step away from the code that logs. The
// record goes no further then: the step may have been there to redact it.
func guard(step Processor, rest Next) Next {
	return func(ctx context.Context, r *record.Record) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("processors: %T panicked (%v): %w", step, p, errStepPanicked)
			}
		}()
		return step.OnEmit(ctx, r, rest)
	}
}

// ask asks a step whether it is enabled. A panic says as little as "unsure",
// which is true.
func ask(ctx context.Context, step Processor, scope *record.Origin, sev log.Severity, event string) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = true
		}
	}()
	return step.Enabled(ctx, scope, sev, event)
}

// enabled reports whether any exporter below may take such a record: some
// step that delivers says so, and no step before it stops the record.
func (c *chain) enabled(ctx context.Context, scope *record.Origin, sev log.Severity, event string) bool {
	for _, step := range c.steps {
		ok := ask(ctx, step, scope, sev, event)
		if _, delivers := step.(Brancher); delivers == ok {
			return ok
		}
		if rt, isRoute := step.(*Route); isRoute && rt.stops(scope, sev, event) {
			return false
		}
	}
	return false
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

// forceFlush flushes the steps from first to last, because one may hand what
// it held to the next; steps that deliver go in parallel.
func (c *chain) forceFlush(ctx context.Context) error {
	return c.each(func(p Processor) error {
		return contain(fmt.Sprintf("processors: %T", p), func() error { return p.ForceFlush(ctx) })
	})
}

func (c *chain) shutdown(ctx context.Context) error {
	return c.each(func(p Processor) error {
		return contain(fmt.Sprintf("processors: %T", p), func() error { return p.Shutdown(ctx) })
	})
}

func (c *chain) each(do func(Processor) error) error {
	var errs []error
	var ends []Processor
	for _, step := range c.steps {
		if _, delivers := step.(Brancher); delivers {
			ends = append(ends, step)
		} else {
			errs = append(errs, do(step))
		}
	}
	errs = append(errs, inParallel(len(ends), func(i int) error { return do(ends[i]) }))
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
