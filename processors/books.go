package processors

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/redact"
)

// books are a branch's counters; the branch's lock guards them.
type books struct {
	accepted, delivered uint64
	dropped             map[string]uint64
	dropError           string
	writes              uint64
	writeTime           time.Duration
	failures            uint64
	lastError           string
	failingSince        time.Time
}

func (b *books) drop(cause string, n int) {
	if n == 0 {
		return
	}
	if b.dropped == nil {
		b.dropped = make(map[string]uint64)
	}
	b.dropped[cause] += uint64(n)
}

// refused is drop for what a Write failed with, as failureText tells it.
func (b *books) refused(cause string, n int, failure string) {
	b.drop(cause, n)
	if n > 0 && cause != CauseShutdown {
		b.dropError = failure
	}
}

// wrote enters how long a Write took.
func (b *books) wrote(took time.Duration) {
	b.writes++
	b.writeTime += took
}

// open returns how many accepted records are neither delivered nor dropped.
func (b *books) open() uint64 {
	n := b.accepted - b.delivered
	for _, d := range b.dropped {
		n -= d
	}
	return n
}

// outcome enters what failureText makes of a Write's error.
func (b *books) outcome(failure string) {
	if failure == "" {
		b.lastError, b.failingSince = "", time.Time{}
		return
	}
	if b.failingSince.IsZero() {
		b.failingSince = time.Now()
	}
	b.failures++
	b.lastError = failure
}

// maxFailure bounds what is kept of an error's text, in bytes; a panic's has a
// stack.
const maxFailure = 8 << 10

// maxReadFailure bounds what of such a text is looked through for secrets.
const maxReadFailure = 256 << 10

// failureText returns the text of an error as statistics and the error handler
// get it: without secrets, such as the password in a URL. It is empty only if
// there is no error.
func failureText(err error) (text string) {
	if err == nil {
		return ""
	}
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("%T, whose Error method panicked", err)
		}
	}()
	text = err.Error()
	// Redacted before it is cut: half a secret may not look like one.
	text, _ = redact.Default().String(text[:min(len(text), maxReadFailure)])
	if len(text) > maxFailure {
		text = strings.ToValidUTF8(text[:maxFailure], "") + "…"
	}
	return cmp.Or(text, "no reason given")
}

// panicText returns the text of what somebody panicked with, as failureText
// does: it may tell of the very thing that the code was there to hide.
func panicText(p any) string { return failureText(fmt.Errorf("%v", p)) }

// stats returns the books, counting what the sink holds as in flight. What the
// sink says is older than they are.
func (b *books) stats(name string, sink sinkStats) ExporterStats {
	held := min(sink.held, b.delivered)
	s := ExporterStats{
		Name:          name,
		Accepted:      b.accepted,
		Delivered:     b.delivered - held,
		Dropped:       maps.Clone(b.dropped),
		InFlight:      held,
		Detoured:      sink.detours.Detoured(),
		Switches:      sink.detours.Switches,
		Writes:        b.writes,
		WriteTime:     b.writeTime,
		Failures:      b.failures + sink.tries.Failures,
		LastError:     b.lastError,
		FailingSince:  b.failingSince,
		LastDropError: b.dropError,
	}
	// A Write that lasts shows how it goes.
	if t := sink.tries; t.Err != nil {
		if s.LastError == "" {
			s.LastError = failureText(t.Err)
		}
		if s.FailingSince.IsZero() || t.FailingSince.Before(s.FailingSince) {
			s.FailingSince = t.FailingSince
		}
	}
	return s
}

// sinkName names a sink that was given no name after its package: "file". A
// decorator has the name of what it wraps, an SDK's exporter that of its own
// package, which it tells.
func sinkName(s exporters.Sink) string {
	s = innermost(s)
	if named, ok := s.(fmt.Stringer); ok {
		return named.String()
	}
	name, _, _ := strings.Cut(typeName(s), ".")
	return name
}

// innermost returns the sink behind all decorators.
func innermost(s exporters.Sink) exporters.Sink {
	for {
		u, ok := s.(exporters.Unwrapper)
		if !ok {
			return s
		}
		s = u.Unwrap()
	}
}

// typeName returns the name of v's type: "file.Exporter".
func typeName(v any) string { return strings.TrimLeft(fmt.Sprintf("%T", v), "*") }

// sinkStats are what a sink says of itself.
type sinkStats struct {
	held    uint64 // records that it keeps on purpose
	detours exporters.FailoverCounts
	tries   exporters.RetryStats
}

func askSink(s exporters.Sink) (st sinkStats) {
	defer func() { _ = recover() }() // who asks for statistics is not to suffer
	// What is held behind a queue on disk waits there as well.
	if h, ok := exporters.As[exporters.Holder](s); ok && queueBehind(s) == nil {
		st.held = uint64(max(h.Held(), 0))
	}
	if d, ok := exporters.As[exporters.Detourer](s); ok {
		st.detours = d.Counts()
	}
	if r, ok := exporters.As[*exporters.Retry](s); ok {
		st.tries = r.Stats()
	}
	return st
}

// grace is what a sink or worker that heeds its context needs to come back
// once that is done.
const grace = 50 * time.Millisecond

// contain makes the panic of an exporter or step an error.
func contain(who string, do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s panicked: %s\n%s", who, panicText(p), debug.Stack())
		}
	}()
	return do()
}

// aside runs do, shielded from panics, but waits for it no longer than ctx
// allows: it may be stuck.
func aside(ctx context.Context, who string, do func() error) error {
	done := make(chan error, 1)
	go func() {
		err := fmt.Errorf("%s ended its goroutine", who)
		defer func() { done <- err }()
		err = contain(who, do)
	}()
	err, ok := await(ctx, done)
	if !ok {
		return fmt.Errorf("%s does not come back: %w", who, ctx.Err())
	}
	return err
}

// flushSink flushes a sink, shielded from its panics.
func flushSink(ctx context.Context, s exporters.Sink, name string) error {
	return contain(name+": the exporter", func() error { return s.ForceFlush(ctx) })
}

// ending lets the first call of a Shutdown through; later ones wait for it,
// each as long as its own context allows.
type ending struct {
	begun atomic.Bool
	done  chan struct{}
}

func newEnding() ending { return ending{done: make(chan struct{})} }

func (e *ending) run(ctx context.Context, shutdown func() error) error {
	if !e.begun.Swap(true) {
		defer close(e.done)
		return shutdown()
	}
	if _, ok := await(ctx, e.done); !ok {
		return ctx.Err()
	}
	return nil
}

// shutdownSink shuts a sink down.
func shutdownSink(ctx context.Context, s exporters.Sink, name string) error {
	return aside(ctx, name+": the exporter", func() error { return s.Shutdown(ctx) })
}

// await receives from c, for at most grace longer than ctx lives.
func await[T any](ctx context.Context, c <-chan T) (v T, ok bool) {
	select {
	case v = <-c:
		return v, true
	case <-ctx.Done():
	}
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case v = <-c:
		return v, true
	case <-t.C:
		return v, false
	}
}
