package exporters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed2f724858/sluice/record"
)

// RetryConfig says how long and how often [Retry] tries again.
type RetryConfig struct {
	// Initial bounds the first pause; each further pause may be twice as long.
	Initial Duration `yaml:"initial"`
	// Max bounds every pause.
	Max Duration `yaml:"max"`
	// MaxElapsed is how long one Write goes on without delivering a record
	// before it gives up, unless its context ends before that; 0 never tries
	// twice, Unlimited never gives up.
	MaxElapsed Duration `yaml:"max_elapsed"`
}

// DefaultRetryConfig starts at 1 s and doubles up to 30 s, as the handlers
// users know do, and gives up after 5 minutes, the Collector's figure. Behind a
// batch processor that is never reached: its ExportTimeout, 30 s by default,
// ends each Write, and the next one starts anew, so what an outage costs is the
// queue's decision. A sink that must outlast long outages belongs under a spool.
func DefaultRetryConfig() RetryConfig {
	return RetryConfig{
		Initial:    Duration(time.Second),
		Max:        Duration(30 * time.Second),
		MaxElapsed: Duration(5 * time.Minute),
	}
}

// Validate reports what is wrong with c.
func (c RetryConfig) Validate() error {
	var errs []error
	if c.Initial <= 0 {
		errs = append(errs, fmt.Errorf("initial: want more than 0, have %s", c.Initial))
	}
	if c.Max < c.Initial {
		errs = append(errs, fmt.Errorf("max: want at least initial (%s), have %s", c.Initial, c.Max))
	}
	if c.MaxElapsed < 0 {
		errs = append(errs, fmt.Errorf("max_elapsed: want 0 or more, or \"unlimited\", have %s", c.MaxElapsed))
	}
	return errors.Join(errs...)
}

// RetryAfterer is an error by which the far side says how long to wait before
// the next try (HTTP's Retry-After, gRPC's RetryInfo).
type RetryAfterer interface {
	error
	RetryAfter() time.Duration
}

// Retry is a Sink that writes again what its Sink could not deliver.
//
// Only errors that are worth another try are retried; Permanent and Poison
// errors come back at once. Pauses are drawn evenly from 0 to a bound that
// doubles ("full jitter"), so that a fleet does not return in step; a
// [RetryAfterer] lengthens them. After MaxElapsed the last error comes back as
// Permanent, when ctx ends as worth another try. Records that the far side
// rejected are summed over all tries.
type Retry struct {
	sink   Sink
	cfg    RetryConfig
	once   sync.Once
	closed chan struct{}

	failures atomic.Uint64
	trouble  atomic.Pointer[trouble] // nil if the latest try succeeded
}

// trouble is a row of failed tries.
type trouble struct {
	latest error
	since  time.Time
}

var _ Unwrapper = (*Retry)(nil)

// NewRetry returns a Retry in front of sink.
func NewRetry(sink Sink, cfg RetryConfig) (*Retry, error) {
	if sink == nil {
		return nil, errors.New("retry: no exporter")
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("retry: %w", err)
	}
	return &Retry{sink: sink, cfg: cfg, closed: make(chan struct{})}, nil
}

// Unwrap returns the Sink behind r.
func (r *Retry) Unwrap() Sink { return r.sink }

// Quiet implements [Quiet].
func (r *Retry) Quiet() bool { return IsQuiet(r.sink) }

// RetryStats tell how the tries of a [Retry] go while its Writes last.
type RetryStats struct {
	// Failures counts the failed tries that another one followed.
	Failures uint64
	// Err is what the latest try failed with, FailingSince when the first one
	// failed since the last that did not; nil and zero if the latest did not.
	Err          error
	FailingSince time.Time
}

// Stats returns how the tries go.
func (r *Retry) Stats() RetryStats {
	s := RetryStats{Failures: r.failures.Load()}
	if t := r.trouble.Load(); t != nil {
		s.Err, s.FailingSince = t.latest, t.since
	}
	return s
}

