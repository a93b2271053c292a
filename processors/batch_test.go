package processors_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/discard"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// handled collects what reaches OpenTelemetry's error handler.
type handled struct {
	mu   sync.Mutex
	errs []string
}

func (h *handled) Handle(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errs = append(h.errs, err.Error())
}

func (h *handled) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.errs, "\n")
}

// catchErrors takes the process's error handler for the length of a test.
func catchErrors(t testing.TB) *handled {
	h := &handled{}
	old := otel.GetErrorHandler()
	otel.SetErrorHandler(h)
	t.Cleanup(func() { otel.SetErrorHandler(old) })
	return h
}

func end(context.Context, *record.Record) error { return nil }

func emit(t testing.TB, p processors.Processor, sev log.Severity, id string) {
	t.Helper()
	r := record.Record{Severity: sev, Body: attribute.StringValue(id)}
	if err := p.OnEmit(context.Background(), &r, end); err != nil {
		t.Fatalf("OnEmit(%s): %v", id, err)
	}
}

func newBatch(t testing.TB, sink exporters.Sink, change func(*processors.BatchConfig)) *processors.Batch {
	t.Helper()
	cfg := processors.DefaultBatchConfig()
	cfg.Name = "test"
	if change != nil {
		change(&cfg)
	}
	b, err := processors.NewBatch(sink, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func bodies(recs []record.Record) []string {
	var ids []string
	for _, r := range recs {
		ids = append(ids, r.Body.String())
	}
	return ids
}

// balanced fails the test unless the books balance.
func balanced(t testing.TB, s processors.ExporterStats) {
	t.Helper()
	if got := s.Delivered + s.DroppedTotal() + s.Spooled + s.Queued + s.InFlight; got != s.Accepted {
		t.Errorf("books do not balance: accepted %d, all else %d: %+v", s.Accepted, got, s)
	}
}

func wantStats(t testing.TB, b processors.Branch, accepted, delivered uint64, dropped map[string]uint64) {
	t.Helper()
	s := b.Stats()
	balanced(t, s)
	if s.Accepted != accepted || s.Delivered != delivered || fmt.Sprint(s.Dropped) != fmt.Sprint(dropped) {
		t.Errorf("accepted %d, delivered %d, dropped %v; want %d, %d, %v", s.Accepted, s.Delivered, s.Dropped, accepted, delivered, dropped)
	}
}

func shutdown(t testing.TB, p interface{ Shutdown(context.Context) error }) {
	t.Helper()
	if err := p.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestBatchDeliversInOrderAcrossLanes(t *testing.T) {
	sink := &sinktest.Memory{}
	b := newBatch(t, sink, nil)
	sevs := []log.Severity{log.SeverityInfo1, log.SeverityError1, log.SeverityDebug1, log.SeverityWarn1, 0}
	var want []string
	for i := range 3000 {
		want = append(want, fmt.Sprint(i))
		emit(t, b, sevs[i%len(sevs)], want[i])
	}
	if err := b.ForceFlush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := bodies(sink.Records()); !slices.Equal(got, want) {
		t.Errorf("after ForceFlush: %d records in another order or number than the 3000 emitted", len(got))
	}
	shutdown(t, b)
	wantStats(t, b, 3000, 3000, nil)
}

func TestBatchScheduleDelayAndFatal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &sinktest.Memory{}
		b := newBatch(t, sink, nil)
		emit(t, b, log.SeverityInfo1, "waits")
		time.Sleep(199 * time.Millisecond)
		synctest.Wait()
		if n := sink.Len(); n != 0 {
			t.Errorf("after 199 ms: %d records written, want 0", n)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if n := sink.Len(); n != 1 {
			t.Errorf("after schedule_delay: %d records written, want 1", n)
		}
		emit(t, b, log.SeverityInfo1, "company")
		emit(t, b, log.SeverityFatal1, "last words")
		synctest.Wait()
		if got := bodies(sink.Records()); !slices.Equal(got, []string{"waits", "company", "last words"}) {
			t.Errorf("after FATAL, without any delay: %q", got)
		}
		shutdown(t, b)
	})
}

// TestBatchRemainder covers a queue that a batch leaves partly filled: what
// stays must not wait for the next record.
func TestBatchRemainder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &sinktest.Memory{}
		b := newBatch(t, sink, func(c *processors.BatchConfig) { c.MaxExportBatchSize = 10 })
		for i := range 25 {
			emit(t, b, log.SeverityInfo1, fmt.Sprint(i))
		}
		time.Sleep(201 * time.Millisecond)
		synctest.Wait()
		if n := sink.Len(); n != 25 {
			t.Errorf("after schedule_delay: %d of 25 records written", n)
		}
		shutdown(t, b)
	})
}

