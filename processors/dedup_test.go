package processors_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func newDedup(t testing.TB, change func(*processors.DedupConfig)) *processors.Dedup {
	t.Helper()
	cfg := processors.DefaultDedupConfig()
	if change != nil {
		change(&cfg)
	}
	d, err := processors.NewDedup(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// kept collects what a step hands on.
type kept struct {
	mu   sync.Mutex
	recs []record.Record
}

func (k *kept) next(_ context.Context, r *record.Record) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.recs = append(k.recs, r.Clone())
	return nil
}

// take returns what has come since the last call.
func (k *kept) take() []record.Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	recs := k.recs
	k.recs = nil
	return recs
}

// withCounts returns bodies, with the count behind those of summaries.
func withCounts(recs []record.Record) []string {
	lines := []string{}
	for _, r := range recs {
		s := r.Body.String()
		if n, ok := r.Attr("sluice.dedup.count"); ok {
			s += "*" + n.String()
		}
		lines = append(lines, s)
	}
	return lines
}

// total returns how many records those stand for.
func total(recs []record.Record) (n uint64) {
	for _, r := range recs {
		if v, ok := r.Attr("sluice.dedup.count"); ok {
			n += uint64(v.AsInt64())
			continue
		}
		n++
	}
	return n
}

func say(p processors.Processor, next processors.Next, text string, attrs ...attribute.KeyValue) {
	now := time.Now()
	r := record.Record{Timestamp: now, Observed: now, Severity: log.SeverityWarn, Body: attribute.StringValue(text), Attributes: attrs}
	_ = p.OnEmit(context.Background(), &r, next)
}

func wantLines(t *testing.T, what string, got []record.Record, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), withCounts(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestDedup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDedup(t, nil)
		var out kept
		start := time.Now().UTC()
		for i := range 5 {
			say(d, out.next, "refused", attribute.Int("order", i))
			time.Sleep(time.Second)
		}
		say(d, out.next, "timeout") // at 5 s
		wantLines(t, "at first", out.take(), "refused", "timeout")
		time.Sleep(5*time.Second - 1)
		wantLines(t, "before the interval ends", out.take())
		time.Sleep(1)
		synctest.Wait()
		sum := out.take()
		wantLines(t, "when it ends", sum, "refused*4")
		want := []attribute.KeyValue{
			attribute.Int("order", 4),
			attribute.Int("sluice.dedup.count", 4),
			attribute.String("sluice.dedup.first", start.Add(time.Second).Format("2006-01-02T15:04:05.000000000Z")),
			attribute.String("sluice.dedup.last", start.Add(4*time.Second).Format("2006-01-02T15:04:05.000000000Z")),
		}
		if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(sum[0].Attributes)); diff != "" {
			t.Errorf("the summary's attributes: %s", diff)
		}
		if got := sum[0].Timestamp; !got.Equal(start.Add(4 * time.Second)) {
			t.Errorf("the summary's time: %v", got)
		}
		say(d, out.next, "refused")
		wantLines(t, "anew", out.take(), "refused")
		time.Sleep(time.Minute)
		wantLines(t, "without repeats", out.take())
		if s := d.Books(); s.Name != "dedup" || s.Stopped[processors.CauseDuplicate] != 4 || s.Added != 1 {
			t.Errorf("books: %+v", s)
		}
		shutdown(t, d)
	})
}

// Each interval ends by itself, whichever began before or meanwhile.
func TestDedupIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDedup(t, nil)
		defer shutdown(t, d)
		var out kept
		for range 3 { // also after the timer has rested
			for _, text := range []string{"a", "b", "c"} {
				say(d, out.next, text)
				say(d, out.next, text)
				time.Sleep(time.Second)
			}
			out.take()
			time.Sleep(7 * time.Second)
			for _, want := range []string{"a*1", "b*1", "c*1"} {
				synctest.Wait()
				wantLines(t, "a second later", out.take(), want)
				time.Sleep(time.Second)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestDedupFlushAndShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDedup(t, nil)
		var out kept
		if err := d.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		say(d, out.next, "a")
		say(d, out.next, "a")
		say(d, out.next, "b")
		say(d, out.next, "a")
		if err := d.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		wantLines(t, "flush", out.take(), "a", "b", "a*2")
		say(d, out.next, "a")
		_ = d.ForceFlush(t.Context())
		wantLines(t, "the interval goes on", out.take(), "a*1")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		wantLines(t, "told already", out.take())
		say(d, out.next, "c")
		say(d, out.next, "c")
		shutdown(t, d)
		wantLines(t, "shutdown", out.take(), "c", "c*1")
		say(d, out.next, "c")
		say(d, out.next, "c")
		time.Sleep(time.Minute)
		if err := errors.Join(d.ForceFlush(t.Context()), d.Shutdown(t.Context())); err != nil {
			t.Error(err)
		}
		wantLines(t, "after shutdown", out.take(), "c", "c")
	})
}

