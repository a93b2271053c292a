package spool

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/spool/internal/journal"
)

// grace is what a sink that heeds its context needs to come back once that is
// done.
const grace = 50 * time.Millisecond

// flush is a ForceFlush that waits until some queues have come to a point.
type flush struct {
	points []point
	late   bool // a delivery was under way when it began
	done   chan error
}

type point struct {
	queue *queue
	past  uint64
}

// reached reports whether everything that the flush waits for was given to the
// exporter, or dropped. It wants the lock.
func (f *flush) reached() bool {
	for _, p := range f.points {
		if !p.queue.drained && p.queue.past < p.past {
			return false
		}
	}
	return true
}

// ForceFlush syncs the queue, then waits until everything that was written
// before the call is delivered or dropped; a pause after a failed delivery ends
// at once. When a delivery fails that was begun after the call, or ctx is done,
// it returns an [exporters.StoredError].
func (s *Spool) ForceFlush(ctx context.Context) error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return nil
	}
	f := &flush{done: make(chan error, 1)}
	for _, q := range s.queues() {
		f.points = append(f.points, point{q, q.journal.Stats().Next})
	}
	f.late = s.courier.trying
	own := s.own
	s.flushes = append(s.flushes, f)
	s.mu.Unlock()
	var synced error
	if own != nil {
		if synced = own.journal.Sync(); synced != nil {
			synced = fmt.Errorf("spool: flush: %w", synced)
		}
	}
	s.wake()
	select {
	case err := <-f.done:
		if err != nil {
			return errors.Join(synced, s.unflushed(err))
		}
	case <-s.done:
		return errors.Join(synced, s.unflushed(exporters.ErrClosed))
	case <-ctx.Done():
		return errors.Join(synced, s.unflushed(context.Cause(ctx)))
	}
	err := contain(func() error { return s.sink.ForceFlush(ctx) })
	s.release()
	return errors.Join(synced, err)
}

// unflushed says what a flush has not reached, and why.
func (s *Spool) unflushed(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, told := errors.AsType[*failedDelivery](err); !told && s.books.delivery.text != "" {
		err = fmt.Errorf("%w: %s", err, s.books.delivery.text)
	}
	return fmt.Errorf("spool: flush: %w", &exporters.StoredError{Records: s.books.waiting(), Err: err})
}

// failedDelivery is the error of a delivery, its text without secrets.
type failedDelivery struct {
	err  error
	text string
}

func (e *failedDelivery) Error() string { return e.text }
func (e *failedDelivery) Unwrap() error { return e.err }

// failFlushes is told how a delivery ended. It ends the flushes that had begun
// before one that failed.
func (s *Spool) failFlushes(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.courier.trying = false
	kept := s.flushes[:0]
	for _, f := range s.flushes {
		if err == nil || f.late {
			f.late = false
			kept = append(kept, f)
		} else {
			f.done <- &failedDelivery{err, redacted(err.Error())}
		}
	}
	clear(s.flushes[len(kept):])
	s.flushes = kept
}

// answer ends the flushes that have come to their point; these few have, since
// every queue was found empty after they had begun.
func (s *Spool) answer(these []*flush) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.flushes[:0]
	for _, f := range s.flushes {
		if slices.Contains(these, f) || f.reached() {
			f.done <- nil
		} else {
			kept = append(kept, f)
		}
	}
	clear(s.flushes[len(kept):])
	s.flushes = kept
}

// Shutdown ends the taking of records and delivers what waits, as long as that
// succeeds and ctx lives. What is left stays on disk, synced unless Config.Sync
// is never, for the next process; that is no error. Then the exporter is shut
// down.
func (s *Spool) Shutdown(ctx context.Context) error {
	if s.begun.Swap(true) {
		await(ctx, s.ended)
		return nil
	}
	defer close(s.ended)
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.wake()
	stop := context.AfterFunc(ctx, s.cancel)
	defer stop()
	// The courier may be stuck in a Write that does not heed its context.
	await(ctx, s.done)
	s.cancel()
	err := s.shutdownSink(ctx)
	return errors.Join(err, s.close())
}

func (s *Spool) shutdownSink(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		err := fmt.Errorf("spool: %w", errEnded)
		defer func() { done <- err }()
		err = contain(func() error { return s.sink.Shutdown(ctx) })
	}()
	err, ok := await(ctx, done)
	if !ok {
		return fmt.Errorf("spool: the exporter does not come back from its shutdown: %w", context.Cause(ctx))
	}
	s.release() // it has flushed
	return err
}

func (s *Spool) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// close closes the journals. A courier that comes back later finds them closed.
func (s *Spool) close() error {
	s.mu.Lock()
	s.closed = true
	s.loseKept()
	s.mu.Unlock()
	var errs []error
	for _, q := range s.all() {
		err := q.journal.Close()
		if errors.Is(err, journal.ErrRemoved) {
			s.mu.Lock()
			s.lose(q, err) // which tells
			s.mu.Unlock()
		} else if err != nil {
			errs = append(errs, fmt.Errorf("spool: close: %w", err))
		}
	}
	return errors.Join(errs...)
}

// contain makes a panic of the exporter an error.
func contain(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("spool: the exporter panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
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