// stall is a sink that blocks its first Write until it is let go.
func stall() (sink *sinktest.Script, release func()) {
	gate := make(chan struct{})
	sink = &sinktest.Script{OnWrite: func(_ context.Context, call int, recs []record.Record) (int, error) {
		if call == 0 {
			<-gate
		}
		return len(recs), nil
	}}
	return sink, sync.OnceFunc(func() { close(gate) })
}

func TestBatchPolicies(t *testing.T) {
	catchErrors(t)
	type want struct {
		kept    string
		dropped uint64
	}
	// The first record (plug) is in flight; five more fit.
	for _, tc := range []struct {
		policy processors.OnFull
		emits  string // d debug, i info, w warn, e error
		want   want
	}{
		{processors.DropNewest, "iiiiiee", want{"i0 i1 i2 i3 i4", 2}},
		{processors.DropOldest, "eeeeeii", want{"e2 e3 e4 i5 i6", 2}},
		{processors.DropLowest, "iiiiiee", want{"i2 i3 i4 e5 e6", 2}},
		{processors.DropLowest, "ewidiee", want{"e0 w1 i4 e5 e6", 2}},
		{processors.DropLowest, "eeeeeiw", want{"e0 e1 e2 e3 e4", 2}},
		{processors.DropLowest, "eeeeee", want{"e1 e2 e3 e4 e5", 1}},
		{processors.DropLowest, "ddddde", want{"d1 d2 d3 d4 e5", 1}},
	} {
		t.Run(tc.policy.String()+"/"+tc.emits, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink, release := stall()
				b := newBatch(t, sink, func(c *processors.BatchConfig) {
					c.MaxQueueSize, c.MaxExportBatchSize, c.OnFull = 6, 1, tc.policy
				})
				emit(t, b, log.SeverityInfo1, "plug")
				synctest.Wait()
				sevs := map[rune]log.Severity{'d': log.SeverityDebug1, 'i': log.SeverityInfo1, 'w': log.SeverityWarn1, 'e': log.SeverityError1}
				for i, c := range tc.emits {
					emit(t, b, sevs[c], fmt.Sprintf("%c%d", c, i))
					balanced(t, b.Stats())
				}
				release()
				shutdown(t, b)
				var kept []string
				for _, id := range bodies(sink.Records()) {
					if id != "plug" && !strings.HasPrefix(id, "sluice:") {
						kept = append(kept, id)
					}
				}
				if got := strings.Join(kept, " "); got != tc.want.kept {
					t.Errorf("kept %q, want %q", got, tc.want.kept)
				}
				n := uint64(len(tc.emits)) + 1
				wantStats(t, b, n, n-tc.want.dropped, map[string]uint64{processors.CauseQueueFull: tc.want.dropped})
			})
		})
	}
}

// TestBatchErrorsOutliveAFlood is the promise of drop_lowest under a stall.
func TestBatchErrorsOutliveAFlood(t *testing.T) {
	catchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		sink, release := stall()
		b := newBatch(t, sink, nil)
		emit(t, b, log.SeverityFatal1, "plug")
		synctest.Wait()
		for i := range 10 {
			emit(t, b, log.SeverityError1, fmt.Sprint("error ", i))
		}
		for i := range 20_000 {
			emit(t, b, log.SeverityInfo1, fmt.Sprint("info ", i))
		}
		release()
		shutdown(t, b)
		kept := 0
		for _, id := range bodies(sink.Records()) {
			if strings.HasPrefix(id, "error ") {
				kept++
			}
		}
		if kept != 10 {
			t.Errorf("%d of 10 errors delivered", kept)
		}
	})
}

