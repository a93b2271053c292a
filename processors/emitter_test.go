package processors_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// dead returns a branch without room, which blocks for ever: its sink takes
// nothing before its context ends.
func dead(t *testing.T) *processors.Batch {
	sink := &sinktest.Script{OnWrite: func(ctx context.Context, _ int, _ []record.Record) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	}}
	return newBatch(t, sink, func(c *processors.BatchConfig) {
		c.Name, c.OnFull, c.BlockTimeout, c.MaxQueueSize, c.MaxExportBatchSize = "dead", processors.Block, exporters.Unlimited, 2, 2
	})
}

// Flushes in front of a branch that blocks leave no goroutine each.
func TestFlushesDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		catchErrors(t)
		d := newDedup(t, nil)
		p, err := processors.NewPipeline(processors.DefaultConfig(), d, dead(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{"a", "a", "b", "b"} {
			logAs(t, p, "x", log.SeverityInfo, body)
		}
		flush := func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := d.ForceFlush(ctx); err == nil {
				t.Error("a flush claims that the branch took everything")
			}
		}
		flush()
		before := runtime.NumGoroutine()
		for range 20 {
			flush()
		}
		if now := runtime.NumGoroutine(); now > before+10 {
			t.Errorf("flushes leave goroutines: %d, then %d", before, now)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = p.Shutdown(ctx)
	})
}

// What follows may end the goroutine that it is called on; steps go on.
func TestGoexitBehindAStep(t *testing.T) {
	for name, newStep := range map[string]func() processors.Processor{
		"dedup":      func() processors.Processor { return newDedup(t, nil) },
		"rate_limit": func() processors.Processor { return newRateLimit(t, 1e-3, 2, nil) },
	} {
		synctest.Test(t, func(t *testing.T) {
			var out kept
			ended := 0
			next := func(ctx context.Context, r *record.Record) error {
				_, summary := r.Attr("sluice.dedup.count")
				if _, notice := r.Attr("sluice.suppressed.count"); (notice || summary) && ended < 2 {
					ended++
					runtime.Goexit()
				}
				return out.next(ctx, r)
			}
			s := newStep()
			for range 3 {
				for _, body := range []string{"a", "a", "b", "b"} {
					say(s, next, body)
				}
				time.Sleep(time.Minute)
			}
			if n := len(out.take()); ended != 2 || n != map[string]int{"dedup": 6 + 4, "rate_limit": 2 + 1}[name] {
				t.Errorf("%s: %d goroutines ended, %d records came out", name, ended, n)
			}
			shutdown(t, s)
		})
	}
}

// What Shutdown began to hand on ends with it, but for the record that is stuck.
func TestShutdownEndsHandingOn(t *testing.T) {
	for name, newStep := range map[string]func() processors.Processor{
		"dedup": func() processors.Processor { return newDedup(t, nil) },
		"rate_limit": func() processors.Processor {
			return newRateLimit(t, 1e-3, 1, func(c *processors.RateLimitConfig) { c.By = []string{"body"} })
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			catchErrors(t)
			s := newStep()
			release := make(chan struct{})
			var out kept
			ending := false
			next := func(ctx context.Context, r *record.Record) error {
				if ending {
					<-release
				}
				return out.next(ctx, r)
			}
			for _, body := range []string{"a", "a", "b", "b", "c", "c"} {
				say(s, next, body)
			}
			ending = true
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := s.Shutdown(ctx); err == nil {
				t.Errorf("%s: Shutdown claims that everything was taken", name)
			}
			close(release)
			synctest.Wait()
			b := s.(processors.Counted).Books()
			if n := len(out.take()); n != 3+1 || b.Added != 1 || b.StoppedTotal() != 3 {
				t.Errorf("%s: %d records came out, want three and a summary; books %+v", name, n, b)
			}
		})
	}
}
