package demo

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed2f724858/sluice/processors"
)

// ledger is the books of a branch that gets a record at each look into them. A
// collector that is up takes what there is.
type ledger struct {
	collector *collector
	silent    bool // no level lets a record pass
	broken    bool // the disk takes none
	lossy     bool // the queue drops one for each that it takes
	stats     processors.ExporterStats
}

func (l *ledger) look() processors.ExporterStats {
	switch {
	case l.broken:
		l.stats.Queued++
	case !l.silent:
		l.stats.Spooled++
	}
	if l.lossy {
		l.stats.Dropped = map[string]uint64{processors.CauseSpoolFull: l.stats.DroppedTotal() + 1}
	}
	l.stats.LastError = "connection reset by peer"
	if !l.collector.down.Load() {
		l.stats.Delivered += l.stats.Spooled
		l.stats.Spooled, l.stats.LastError = 0, ""
	}
	return l.stats
}

func newOutage(l *ledger) (o *outage, told *bytes.Buffer) {
	told = new(bytes.Buffer)
	l.collector = new(collector)
	return &outage{collector: l.collector, books: l.look, say: voice{w: told}, spool: "logs/spool"}, told
}

func wantNews(t *testing.T, told *bytes.Buffer, want ...string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(told.String(), "\n"), "\n")
	if told.Len() == 0 {
		lines = nil
	}
	if len(lines) != len(want) {
		t.Fatalf("told %q, want %q", lines, want)
	}
	for i, line := range lines {
		if !strings.Contains(line, want[i]) {
			t.Errorf("told %q, want %q", line, want[i])
		}
	}
}

const (
	newsDown    = "The collector is down"
	newsBack    = "records wait for it in logs/spool"
	newsDrained = "The queue has drained"
	newsNothing = "nothing waits for it"
)

func TestOutageOfADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, told := newOutage(&ledger{})
		const day = time.Minute
		ctx, cancel := context.WithTimeout(t.Context(), day)
		defer cancel()
		o.during(ctx, day)
		if ctx.Err() != nil {
			t.Error("it took the whole day")
		}
		if o.collector.down.Load() || o.waited == 0 {
			t.Errorf("afterwards the collector is down: %t, and %d records had waited", o.collector.down.Load(), o.waited)
		}
		o.finish(t.Context())
		o.tellDrained()
		wantNews(t, told, newsDown, newsBack, newsDrained)
	})
}

// However short the day, records wait, and the collector comes back.
func TestOutageOfAShortDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{silent: true} // until the day is over
		o, told := newOutage(l)
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		o.during(ctx, time.Nanosecond)
		wantNews(t, told, newsDown)
		l.silent = false
		o.finish(t.Context())
		o.tellDrained()
		if o.waited == 0 {
			t.Error("no record had waited")
		}
		wantNews(t, told, newsDown, newsBack, newsDrained)
	})
}

func TestOutageEndsThoughNothingWaits(t *testing.T) {
	for name, l := range map[string]*ledger{"silent": {silent: true}, "broken": {broken: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, told := newOutage(l)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				o.during(ctx, time.Second)
				o.finish(t.Context())
				o.tellDrained()
				wantNews(t, told, newsDown, newsNothing)
			})
		})
	}
}

// What the queue has given up did not arrive, however much came after it.
func TestOutageDoesNotClaimWhatWasDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, told := newOutage(&ledger{lossy: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		o.during(ctx, time.Minute)
		o.tellDrained()
		wantNews(t, told, newsDown, newsBack)
	})
}

func TestInterruptEndsAnOutage(t *testing.T) {
	for name, tc := range map[string]struct {
		after time.Duration
		want  []string
	}{
		"before it begins": {time.Second, nil},
		"while it is on":   {4 * time.Second, []string{newsDown, newsNothing}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, told := newOutage(&ledger{broken: true})
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(tc.after, cancel)
				o.during(ctx, time.Hour)
				o.finish(ctx)
				if o.collector.down.Load() {
					t.Error("the collector is still down")
				}
				wantNews(t, told, tc.want...)
			})
		})
	}
}