func TestBatchBoundsBytes(t *testing.T) {
	catchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		sink, release := stall()
		const limit = 256 * exporters.KiB
		b := newBatch(t, sink, func(c *processors.BatchConfig) { c.MaxQueueBytes = limit })
		emit(t, b, log.SeverityFatal1, "plug")
		synctest.Wait()
		rnd := rand.New(rand.NewPCG(1, 2))
		for i := range 2000 {
			emit(t, b, log.SeverityInfo1, fmt.Sprint(i)+strings.Repeat("x", rnd.IntN(4000)))
			if got := b.Stats().QueuedBytes; got > int64(limit)+int64(record.ChunkBytes) {
				t.Fatalf("after %d records: %d bytes queued, limit %d and a chunk", i, got, limit)
			}
		}
		if s := b.Stats(); s.DroppedTotal() == 0 || s.Queued < 40 {
			t.Errorf("want a full queue and drops, got %+v", s)
		}
		release()
		shutdown(t, b)
		if got := b.Stats().QueuedBytes; got != 0 {
			t.Errorf("an empty queue counts %d bytes", got)
		}
	})
}

// What waits is not given up for a record that finds no room all the same,
// because the batch in flight takes it.
func TestBatchEvictsNothingInVain(t *testing.T) {
	for _, policy := range []processors.OnFull{processors.DropLowest, processors.DropOldest} {
		catchErrors(t)
		synctest.Test(t, func(t *testing.T) {
			sink, release := stall()
			b := newBatch(t, sink, func(c *processors.BatchConfig) {
				c.MaxQueueSize, c.MaxExportBatchSize, c.MaxQueueBytes, c.OnFull = 100, 1, 70_000, policy
			})
			big := strings.Repeat("x", 60_000)
			emit(t, b, log.SeverityInfo, big)
			synctest.Wait() // it is being written
			for range 20 {
				emit(t, b, log.SeverityInfo, "small")
			}
			emit(t, b, log.SeverityError, big)
			release()
			shutdown(t, b)
			wantStats(t, b, 22, 21, map[string]uint64{processors.CauseQueueFull: 1})
		})
	}
}

// TestBatchHugeRecord: one record larger than the whole queue still passes.
func TestBatchHugeRecord(t *testing.T) {
	sink := &sinktest.Memory{}
	b := newBatch(t, sink, func(c *processors.BatchConfig) { c.MaxQueueBytes = exporters.KiB })
	huge := strings.Repeat("x", 10<<20)
	emit(t, b, log.SeverityInfo1, huge)
	shutdown(t, b)
	if recs := sink.Records(); len(recs) != 1 || recs[0].Body.AsString() != huge {
		t.Errorf("the record did not arrive whole: %d records", len(recs))
	}
}

func TestBatchBlock(t *testing.T) {
	catchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		sink, release := stall()
		b := newBatch(t, sink, func(c *processors.BatchConfig) {
			c.MaxQueueSize, c.MaxExportBatchSize, c.OnFull = 2, 1, processors.Block
		})
		emit(t, b, log.SeverityInfo1, "in flight")
		synctest.Wait()
		emit(t, b, log.SeverityInfo1, "queued")
		start := time.Now()
		emit(t, b, log.SeverityInfo1, "late")
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("the caller was held for %s, want block_timeout 1s", waited)
		}
		balanced(t, b.Stats())

		done := make(chan time.Duration)
		go func() {
			start := time.Now()
			emit(t, b, log.SeverityInfo1, "let in")
			done <- time.Since(start)
		}()
		time.Sleep(300 * time.Millisecond)
		if s := b.Stats(); s.Queued != 2 {
			t.Errorf("a producer that waits counts as queued: got %d, want 2", s.Queued)
		}
		release()
		if waited := <-done; waited != 300*time.Millisecond {
			t.Errorf("the caller was held for %s, want until there was room at 300ms", waited)
		}
		shutdown(t, b)
		wantStats(t, b, 4, 3, map[string]uint64{processors.CauseQueueFull: 1})
	})
}

func TestBatchShutdownLetsBlockedProducersIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, release := stall()
		b := newBatch(t, sink, func(c *processors.BatchConfig) {
			c.MaxQueueSize, c.MaxExportBatchSize, c.OnFull, c.BlockTimeout = 1, 1, processors.Block, exporters.Unlimited
		})
		emit(t, b, log.SeverityInfo1, "0")
		synctest.Wait()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { emit(t, b, log.SeverityInfo1, fmt.Sprint(i+1)) })
		}
		synctest.Wait()
		wg.Go(func() { shutdown(t, b) })
		synctest.Wait()
		release()
		wg.Wait()
		wantStats(t, b, 21, 21, nil)
	})
}

func TestBatchFailingSinkKeepsTheBatch(t *testing.T) {
	h := catchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left on device")
		var freed atomic.Bool
		sink := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
			if freed.Load() {
				return len(recs), nil
			}
			return min(1, len(recs)-1), full // one at a time, then none
		}}
		b := newBatch(t, sink, nil)
		for i := range 10 {
			emit(t, b, log.SeverityInfo1, fmt.Sprint(i))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		s := b.Stats()
		balanced(t, s)
		if s.DroppedTotal() != 0 || s.Delivered != 9 || !strings.Contains(s.LastError, "no space") || s.Failures < 10 {
			t.Errorf("while the disk is full: %+v", s)
		}
		if !strings.Contains(h.String(), "no space") {
			t.Errorf("the error handler was not told: %q", h)
		}
		if n := strings.Count(h.String(), "no space"); n > 7 {
			t.Errorf("the error handler was told %d times in a minute, want one in 10 s", n)
		}
		if err := b.ForceFlush(context.Background()); !errors.Is(err, full) {
			t.Errorf("ForceFlush = %v, want the sink's error", err)
		}
		freed.Store(true)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		wantStats(t, b, 10, 10, nil)
		if got := b.Stats().LastError; got != "" {
			t.Errorf("LastError after recovery = %q", got)
		}
		if got, want := bodies(sink.Records()), "[0 1 2 3 4 5 6 7 8 9]"; fmt.Sprint(got) != want {
			t.Errorf("delivered %v, want %v", got, want)
		}
		shutdown(t, b)
	})
}

func TestBatchErrorKinds(t *testing.T) {
	boom := errors.New("boom")
	for _, tc := range []struct {
		name      string
		answer    func(call int, recs []record.Record) (int, error)
		delivered uint64
		dropped   map[string]uint64
	}{
		{"permanent", func(int, []record.Record) (int, error) { return 3, exporters.Permanent(boom) },
			3, map[string]uint64{processors.CausePermanent: 7}},
		{"poison", func(call int, recs []record.Record) (int, error) {
			if call == 0 {
				return 4, exporters.Poison(boom)
			}
			return len(recs), nil
		}, 9, map[string]uint64{processors.CausePoison: 1}},
		{"rejected", func(_ int, recs []record.Record) (int, error) { return len(recs), exporters.Rejected(2, boom) },
			8, map[string]uint64{processors.CauseRejected: 2}},
		{"panic", func(int, []record.Record) (int, error) { panic("boom") },
			0, map[string]uint64{processors.CausePanic: 10}},
		{"out of range", func(_ int, recs []record.Record) (int, error) { return len(recs) + 5, nil },
			10, nil},
		{"no reason", func(call int, recs []record.Record) (int, error) {
			if call == 0 {
				return 2, nil
			}
			return len(recs), nil
		}, 10, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := catchErrors(t)
			synctest.Test(t, func(t *testing.T) {
				sink := &sinktest.Script{OnWrite: func(_ context.Context, call int, recs []record.Record) (int, error) {
					return tc.answer(call, recs)
				}}
				b := newBatch(t, sink, nil)
				for i := range 10 {
					emit(t, b, log.SeverityInfo1, fmt.Sprint(i))
				}
				time.Sleep(10 * time.Second)
				synctest.Wait()
				wantStats(t, b, 10, tc.delivered, tc.dropped)
				if why := b.Stats().LastDropError; strings.Contains(why, "boom") != (tc.dropped != nil) {
					t.Errorf("LastDropError is %q", why)
				}
				if tc.dropped != nil && !strings.Contains(h.String(), "dropped") {
					t.Errorf("the error handler was not told of the drop: %q", h)
				}
				shutdown(t, b)
			})
		})
	}
}

