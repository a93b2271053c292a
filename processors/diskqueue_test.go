package processors_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// diskQueue is a Spooler whose books a test writes. It counts what it is given.
type diskQueue struct {
	sinktest.Script
	mu     sync.Mutex
	books  exporters.SpoolStats
	notify func(error)
}

func (q *diskQueue) Write(ctx context.Context, recs []record.Record) (int, error) {
	n, err := q.Script.Write(ctx, recs)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.books.Accepted += uint64(n)
	q.books.Waiting += uint64(n)
	return n, err
}

func (q *diskQueue) Spooled() exporters.SpoolStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.books
}

func (q *diskQueue) Notify(f func(error)) { q.notify = f }
func (q *diskQueue) SetName(string)       {}

// settle moves records from Waiting to Delivered and Dropped.
func (q *diskQueue) settle(delivered, dropped uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.books.Delivered += delivered
	q.books.Waiting -= delivered + dropped
	if dropped > 0 {
		q.books.Dropped = map[string]uint64{"permanent": dropped}
		q.books.LastDrop = time.Now()
	}
}

type delivering interface {
	processors.Processor
	processors.Branch
}

// dropsAtShutdown has q drop all that waits when it is shut down.
func (q *diskQueue) dropsAtShutdown() {
	q.OnShutdown = func(context.Context) error {
		q.settle(0, q.Spooled().Waiting)
		q.notify(nil)
		return nil
	}
}

// What a queue on disk drops while Shutdown drains it is told before that
// returns, once.
func TestDropsOfAQueueOnDiskAtShutdown(t *testing.T) {
	for name, branches := range map[string]func(*diskQueue) []processors.Processor{
		"batch":  func(q *diskQueue) []processors.Processor { return []processors.Processor{newBatch(t, q, nil)} },
		"simple": func(q *diskQueue) []processors.Processor { return []processors.Processor{newSimple(t, q, "", nil)} },
		"shared": func(q *diskQueue) []processors.Processor {
			part := &shared{diskQueue: q}
			return []processors.Processor{newBatch(t, part, nil), newSimple(t, part, "", nil)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			told := catchErrors(t)
			synctest.Test(t, func(t *testing.T) {
				q := &diskQueue{}
				q.dropsAtShutdown()
				steps := branches(q)
				p := newPipeline(t, processors.DefaultConfig(), steps...)
				for range 10 {
					_ = p.Logger(record.Scope{}).Emit(t.Context(), &record.Record{Severity: log.SeverityInfo})
				}
				shutdown(t, p)
				n := 10 * len(steps)
				want := fmt.Sprintf("%d records dropped (permanent %d), %d of %d since the start", n, n, n, n)
				if got := told.String(); strings.Count(got, "dropped") != 1 || !strings.Contains(got, want) {
					t.Errorf("the error handler is told %q, want %q", got, want)
				}
			})
		})
	}
}

// shared is a diskQueue that is shut down with its second user.
type shared struct {
	*diskQueue
	users atomic.Int32
}

func (s *shared) Shutdown(ctx context.Context) error {
	if s.users.Add(1) < 2 {
		return nil
	}
	return s.diskQueue.Shutdown(ctx)
}

