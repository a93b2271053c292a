package processors_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func TestDedupBoundsItsMemory(t *testing.T) {
	big := strings.Repeat("x", 60<<10)
	for name, tc := range map[string]struct {
		n    int
		text func(i int) string
		want string // summaries that go out early
	}{
		"records": {5000, func(i int) string { return fmt.Sprint(i) }, "0*1"},
		"bytes":   {500, func(i int) string { return fmt.Sprint(i, " ", big) }, "0 xxx"},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDedup(t, nil)
			var out kept
			for i := range tc.n {
				say(d, out.next, tc.text(i))
				say(d, out.next, tc.text(i))
			}
			recs := out.take()
			if n := total(recs); n >= uint64(2*tc.n) || n <= uint64(tc.n) {
				t.Errorf("%s: %d records of %d went out before the interval's end", name, n, 2*tc.n)
			}
			i := 0
			for withCounts(recs[i : i+1])[0] == recs[i].Body.String() {
				i++
			}
			if got := withCounts(recs[i : i+1])[0]; !strings.HasPrefix(got, tc.want) {
				t.Errorf("%s: the first summary is %.20s, want the oldest one", name, got)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if n := total(recs) + total(out.take()); n != uint64(2*tc.n) {
				t.Errorf("%s: %d of %d", name, n, 2*tc.n)
			}
			shutdown(t, d)
		})
	}
}

func TestDedupLetsLargeRecordsPass(t *testing.T) {
	d := newDedup(t, nil)
	defer shutdown(t, d)
	var out kept
	big := strings.Repeat("x", 1<<20)
	say(d, out.next, "small")
	say(d, out.next, big)
	say(d, out.next, big)
	say(d, out.next, "small")
	if n := len(out.take()); n != 3 {
		t.Errorf("%d records, want the small one once and the large one twice", n)
	}
}

// What follows may block for ever: neither a log call of another record nor
// Shutdown waits for it longer than they must.
func TestDedupBehindABlockedStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		catchErrors(t)
		d := newDedup(t, nil)
		release := make(chan struct{})
		var out kept
		next := func(ctx context.Context, r *record.Record) error {
			if _, summary := r.Attr("sluice.dedup.count"); summary {
				<-release
			}
			return out.next(ctx, r)
		}
		for range 3 {
			say(d, next, "a")
			say(d, next, "b")
		}
		time.Sleep(11 * time.Second) // the summary of a is stuck
		say(d, next, "a")
		say(d, next, "a")
		wantLines(t, "meanwhile", out.take(), "a", "b", "a")
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := d.ForceFlush(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("ForceFlush: %v", err)
		}
		if err := d.Shutdown(context.Background()); err == nil || !strings.Contains(err.Error(), "takes no records") {
			t.Errorf("Shutdown: %v", err)
		}
		close(release)
		synctest.Wait()
		wantLines(t, "after shutdown, the summary that was stuck", out.take(), "a*2")
		if s := d.Books(); s.Stopped[processors.CauseDuplicate] != 5 || s.Added != 1 {
			t.Errorf("books: %+v, want what was not handed on among the stopped alone", s)
		}
	})
}

// Who is in a hurry gets the counts all the same.
func TestCountsOutliveACancelledShutdown(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	d, l := newDedup(t, nil), newRateLimit(t, 1e-6, 1, nil)
	var out kept
	for range 5 {
		say(d, out.next, "a")
		say(l, out.next, "b")
	}
	if err := errors.Join(d.Shutdown(ctx), l.Shutdown(ctx)); err != nil {
		t.Error(err)
	}
	wantLines(t, "both", out.take(), "a", "b", "a*4", "sluice: 4 records suppressed (rate limit)")
}

func TestDedupReportsErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := catchErrors(t)
		d := newDedup(t, func(c *processors.DedupConfig) { c.Name = "quiet" })
		next := func(_ context.Context, r *record.Record) error {
			if _, summary := r.Attr("sluice.dedup.count"); summary {
				panic("no summaries, please")
			}
			return nil
		}
		say(d, next, "a")
		say(d, next, "a")
		time.Sleep(time.Minute)
		if got := handled.String(); !strings.Contains(got, "quiet: what follows panicked: no summaries, please") {
			t.Errorf("handled: %s", got)
		}
		shutdown(t, d)
	})
}

// TestDedupCountsEverything holds that under concurrency, flushes and early
// ends every record goes out, as itself or in a count.
func TestDedupCountsEverything(t *testing.T) {
	rnd := rand.New(rand.NewPCG(uint64(processors.Seed(t)), 1))
	d := newDedup(t, func(c *processors.DedupConfig) { c.Interval = exporters.Duration(time.Millisecond) })
	var out kept
	var wg sync.WaitGroup
	const each = 5000
	for range 4 {
		keys := 1 + rnd.IntN(6000)
		local := rand.New(rand.NewPCG(rnd.Uint64(), 1))
		wg.Go(func() {
			for range each {
				say(d, out.next, fmt.Sprint(local.IntN(keys)))
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			_ = d.ForceFlush(context.Background())
		}
	})
	wg.Wait()
	shutdown(t, d)
	recs := out.take()
	if n := total(recs); n != 4*each {
		t.Errorf("%d records went in, %d came out", 4*each, n)
	}
	var added, passed uint64
	for _, r := range recs {
		if _, ok := r.Attr("sluice.dedup.count"); ok {
			added++
		} else {
			passed++
		}
	}
	if s := d.Books(); s.Added != added || s.StoppedTotal()+passed != 4*each {
		t.Errorf("books %+v, passed %d, summaries %d", s, passed, added)
	}
}

// Of equal records that come at once, one passes.
func TestDedupOnePasses(t *testing.T) {
	d := newDedup(t, nil)
	var out kept
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 200 {
				say(d, out.next, fmt.Sprint(i))
			}
		})
	}
	wg.Wait()
	if n := len(out.take()); n != 200 {
		t.Errorf("%d passed, want 200", n)
	}
	shutdown(t, d)
	if n := total(out.take()); n != 8*200-200 {
		t.Errorf("%d counted, want %d", n, 8*200-200)
	}
}

func TestDedupAllocations(t *testing.T) {
	d := newDedup(t, nil)
	defer shutdown(t, d)
	var r record.Record
	now, ctx := time.Now(), t.Context()
	fill(&r, now)
	_ = d.OnEmit(ctx, &r, end)
	if n := testing.AllocsPerRun(1000, func() { _ = d.OnEmit(ctx, &r, end) }); n != 0 {
		t.Errorf("%v allocations per repeat, want 0", n)
	}
}