func TestBatchNotice(t *testing.T) {
	h := catchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		sink, release := stall()
		b := newBatch(t, sink, func(c *processors.BatchConfig) { c.MaxQueueSize, c.MaxExportBatchSize = 3, 1 })
		emit(t, b, log.SeverityInfo1, "plug")
		synctest.Wait()
		for i := range 10 {
			emit(t, b, log.SeverityInfo1, fmt.Sprint(i))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := h.String(); !strings.Contains(got, "dropped") {
			t.Errorf("while the sink is stalled the error handler was told %q", got)
		}
		release()
		shutdown(t, b)
		recs := sink.Records()
		if got, want := bodies(recs), []string{"plug", "sluice: 8 records dropped (queue_full 8)", "8", "9"}; !slices.Equal(got, want) {
			t.Fatalf("delivered %q, want %q", got, want)
		}
		n := recs[1]
		if v, _ := n.Attr("sluice.dropped.queue_full"); v.AsInt64() != 8 || n.Logger() != "sluice" || n.Severity != log.SeverityWarn1 {
			t.Errorf("notice: %+v", n)
		}
		wantStats(t, b, 11, 3, map[string]uint64{processors.CauseQueueFull: 8})
	})
}

func TestBatchShutdownInTime(t *testing.T) {
	catchErrors(t)
	t.Run("stalled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sink, release := stall()
			b := newBatch(t, sink, nil)
			emit(t, b, log.SeverityFatal1, "stuck")
			synctest.Wait()
			for i := range 9 {
				emit(t, b, log.SeverityInfo1, fmt.Sprint(i))
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			start := time.Now()
			err := b.Shutdown(ctx)
			if waited := time.Since(start); waited > 1200*time.Millisecond {
				t.Errorf("Shutdown took %s with a deadline of 1s", waited)
			}
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "9 records could not be delivered") {
				t.Errorf("Shutdown = %v", err)
			}
			s := b.Stats()
			balanced(t, s)
			if s.InFlight != 1 || s.Dropped[processors.CauseShutdown] != 9 {
				t.Errorf("while the write is stuck: %+v", s)
			}
			release()
			synctest.Wait()
			wantStats(t, b, 10, 0, map[string]uint64{processors.CauseShutdown: 10})
		})
	})
	t.Run("heeds its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sink := &sinktest.Script{OnWrite: func(ctx context.Context, _ int, _ []record.Record) (int, error) {
				<-ctx.Done()
				return 0, ctx.Err()
			}}
			b := newBatch(t, sink, nil)
			for i := range 10 {
				emit(t, b, log.SeverityInfo1, fmt.Sprint(i))
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			if err := b.Shutdown(ctx); err == nil {
				t.Error("Shutdown = nil though 10 records were lost")
			}
			wantStats(t, b, 10, 0, map[string]uint64{processors.CauseShutdown: 10})
		})
	})
	t.Run("dead without deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sink := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) {
				return 0, errors.New("connection refused")
			}}
			b := newBatch(t, sink, nil)
			emit(t, b, log.SeverityInfo1, "0")
			start := time.Now()
			if err := b.Shutdown(context.Background()); err == nil {
				t.Error("Shutdown = nil though a record was lost")
			}
			if waited := time.Since(start); waited > time.Minute {
				t.Errorf("Shutdown gave a dead exporter %s", waited)
			}
			wantStats(t, b, 1, 0, map[string]uint64{processors.CauseShutdown: 1})
		})
	})
	t.Run("already cancelled", func(t *testing.T) {
		sink := &sinktest.Memory{}
		b := newBatch(t, sink, nil)
		emit(t, b, log.SeverityInfo1, "0")
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = b.Shutdown(ctx)
		s := b.Stats()
		balanced(t, s)
		if s.Queued+s.InFlight != 0 {
			t.Errorf("records neither delivered nor counted as dropped: %+v", s)
		}
	})
}