func TestDedupBy(t *testing.T) {
	d := newDedup(t, func(c *processors.DedupConfig) { c.By = []string{"body", "tenant"} })
	defer shutdown(t, d)
	var out kept
	for _, tenant := range []string{"acme", "evil", "acme"} {
		say(d, out.next, "a", attribute.String("tenant", tenant))
	}
	say(d, out.next, "a")
	wantLines(t, "by tenant", out.take(), "a", "a", "a")
}

// What is equal but for the attributes that nobody asked for, is compared with
// copies: a caller's memory is its own again.
func TestDedupKeepsCopies(t *testing.T) {
	d := newDedup(t, nil)
	var out kept
	attrs := []attribute.KeyValue{attribute.Int("order", 1), attribute.Int("items", 2)}
	say(d, out.next, "a", attrs...)
	r := record.Record{Severity: log.SeverityWarn, Body: attribute.StringValue("a"), Attributes: attrs}
	_ = d.OnEmit(t.Context(), &r, out.next)
	r.Attributes[0] = attribute.String("another", "record")
	r.Reset()
	shutdown(t, d)
	if got := out.take()[1].Attributes[:2]; fmt.Sprint(got) != fmt.Sprint([]attribute.KeyValue{attribute.Int("order", 1), attribute.Int("items", 2)}) {
		t.Errorf("summary: %v", got)
	}
}

// A summary has memory of its own: repeats that come while it is on its way do
// not change it.
func TestDedupGivesSummariesAway(t *testing.T) {
	d := newDedup(t, nil)
	defer shutdown(t, d)
	var seen []string
	var next processors.Next
	next = func(_ context.Context, r *record.Record) error {
		if _, summary := r.Attr("sluice.dedup.count"); summary && seen == nil {
			say(d, next, "a", attribute.Int("order", 2))
			for _, kv := range r.Attributes[:2] {
				seen = append(seen, string(kv.Key)+"="+kv.Value.String())
			}
		}
		return nil
	}
	say(d, next, "a")
	say(d, next, "a", attribute.Int("order", 1))
	_ = d.ForceFlush(t.Context())
	if got := fmt.Sprint(seen); got != "[order=1 sluice.dedup.count=1]" {
		t.Errorf("on its way: %s", got)
	}
}

// A summary of another step counts for what it stands for, and has no
// attribute twice.
func TestDedupOfSummaries(t *testing.T) {
	first, second := newDedup(t, nil), newDedup(t, func(c *processors.DedupConfig) { c.Interval = exporters.Duration(time.Hour) })
	var out kept
	between := func(ctx context.Context, r *record.Record) error { return second.OnEmit(ctx, r, out.next) }
	for i := range 100 {
		say(first, between, "a")
		if i%10 == 9 {
			_ = first.ForceFlush(t.Context())
		}
	}
	shutdown(t, first)
	shutdown(t, second)
	recs := out.take()
	wantLines(t, "both", recs, "a", "a*99")
	seen := map[attribute.Key]bool{}
	for _, kv := range recs[1].Attributes {
		if seen[kv.Key] {
			t.Errorf("%s stands twice", kv.Key)
		}
		seen[kv.Key] = true
	}
}

func TestDedupConfig(t *testing.T) {
	for want, change := range map[string]func(*processors.DedupConfig){
		"dedup: interval is 0s: want more than 0s": func(c *processors.DedupConfig) { c.Interval = 0 },
		"dedup: by is empty":                       func(c *processors.DedupConfig) { c.By = nil },
		"interval is -1s: want more than 0s\nby[0]": func(c *processors.DedupConfig) {
			c.Interval, c.By = exporters.Duration(-time.Second), []string{""}
		},
	} {
		cfg := processors.DefaultDedupConfig()
		change(&cfg)
		if _, err := processors.NewDedup(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	d := newDedup(t, func(c *processors.DedupConfig) { c.Interval = exporters.Unlimited })
	var out kept
	say(d, out.next, "a")
	say(d, out.next, "a")
	shutdown(t, d)
	wantLines(t, "without an end", out.take(), "a", "a*1")
}

// In a pipeline the summary reaches the exporters before they are closed.
func TestDedupInAPipeline(t *testing.T) {
	sink := &sinktest.Memory{}
	p := newPipeline(t, processors.DefaultConfig(), newDedup(t, nil), newSimple(t, sink, "m", nil))
	l := p.Logger(record.Scope{Name: "x"})
	for range 3 {
		_ = l.Emit(t.Context(), &record.Record{Severity: log.SeverityInfo, Body: attribute.StringValue("a")})
	}
	shutdown(t, p)
	wantLines(t, "delivered", sink.Records(), "a", "a*2")
	if s := p.Stats().Steps; len(s) != 1 || s[0].Stopped[processors.CauseDuplicate] != 2 {
		t.Errorf("steps: %+v", s)
	}
}
