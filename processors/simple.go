package processors

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

var _ Brancher = (*Simple)(nil)

// SimpleConfig configures a [Simple].
type SimpleConfig struct {
	// Name is what statistics call the exporter; empty means the name of the
	// sink's package.
	Name string `yaml:"name"`
	// Match chooses the records; nil means all.
	Match *Match `yaml:"match"`
	// ExportTimeout bounds one Write.
	ExportTimeout exporters.Duration `yaml:"export_timeout"`
}

// DefaultSimpleConfig returns the default: 30 s for an export.
func DefaultSimpleConfig() SimpleConfig {
	return SimpleConfig{ExportTimeout: exporters.Duration(30 * time.Second)}
}

// Validate reports every setting that cannot work.
func (c SimpleConfig) Validate() error {
	var errs []error
	if c.ExportTimeout <= 0 {
		errs = append(errs, fmt.Errorf("export_timeout is %s: want more than 0s", c.ExportTimeout))
	}
	if c.Match != nil {
		if err := c.Match.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("match: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Simple writes each record to its sink before OnEmit returns: the caller
// waits for the destination. Writes are serialized, but for those into a queue
// on disk: up to 32 callers share its flushes. A record that the sink does not
// take is counted as dropped and OnEmit returns why.
type Simple struct {
	cfg      SimpleConfig
	match    *selector
	sink     exporters.Sink
	spool    diskQueue
	reporter *reporter
	linked

	writing chan struct{} // holds a token for each Write: one can be waited for with a deadline

	mu     sync.Mutex
	books  books
	lost   time.Time // when a record was last dropped
	closed bool

	ending ending
}

// NewSimple returns a Simple in front of sink, which it then owns.
func NewSimple(sink exporters.Sink, cfg SimpleConfig) (*Simple, error) {
	if sink == nil {
		return nil, errors.New("simple: no sink")
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("simple: %w", err)
	}
	if cfg.Name == "" {
		cfg.Name = sinkName(sink)
	}
	match, err := onlyMatch(cfg.Match)
	if err != nil {
		return nil, fmt.Errorf("simple: %w", err)
	}
	s := &Simple{cfg: cfg, match: match, sink: sink, ending: newEnding()}
	s.reporter = newReporter(s.Stats, s.tell)
	s.spool.behind(sink, cfg.Name, s.reporter)
	s.writing = make(chan struct{}, 1)
	if s.spool.queue != nil {
		s.writing = make(chan struct{}, maxWriters)
	}
	return s, nil
}

// maxWriters bounds the Writes at once, each of which takes memory, into a queue
// on disk. A flush of the disk costs the same for one record and for many.
const maxWriters = 32

func (s *Simple) readsOnly() bool { return true }

// join implements linkable.
func (s *Simple) join(f *feedback, m *meters, name string) { s.tie(f, m, s.sink, name) }

func (s *Simple) disk() *diskQueue { return &s.spool }

// Branches implements [Brancher].
func (s *Simple) Branches() []Branch { return []Branch{s} }

// Enabled implements [Processor].
func (s *Simple) Enabled(_ context.Context, scope *record.Origin, sev log.Severity, event string) bool {
	return s.match.enabled(scope, sev, event)
}

// OnEmit writes r if it matches, and hands it on.
func (s *Simple) OnEmit(ctx context.Context, r *record.Record, next Next) error {
	var err error
	if s.match.first(r) == 0 {
		err = s.write(ctx, r)
	}
	return errors.Join(err, next(ctx, r))
}

// outcome is what became of a record.
type outcome struct {
	n     int
	err   error
	cause string // of the drop, if the record was not taken
}

func (s *Simple) write(ctx context.Context, r *record.Record) (err error) {
	s.mu.Lock()
	s.books.accepted++
	if s.closed {
		s.refused(CauseShutdown, "")
		s.mu.Unlock()
		s.reporter.dropped()
		return nil
	}
	s.mu.Unlock()

	// A cancelled caller is no reason to lose its record.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.ExportTimeout.Std())
	defer cancel()
	o := outcome{0, errEnded, CausePanic} // unless the call below comes back
	defer func() { err = s.account(o) }()
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
		o = s.call(ctx, r)
	case <-ctx.Done():
		o = outcome{0, ctx.Err(), CauseError}
	}
	return nil
}

// account enters the outcome of a Write into the books. It returns why the
// record was lost.
func (s *Simple) account(o outcome) error {
	// Shutdown came between the look at closed and the sink's turn.
	if errors.Is(o.err, exporters.ErrClosed) {
		o.err, o.cause = nil, CauseShutdown
		defer s.reporter.dropped()
	}
	failure := failureText(o.err)
	s.mu.Lock()
	s.books.outcome(failure)
	refused := 0
	if o.err != nil {
		_, refused = exporters.Classify(o.err)
	}
	switch {
	case o.n == 1 && refused == 0:
		s.books.delivered++
	case o.n == 1:
		s.refused(CauseRejected, failure)
	default:
		s.refused(o.cause, failure)
	}
	s.mu.Unlock()
	if o.err != nil {
		return fmt.Errorf("simple: %s: %w", s.cfg.Name, o.err)
	}
	return nil
}

// refused counts a record as lost. It wants the lock.
func (s *Simple) refused(cause, failure string) {
	s.books.refused(cause, 1, failure)
	s.lost = time.Now()
}

// call runs one Write, shielded from panics.
func (s *Simple) call(ctx context.Context, r *record.Record) (o outcome) {
	start := time.Now()
	o = outcome{0, errEnded, CausePanic} // until it comes back
	defer func() {
		if p := recover(); p != nil {
			o.err = fmt.Errorf("the exporter panicked: %s\n%s", panicText(p), debug.Stack())
		}
		took := time.Since(start)
		s.mu.Lock()
		s.books.wrote(took)
		s.mu.Unlock()
		s.measure(ctx, took, o.err, o.cause == CausePanic)
	}()
	// A slice of one needs memory that the sink may read: r's own would do if
	// the interface took a pointer.
	one := singles.Get().(*[1]record.Record)
	one[0] = *r
	n, err := s.to(ctx, s.sink, one[:])
	one[0] = record.Record{}
	singles.Put(one)
	if n == 0 && err == nil {
		err = errors.New("the exporter took nothing and gave no reason")
	}
	return outcome{max(0, min(n, 1)), err, CauseError}
}

var singles = sync.Pool{New: func() any { return new([1]record.Record) }}

// ForceFlush flushes the sink.
func (s *Simple) ForceFlush(ctx context.Context) error {
	return flushSink(ctx, s.sink, s.cfg.Name)
}

// Shutdown waits for the writes under way, as long as ctx lets it, and shuts
// the sink down.
func (s *Simple) Shutdown(ctx context.Context) error {
	return s.ending.run(ctx, func() (err error) {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		if !s.settle(ctx) {
			err = fmt.Errorf("simple: %s: shutdown: %w", s.cfg.Name, ctx.Err())
		}
		err = errors.Join(err, shutdownSink(ctx, s.sink, s.cfg.Name))
		s.reporter.close(ctx) // a queue on disk may drop records until its end
		return err
	})
}

// settle waits for the writes under way, and reports whether they have ended
// before ctx has.
func (s *Simple) settle(ctx context.Context) bool {
	n := 0
	defer func() {
		for range n { // who was on the way here finds the sink shut down
			<-s.writing
		}
	}()
	for ; n < cap(s.writing); n++ {
		select {
		case s.writing <- struct{}{}:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// Stats implements [Branch].
func (s *Simple) Stats() ExporterStats {
	sink := askSink(s.sink)
	spooled := s.spool.stats()
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.books.stats(s.cfg.Name, sink)
	st.Processor, st.Exporter = typeName(s), typeName(innermost(s.sink))
	st.InFlight += s.books.open()
	st.LastDrop = s.lost
	st.add(spooled)
	return st
}