func TestBatchAfterShutdown(t *testing.T) {
	h := catchErrors(t)
	sink := &sinktest.Memory{}
	b := newBatch(t, sink, nil)
	shutdown(t, b)
	emit(t, b, log.SeverityInfo1, "too late")
	for range 2 {
		shutdown(t, b)
		if err := b.ForceFlush(context.Background()); err != nil {
			t.Errorf("ForceFlush after Shutdown: %v", err)
		}
	}
	wantStats(t, b, 1, 0, map[string]uint64{processors.CauseShutdown: 1})
	if h.String() != "" {
		t.Errorf("error handler: %q", h)
	}
}

// TestBatchBooksUnderFaults hammers a batch whose sink misbehaves at random and
// checks the books at every moment, and every record at the end.
func TestBatchBooksUnderFaults(t *testing.T) {
	catchErrors(t)
	n := time.Now().UnixNano()
	t.Logf("seed %d", n)
	for _, policy := range []processors.OnFull{processors.DropLowest, processors.DropOldest, processors.DropNewest, processors.Block} {
		t.Run(policy.String(), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(uint64(n), uint64(policy)))
			var mu sync.Mutex
			seen := map[string]int{}
			note := func(recs []record.Record) {
				mu.Lock()
				defer mu.Unlock()
				for _, r := range recs {
					seen[r.Body.String()]++
				}
			}
			sink := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
				k := rnd.IntN(len(recs) + 1)
				switch rnd.IntN(10) {
				case 0:
					note(recs[:k])
					return k, exporters.Permanent(errors.New("permanent"))
				case 1:
					note(recs[:k])
					return k, exporters.Poison(errors.New("poison"))
				case 2:
					note(recs)
					return len(recs), exporters.Rejected(k, nil)
				case 3:
					panic("sink")
				case 4:
					if rnd.IntN(20) == 0 {
						note(recs[:k])
						return k, errors.New("try again")
					}
				}
				note(recs)
				return len(recs), nil
			}}
			b := newBatch(t, sink, func(c *processors.BatchConfig) {
				c.MaxQueueSize, c.MaxExportBatchSize, c.OnFull = 300, 64, policy
				c.BlockTimeout = exporters.Duration(time.Millisecond)
			})
			const producers, each = 8, 3000
			stop := make(chan struct{})
			var watch, wg sync.WaitGroup
			watch.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						balanced(t, b.Stats())
					}
				}
			})
			for p := range producers {
				wg.Go(func() {
					for i := range each {
						emit(t, b, log.Severity(1+(p*each+i)%24), fmt.Sprintf("%d/%d", p, i))
					}
				})
			}
			wg.Wait()
			shutdown(t, b)
			close(stop)
			watch.Wait()
			s := b.Stats()
			balanced(t, s)
			if s.Accepted != producers*each || s.Queued+s.InFlight != 0 {
				t.Errorf("at the end: %+v", s)
			}
			arrived := uint64(0)
			for id, times := range seen {
				if strings.HasPrefix(id, "sluice:") {
					continue
				}
				arrived++
				if times != 1 {
					t.Errorf("record %s arrived %d times", id, times)
				}
			}
			if want := s.Delivered + s.Dropped[processors.CauseRejected]; arrived != want {
				t.Errorf("%d records arrived, the books say %d", arrived, want)
			}
		})
	}
}