// failed notes a failed try.
func (r *Retry) failed(err error) {
	since := time.Now()
	if t := r.trouble.Load(); t != nil {
		since = t.since
	}
	r.trouble.Store(&trouble{err, since})
}

// answered notes a try that did not fail.
func (r *Retry) answered() {
	if r.trouble.Load() != nil {
		r.trouble.Store(nil)
	}
}

// Write implements [Sink].
func (r *Retry) Write(ctx context.Context, recs []record.Record) (int, error) {
	if isClosed(r.closed) {
		return 0, ErrClosed
	}
	var (
		done  int
		far   rejections
		bound = r.cfg.Initial.Std()
		since = time.Now()
	)
	for {
		n, err := r.sink.Write(ctx, recs[done:])
		n = min(max(n, 0), len(recs)-done)
		done += n
		err, _ = far.take(err, n)
		if done == len(recs) {
			// Nothing is left to try again; an error beside full delivery
			// (of closing a rotated file, say) is told all the same.
			r.answered()
			return done, far.beside(err)
		}
		if err == nil {
			err = io.ErrShortWrite // breaks the contract; nothing may get lost by it
		}
		if kind, _ := Classify(err); kind != Retryable {
			r.answered()
			return done, far.beside(err)
		}
		r.failed(err)
		if n > 0 {
			bound, since = r.cfg.Initial.Std(), time.Now()
		}
		if err := r.pause(ctx, bound, since, err); err != nil {
			return done, far.beside(err)
		}
		r.failures.Add(1)
		bound += min(bound, r.cfg.Max.Std()-bound) // 2*bound may be more than a Duration holds
	}
}

// pause waits before the next try. It returns the error to give up with when
// there is to be none.
func (r *Retry) pause(ctx context.Context, bound time.Duration, since time.Time, cause error) error {
	d := rand.N(bound) + 1
	var hint time.Duration
	if ra, ok := errors.AsType[RetryAfterer](cause); ok {
		hint = ra.RetryAfter()
		d = max(d, hint)
	}
	if r.cfg.MaxElapsed != Unlimited {
		left := r.cfg.MaxElapsed.Std() - time.Since(since)
		// Asking before the far side wants to be asked would be pointless.
		if left <= 0 || hint > left {
			return Permanent(fmt.Errorf("given up after %s: %w", time.Since(since).Round(time.Millisecond), cause))
		}
		d = min(d, left)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w while waiting to try again: %w", context.Cause(ctx), cause)
	case <-r.closed:
		return fmt.Errorf("%w while waiting to try again: %w", ErrClosed, cause)
	}
}

// ForceFlush implements [Sink].
func (r *Retry) ForceFlush(ctx context.Context) error { return r.sink.ForceFlush(ctx) }

// Shutdown implements [Sink]. A Write that waits for its next try returns at
// once with ErrClosed and what it has delivered.
func (r *Retry) Shutdown(ctx context.Context) error {
	r.once.Do(func() { close(r.closed) })
	return r.sink.Shutdown(ctx)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// rejections sums up over several tries what the far side rejected.
type rejections struct {
	n     int
	words error // its latest reason
}

// take strips off err the count of rejected records, and returns it beside
// what is left. n records were delivered.
func (r *rejections) take(err error, n int) (rest error, refused int) {
	if err == nil {
		return nil, 0
	}
	if _, refused = Classify(err); refused == 0 {
		return err, 0
	}
	refused = min(refused, n)
	for {
		k, ok := errors.AsType[*kindError](err)
		if !ok || k.kind != KindRejected {
			break
		}
		err = k.err
	}
	r.n += refused
	r.words = err
	return err, refused
}

// beside puts the count beside whatever else went wrong.
func (r *rejections) beside(err error) error {
	if r.n == 0 {
		return err
	}
	if err == nil {
		err = r.words
	}
	return Rejected(r.n, err)
}