func TestBooksOfAQueueOnDisk(t *testing.T) {
	for name, branch := range map[string]func(testing.TB, exporters.Sink) delivering{
		"batch": func(t testing.TB, s exporters.Sink) delivering {
			return newBatch(t, s, func(c *processors.BatchConfig) { c.Name = "otlp" })
		},
		"simple": func(t testing.TB, s exporters.Sink) delivering { return newSimple(t, s, "otlp", nil) },
		"behind a decorator": func(t testing.TB, s exporters.Sink) delivering {
			retry, err := exporters.NewRetry(s, exporters.DefaultRetryConfig())
			if err != nil {
				t.Fatal(err)
			}
			return newBatch(t, retry, func(c *processors.BatchConfig) { c.Name = "otlp" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			told := catchErrors(t)
			synctest.Test(t, func(t *testing.T) {
				q := &diskQueue{books: exporters.SpoolStats{Recovered: 3, Waiting: 3, Bytes: 4096, Capacity: 1 << 20}}
				b := branch(t, q)
				p := newPipeline(t, processors.DefaultConfig(), b)
				for range 10 {
					emit(t, b, log.SeverityInfo, "x")
				}
				if err := b.ForceFlush(t.Context()); err != nil {
					t.Fatal(err)
				}
				q.settle(4, 2)
				s := b.Stats()
				balanced(t, s)
				if s.Accepted != 13 || s.Recovered != 3 || s.Delivered != 4 || s.Dropped["permanent"] != 2 || s.Spooled != 7 || s.InFlight != 0 ||
					s.SpooledBytes != 4096 || s.SpoolCapacity != 1<<20 {
					t.Errorf("%+v", s)
				}
				q.mu.Lock()
				q.books.Failures, q.books.LastError, q.books.FailingSince = 5, "dial https://user:hunter2secret@host: refused", time.Now().Add(-time.Hour)
				q.mu.Unlock()
				s = b.Stats()
				if s.Failures != 5 || strings.Contains(s.LastError, "hunter2secret") || !strings.Contains(s.LastError, "refused") || s.LastDrop.IsZero() {
					t.Errorf("%+v", s)
				}
				if h := p.Health(); h.Status != processors.HealthFailed {
					t.Errorf("health behind the queue: %+v", h)
				}
				q.notify(nil)
				q.notify(errors.New("disk on fire"))
				synctest.Wait()
				all := told.String()
				if !strings.Contains(all, "2 records dropped (permanent 2)") {
					t.Errorf("the error handler is told %q", all)
				}
				shutdown(t, p)
				if !strings.Contains(told.String(), "disk on fire") {
					t.Errorf("the error handler is told %q", told.String())
				}
			})
		})
	}
}

// Callers write into a queue on disk at once, so that they can share a flush;
// Shutdown waits for all of them.
func TestSimpleSharesAQueueOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers = 8
		q := &diskQueue{}
		var inside, shut atomic.Int32
		flush := make(chan struct{})
		q.OnWrite = func(_ context.Context, _ int, recs []record.Record) (int, error) {
			inside.Add(1)
			<-flush
			if shut.Load() > 0 {
				t.Error("the queue was shut down during a Write")
			}
			return len(recs), nil
		}
		q.OnShutdown = func(context.Context) error { shut.Add(1); return nil }
		s := newSimple(t, q, "", nil)
		for range callers {
			go func() {
				r := sinktest.Record("x")
				if err := s.OnEmit(t.Context(), &r, end); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		if n := inside.Load(); n != callers {
			t.Errorf("%d callers write at once, want %d", n, callers)
		}
		balanced(t, s.Stats())
		ended := make(chan struct{})
		go func() { shutdown(t, s); close(ended) }()
		synctest.Wait()
		close(flush)
		<-ended
		emit(t, s, log.SeverityInfo, "late")
		if st := s.Stats(); st.Spooled != callers || st.Dropped[processors.CauseShutdown] != 1 || st.InFlight != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// Whatever the moment, the books balance and never take anything back.
func TestBooksOfAQueueOnDiskAtAnyMoment(t *testing.T) {
	q := &diskQueue{}
	b := newBatch(t, q, func(c *processors.BatchConfig) {
		c.MaxQueueSize, c.MaxExportBatchSize, c.OnFull = 64, 16, processors.Block
	})
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		var last uint64
		for {
			s := b.Stats()
			balanced(t, s)
			if s.Delivered < last {
				t.Errorf("delivered went back from %d to %d", last, s.Delivered)
			}
			last = s.Delivered
			select {
			case <-done:
				return
			default:
			}
			q.mu.Lock()
			n := q.books.Waiting / 2
			q.mu.Unlock()
			q.settle(n, 0)
		}
	})
	for range 5000 {
		emit(t, b, log.SeverityInfo, "x")
	}
	shutdown(t, b)
	close(done)
	wg.Wait()
	if s := b.Stats(); s.Accepted != 5000 || s.Delivered+s.Spooled != 5000 {
		t.Errorf("%+v", s)
	}
}

// The notice that a branch gives to the queue is a record in its books.
func TestNoticeInAQueueOnDisk(t *testing.T) {
	catchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		q := &diskQueue{}
		b := newBatch(t, q, func(c *processors.BatchConfig) { c.MaxQueueSize, c.MaxExportBatchSize = 4, 4 })
		q.OnWrite = func(_ context.Context, call int, recs []record.Record) (int, error) {
			if call == 0 {
				time.Sleep(time.Second)
			}
			return len(recs), nil
		}
		for range 40 {
			emit(t, b, log.SeverityInfo, "x")
		}
		time.Sleep(2 * time.Second)
		emit(t, b, log.SeverityInfo, "x")
		shutdown(t, b)
		q.settle(q.books.Waiting, 0)
		s := b.Stats()
		balanced(t, s)
		notices := uint64(0)
		for _, r := range q.Records() {
			if r.EventName == "sluice.dropped" {
				notices++
			}
		}
		if s.Dropped["queue_full"] == 0 || notices == 0 || s.Accepted != 41+notices || s.Delivered != uint64(q.Len()) {
			t.Errorf("%d arrived with the notice; %+v", q.Len(), s)
		}
	})
}

// A queue that branches share is told of once, in a row of its own.
func TestBooksOfASharedQueueOnDisk(t *testing.T) {
	q := &diskQueue{books: exporters.SpoolStats{Recovered: 2, Waiting: 2}}
	a := newSimple(t, q, "a", nil)
	b := newSimple(t, q, "b", nil)
	other := newSimple(t, new(sinktest.Memory), "c", nil)
	p := newPipeline(t, processors.DefaultConfig(), a, b, other)
	for range 5 {
		emit(t, a, log.SeverityInfo, "x")
		emit(t, b, log.SeverityInfo, "x")
	}
	q.settle(4, 1)
	s := p.Stats()
	if len(s.Exporters) != 4 {
		t.Fatalf("%d rows, want the three branches and the queue", len(s.Exporters))
	}
	for _, e := range s.Exporters {
		balanced(t, e)
	}
	for _, e := range s.Exporters[:2] {
		if e.Accepted != 5 || e.Delivered != 5 || e.Spooled != 0 {
			t.Errorf("%s: %+v", e.Name, e)
		}
	}
	row := s.Exporters[3]
	if row.Name != "spool" || row.Accepted != 12 || row.Recovered != 2 || row.Delivered != 4 || row.Spooled != 7 || row.Dropped["permanent"] != 1 {
		t.Errorf("%+v", row)
	}
	shutdown(t, p)
}

// What stands behind one of several exporters tells only of that one.
func TestQueueOnDiskInAFailover(t *testing.T) {
	q := &diskQueue{books: exporters.SpoolStats{Recovered: 2, Waiting: 2}}
	f, err := exporters.NewFailover(q, new(sinktest.Memory))
	if err != nil {
		t.Fatal(err)
	}
	s := newSimple(t, f, "a", nil)
	emit(t, s, log.SeverityInfo, "x")
	if got := s.Stats(); got.Recovered != 0 || got.Spooled != 0 || got.Delivered != 1 {
		t.Errorf("%+v", got)
	}
	shutdown(t, s)
}