// TestBatchErrorHandlerMayLog: a handler that logs into the branch in trouble
// must not bring it to a halt.
func TestBatchErrorHandlerMayLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *processors.Batch
		old := otel.GetErrorHandler()
		defer otel.SetErrorHandler(old)
		var told atomic.Int32
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
			told.Add(1)
			emit(t, b, log.SeverityError1, "handled: "+err.Error())
		}))
		var calls atomic.Int32
		sink := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
			if calls.Add(1) < 5 {
				return 0, errors.New("down")
			}
			return len(recs), nil
		}}
		b = newBatch(t, sink, func(c *processors.BatchConfig) {
			c.MaxQueueSize, c.MaxExportBatchSize, c.OnFull, c.BlockTimeout = 1, 1, processors.Block, exporters.Unlimited
		})
		emit(t, b, log.SeverityInfo1, "0")
		time.Sleep(time.Minute)
		synctest.Wait()
		if told.Load() == 0 {
			t.Error("the error handler was never called")
		}
		shutdown(t, b)
		s := b.Stats()
		if s.Accepted != s.Delivered || s.Accepted < 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestBatchMatchAndFlow(t *testing.T) {
	sink := &sinktest.Memory{}
	b := newBatch(t, sink, func(c *processors.BatchConfig) {
		c.Match = &processors.Match{MinimumSeverity: processors.Severity(log.SeverityError1)}
	})
	defer shutdown(t, b)
	passed := 0
	for _, sev := range []log.Severity{log.SeverityInfo1, log.SeverityError1} {
		r := record.Record{Severity: sev}
		_ = b.OnEmit(context.Background(), &r, func(context.Context, *record.Record) error { passed++; return nil })
	}
	if passed != 2 {
		t.Errorf("%d of 2 records flowed on", passed)
	}
	if s := b.Stats(); s.Accepted != 1 {
		t.Errorf("accepted %d, want the error alone", s.Accepted)
	}
	if b.Enabled(context.Background(), nil, log.SeverityInfo1, "") || !b.Enabled(context.Background(), nil, log.SeverityFatal1, "") {
		t.Error("Enabled does not follow match")
	}
}

func TestBatchConfigErrors(t *testing.T) {
	for name, change := range map[string]func(*processors.BatchConfig){
		"max_queue_size":        func(c *processors.BatchConfig) { c.MaxQueueSize = 0 },
		"max_queue_bytes":       func(c *processors.BatchConfig) { c.MaxQueueBytes = 0 },
		"max_export_batch_size": func(c *processors.BatchConfig) { c.MaxExportBatchSize = c.MaxQueueSize + 1 },
		"export_timeout":        func(c *processors.BatchConfig) { c.ExportTimeout = 0 },
		"on_full":               func(c *processors.BatchConfig) { c.OnFull = 9 },
		"body":                  func(c *processors.BatchConfig) { c.Match = &processors.Match{Body: "("} },
		"minimum_severity":      func(c *processors.BatchConfig) { c.Match = &processors.Match{MinimumSeverity: 9, MaximumSeverity: 5} },
	} {
		cfg := processors.DefaultBatchConfig()
		change(&cfg)
		if _, err := processors.NewBatch(&sinktest.Memory{}, cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v does not name it", name, err)
		}
	}
}

func TestBatchAllocations(t *testing.T) {
	sink, err := discard.New(discard.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	b := newBatch(t, sink, func(c *processors.BatchConfig) { c.OnFull = processors.DropOldest })
	defer shutdown(t, b)
	r := sinktest.Record("0")
	for i := range 5 {
		r.AddAttributes(attribute.Int(fmt.Sprint("k", i), i))
	}
	ctx := context.Background()
	for range 20_000 {
		_ = b.OnEmit(ctx, &r, end)
	}
	if n := testing.AllocsPerRun(1000, func() { _ = b.OnEmit(ctx, &r, end) }); n != 0 {
		t.Errorf("%v allocations per record, want 0", n)
	}
}
