package exporters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// Failover is a Sink that stands in front of several and writes to the first
// of them that works.
//
// An error that is worth another try, or by which the exporter is
// [Misconfigured], moves the records that are left to the next exporter at
// once. The one that failed is tried again, with records of
// one Write, after a pause drawn from the upper half of a bound that doubles
// from 5 s to 1 min, and not before the time that its [RetryAfterer] named; if
// it works, it is used again from then on. Other Permanent and Poison errors and
// the count of rejected records belong to the records, not to the destination:
// they come back as they are, and nobody else is asked.
//
// When none works the error holds that of each and is worth another try, unless
// all of them are misconfigured: then it says so, too. A Write then has asked all of them, those in their pause as well, but for
// those that named a time: it is a RetryAfterer itself whose wait ends when
// the first of them may be asked again, 0 if one did not name any.
//
// What is left of ctx's deadline is shared out evenly: each exporter but the
// last has its part of it, so that one that does not answer leaves time for
// the next.
//
// The records of one Write keep their order, be it over several destinations.
type Failover struct {
	sinks    []Sink
	forwards bool
	quiet    bool
	closed   atomic.Bool

	mu       sync.Mutex
	members  []member
	used     int // the exporter that records go to
	switches uint64
}

var (
	_ Unwrapper = (*Failover)(nil)
	_ Quiet     = (*Failover)(nil)
	_ Holder    = (*Failover)(nil)
	_ Detourer  = (*Failover)(nil)
	_ Forwarder = (*Failover)(nil)
)

// NewFailover returns a Failover in front of sinks, the preferred one first.
// It owns them: Shutdown shuts them down.
func NewFailover(sinks ...Sink) (*Failover, error) {
	if len(sinks) == 0 {
		return nil, errors.New("failover: no exporter")
	}
	f := &Failover{sinks: slices.Clone(sinks), forwards: true, quiet: true, members: make([]member, len(sinks))}
	for i, s := range sinks {
		if s == nil {
			return nil, fmt.Errorf("failover: exporter %d is nil", i+1)
		}
		f.forwards = f.forwards && CanForward(s)
		f.quiet = f.quiet && IsQuiet(s)
	}
	return f, nil
}

// FailoverCounts tell where records went.
type FailoverCounts struct {
	// Taken holds, in the order of the exporters, how many records each took.
	Taken []uint64
	// Switches counts how often records began to go to another exporter.
	Switches uint64
}

// Detoured returns how many records another exporter than the first took.
func (c FailoverCounts) Detoured() uint64 {
	var n uint64
	for i, taken := range c.Taken {
		if i > 0 {
			n += taken
		}
	}
	return n
}

// Counts returns where records went so far.
func (f *Failover) Counts() FailoverCounts {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := FailoverCounts{make([]uint64, len(f.members)), f.switches}
	for i := range f.members {
		c.Taken[i] = f.members[i].took
	}
	return c
}

// Unwrap returns the preferred exporter, whose name stands for all.
func (f *Failover) Unwrap() Sink { return f.sinks[0] }

// Quiet implements [Quiet].
func (f *Failover) Quiet() bool { return f.quiet }

// Held implements [Holder].
func (f *Failover) Held() int {
	n := 0
	for _, s := range f.sinks {
		if h, ok := As[Holder](s); ok {
			n += h.Held()
		}
	}
	return n
}

// Forwards implements [Forwarder]: all exporters must.
func (f *Failover) Forwards() bool { return f.forwards }

// Write implements [Sink].
func (f *Failover) Write(ctx context.Context, recs []record.Record) (int, error) {
	return failOver(ctx, f, recs, Sink.Write)
}

// WriteOTLP implements [Forwarder].
func (f *Failover) WriteOTLP(ctx context.Context, recs []encode.OTLPRecord) (int, error) {
	return failOver(ctx, f, recs, forward)
}

// failOver writes recs to the exporters of f until one has taken the last.
func failOver[R any](ctx context.Context, f *Failover, recs []R, write func(Sink, context.Context, []R) (int, error)) (int, error) {
	if f.closed.Load() {
		return 0, ErrClosed
	}
	if len(recs) == 0 {
		return 0, nil // tells nothing of any exporter
	}
	var (
		done   int
		far    rejections
		tried  []bool // nil until one has failed
		failed []error
	)
	for {
		m, ok := f.pick(tried)
		if !ok {
			return done, far.beside(f.unavailable(tried, failed))
		}
		n, err := inShare(ctx, m.share, func(ctx context.Context) (int, error) {
			return write(f.sinks[m.index], ctx, recs[done:])
		})
		n = min(max(n, 0), len(recs)-done)
		done += n
		err, refused := far.take(err, n)
		if done == len(recs) {
			f.worked(m.index, n-refused)
			return done, far.beside(err)
		}
		if err == nil {
			err = io.ErrShortWrite // breaks the contract; nothing may get lost by it
		}
		if kind, _ := Classify(err); kind != Retryable && !IsMisconfigured(err) {
			f.worked(m.index, n-refused)
			return done, far.beside(err)
		}
		// Who cancels says nothing about the exporter, an expired deadline does.
		f.failed(m, n-refused, err, !errors.Is(ctx.Err(), context.Canceled))
		switch {
		case ctx.Err() != nil:
			if IsMisconfigured(err) { // of the others nobody knows
				err = fmt.Errorf("%w: %s", context.Cause(ctx), err)
			}
			return done, far.beside(err)
		case f.closed.Load():
			return done, far.beside(fmt.Errorf("%w: %w", ErrClosed, err))
		}
		if tried == nil {
			tried = make([]bool, len(f.sinks))
		}
		tried[m.index] = true
		failed = append(failed, fmt.Errorf("exporter %d: %w", m.index+1, err))
	}
}

// inShare calls write with one of n parts of the time that ctx has left.
func inShare(ctx context.Context, n int, write func(context.Context) (int, error)) (int, error) {
	if end, ok := ctx.Deadline(); ok && n > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(n))
		defer cancel()
	}
	return write(ctx)
}

// ForceFlush flushes all exporters at once.
func (f *Failover) ForceFlush(ctx context.Context) error {
	if f.closed.Load() {
		return nil
	}
	return f.each(func(s Sink) error { return s.ForceFlush(ctx) })
}

// Shutdown shuts all exporters down at once.
func (f *Failover) Shutdown(ctx context.Context) error {
	if f.closed.Swap(true) {
		return nil
	}
	return f.each(func(s Sink) error { return s.Shutdown(ctx) })
}

// each calls do for all exporters at once. What one panics with goes on in the
// caller, who may know what to do about it, once the others have ended.
func (f *Failover) each(do func(Sink) error) error {
	errs := make([]error, len(f.sinks))
	panics := make(chan any, len(f.sinks))
	var wg sync.WaitGroup
	for i, s := range f.sinks {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					panics <- p
				}
			}()
			errs[i] = do(s)
		})
	}
	wg.Wait()
	select {
	case p := <-panics:
		panic(p)
	default:
		return errors.Join(errs...)
	}
}
