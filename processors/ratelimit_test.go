package processors_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func newRateLimit(t testing.TB, perSecond float64, burst int, change func(*processors.RateLimitConfig)) *processors.RateLimit {
	t.Helper()
	cfg := processors.DefaultRateLimitConfig()
	cfg.PerSecond, cfg.Burst = perSecond, burst
	if change != nil {
		change(&cfg)
	}
	l, err := processors.NewRateLimit(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// suppressed returns the sum of what notices say, and the other records.
func suppressed(recs []record.Record) (n uint64, others []record.Record) {
	for _, r := range recs {
		if v, ok := r.Attr("sluice.suppressed.count"); ok {
			n += uint64(v.AsInt64())
			continue
		}
		others = append(others, r)
	}
	return n, others
}

func TestRateLimit(t *testing.T) {
	type phase struct {
		pause time.Duration
		sent  int
		pass  int
	}
	for name, tc := range map[string]struct {
		perSecond float64
		burst     int
		phases    []phase
	}{
		"burst, then one by one":      {10, 3, []phase{{0, 5, 3}, {100 * time.Millisecond, 5, 1}, {99 * time.Millisecond, 5, 0}, {time.Millisecond, 5, 1}}},
		"the burst is saved up again": {10, 3, []phase{{0, 3, 3}, {time.Hour, 5, 3}, {200 * time.Millisecond, 5, 2}}},
		"burst by default":            {2.5, 0, []phase{{0, 9, 3}, {400 * time.Millisecond, 9, 1}}},
		"less than one a second":      {0.1, 0, []phase{{0, 2, 1}, {9 * time.Second, 2, 0}, {time.Second, 2, 1}, {time.Minute, 2, 1}}},
		"odd rate":                    {3, 1, []phase{{0, 2, 1}, {333 * time.Millisecond, 2, 0}, {334 * time.Microsecond, 2, 1}}},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newRateLimit(t, tc.perSecond, tc.burst, nil)
			defer shutdown(t, l)
			var out kept
			for i, p := range tc.phases {
				time.Sleep(p.pause)
				for range p.sent {
					say(l, out.next, "a")
				}
				if _, recs := suppressed(out.take()); len(recs) != p.pass {
					t.Errorf("%s: phase %d: %d passed, want %d", name, i, len(recs), p.pass)
				}
			}
		})
	}
}

func TestRateLimitBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newRateLimit(t, 1, 2, func(c *processors.RateLimitConfig) { c.By = []string{"tenant"} })
		defer shutdown(t, l)
		var out kept
		for range 5 {
			say(l, out.next, "a", attribute.String("tenant", "acme"))
			say(l, out.next, "e", attribute.String("tenant", "evil"))
			say(l, out.next, "n")
		}
		wantLines(t, "passed", out.take(), "a", "e", "n", "a", "e", "n")
		if s := l.Books(); s.Name != "rate_limit" || s.Stopped[processors.CauseRateLimited] != 9 {
			t.Errorf("books: %+v", s)
		}
	})
}

func TestRateLimitExempt(t *testing.T) {
	matches := func(m ...processors.Match) []processors.Match { return m }
	for name, tc := range map[string]struct {
		exempt []processors.Match
		want   string
	}{
		"errors by default": {processors.DefaultRateLimitConfig().Exempt, "ERROR FATAL"},
		"nothing":           {nil, ""},
		"everything":        {matches(processors.Match{}), " DEBUG WARN ERROR FATAL"},
		"either":            {matches(processors.Match{MaximumSeverity: 8}, *min1(log.SeverityFatal)), "DEBUG FATAL"},
		"both":              {matches(processors.Match{MinimumSeverity: 17, Body: "^W"}, processors.Match{Body: "^W"}), "WARN"},
	} {
		l := newRateLimit(t, 1e-6, 1, func(c *processors.RateLimitConfig) { c.Exempt = tc.exempt })
		var out kept
		used := record.Record{Severity: log.SeverityInfo}
		_ = l.OnEmit(t.Context(), &used, end)
		for _, sev := range []log.Severity{0, log.SeverityDebug, log.SeverityWarn, log.SeverityError, log.SeverityFatal} {
			r := record.Record{Severity: sev, Body: attribute.StringValue(record.SeverityName(sev))}
			_ = l.OnEmit(t.Context(), &r, out.next)
		}
		if got := strings.Join(bodies(out.take()), " "); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
		shutdown(t, l)
	}
}

func TestRateLimitNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newRateLimit(t, 1, 1, func(c *processors.RateLimitConfig) {
			c.Name, c.By = "calm", []string{"logger", "tenant"}
		})
		var out kept
		origin := &record.Origin{Scope: record.Scope{Name: "shop"}, Resource: &record.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "s")}}}
		send := func(n int) {
			for range n {
				_ = l.OnEmit(t.Context(), &record.Record{Severity: 9, Origin: origin, Attributes: []attribute.KeyValue{attribute.String("tenant", "acme")}}, out.next)
			}
		}
		send(4)
		out.take()
		time.Sleep(10*time.Second - 1)
		if got := out.take(); len(got) != 0 {
			t.Errorf("too early: %v", bodies(got))
		}
		time.Sleep(1)
		synctest.Wait()
		recs := out.take()
		if len(recs) != 1 {
			t.Fatalf("%d notices", len(recs))
		}
		n := recs[0]
		if d := cmp.Diff([]string{
			"sluice: 3 records suppressed (rate limit, logger=shop, tenant=acme)", "sluice.suppressed", "WARN", "sluice", "s",
			"[{sluice.step calm} {sluice.suppressed.count 3} {sluice.suppressed.key logger=shop, tenant=acme}]",
		}, []string{n.Body.String(), n.EventName, n.Level(), n.Logger(), n.ResourceAttributes()[0].Value.String(), fmt.Sprint(kvs(n.Attributes))}); d != "" {
			t.Error(d)
		}
		if !n.Timestamp.Equal(time.Now()) || n.Observed != n.Timestamp {
			t.Errorf("times %v, %v", n.Timestamp, n.Observed)
		}
		// While it goes on, one every 10 s; afterwards none.
		for range 300 {
			send(3)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Hour)
		recs = out.take()
		told, passed := suppressed(recs)
		if notices := len(recs) - len(passed); notices != 3 || told != uint64(900-len(passed)) {
			t.Errorf("%d notices of %d records, want 3 of %d", notices, told, 900-len(passed))
		}
		if s := l.Books(); s.Added != 4 || s.StoppedTotal() != told+3 {
			t.Errorf("books: %+v", s)
		}
		send(2)
		_ = l.ForceFlush(t.Context())
		_ = l.ForceFlush(t.Context())
		if got := bodies(out.take()); len(got) != 2 || got[1] != "sluice: 1 record suppressed (rate limit, logger=shop, tenant=acme)" {
			t.Errorf("flush: %q", got)
		}
		send(2)
		shutdown(t, l)
		if n, others := suppressed(out.take()); n != 2 || len(others) != 0 {
			t.Errorf("shutdown: %d suppressed, %v", n, others)
		}
		send(2)
		time.Sleep(time.Hour)
		if n, others := suppressed(out.take()); n != 0 || len(others) != 2 {
			t.Errorf("after shutdown: %d suppressed, %d passed", n, len(others))
		}
	})
}

// What is stopped while a notice is on its way is told by the next one.
func TestRateLimitNoticesGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newRateLimit(t, 1e-6, 1, nil)
		defer shutdown(t, l)
		var out kept
		var next processors.Next
		next = func(ctx context.Context, r *record.Record) error {
			if r.EventName == "sluice.suppressed" && l.Books().StoppedTotal() < 5 {
				say(l, next, "a")
			}
			return out.next(ctx, r)
		}
		say(l, next, "a")
		say(l, next, "a")
		time.Sleep(time.Minute)
		if n, _ := suppressed(out.take()); n != 5 {
			t.Errorf("%d told within a minute, want 5", n)
		}
	})
}

func kvs(attrs []attribute.KeyValue) []string {
	var s []string
	for _, kv := range attrs {
		s = append(s, fmt.Sprintf("{%s %s}", kv.Key, kv.Value.String()))
	}
	return s
}

func TestRateLimitNoticesOfManyKeys(t *testing.T) {
	l := newRateLimit(t, 1e-6, 1, func(c *processors.RateLimitConfig) { c.By = []string{"body"} })
	var out kept
	for i := range 100 {
		for range i + 1 {
			say(l, out.next, fmt.Sprint(i))
		}
	}
	out.take()
	shutdown(t, l)
	recs := out.take()
	if len(recs) != 11 {
		t.Fatalf("%d notices: %v", len(recs), bodies(recs))
	}
	if got := bodies(recs); got[0] != "sluice: 99 records suppressed (rate limit, body=99)" || got[10] != "sluice: 4005 records suppressed (rate limit, other keys)" {
		t.Errorf("%q", got)
	}
	if n, _ := suppressed(recs); n != 99*100/2 {
		t.Errorf("%d in all, want %d", n, 99*100/2)
	}

	one := newRateLimit(t, 1e-6, 1, nil)
	for range 3 {
		say(one, out.next, "a")
	}
	shutdown(t, one)
	if got := bodies(out.take()); got[1] != "sluice: 2 records suppressed (rate limit)" {
		t.Errorf("without keys: %q", got)
	}
}

// Ever new keys do not lift the limit of a key in use, nor all limits
// together, and what was stopped is told all the same.
func TestRateLimitBoundsItsKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newRateLimit(t, 1, 2, func(c *processors.RateLimitConfig) { c.By = []string{"tenant"} })
		var out kept
		var sent uint64
		send := func(tenant string) {
			sent++
			say(l, out.next, tenant, attribute.String("tenant", tenant))
		}
		count := func(recs []record.Record, tenant string) (n int) {
			for _, r := range recs {
				if r.Body.String() == tenant {
					n++
				}
			}
			return n
		}
		for range 5 {
			send("old")
		}
		for i := range 100_000 {
			send(fmt.Sprint("new", i))
		}
		for range 5 {
			send("old")
		}
		told, recs := suppressed(out.take())
		if n := count(recs, "old"); n != 2 {
			t.Errorf("%d of the old key passed, want its burst of 2", n)
		}
		// 4095 new keys of their own, and the shared limit's burst.
		if n := len(recs) - 2; n != 4095+2 {
			t.Errorf("%d of new keys passed, want %d", n, 4095+2)
		}
		// When old keys rest, new ones take their places; the old one is not
		// better off for having lost its own.
		time.Sleep(2 * time.Second)
		for i := range 10_000 {
			send(fmt.Sprint("newer", i))
		}
		for range 5 {
			send("old")
		}
		more, recs2 := suppressed(out.take())
		if n := count(recs2, "newer9999") + count(recs2, "old"); n > 2 {
			t.Errorf("%d without a place passed", n)
		}
		if n := len(recs2); n < 4096 || n > 4096+4 {
			t.Errorf("%d passed, want about %d", n, 4096+2)
		}
		shutdown(t, l)
		last, _ := suppressed(out.take())
		if got := told + more + last + uint64(len(recs)+len(recs2)); got != sent || l.Books().StoppedTotal() != told+more+last {
			t.Errorf("%d of %d accounted for, %+v", got, sent, l.Books())
		}
	})
}

// Of records that come at once the burst passes, and the sums are right.
func TestRateLimitAtOnce(t *testing.T) {
	for name, by := range map[string][]string{"one limit": nil, "keys": {"body"}} {
		synctest.Test(t, func(t *testing.T) {
			l := newRateLimit(t, 100, 0, func(c *processors.RateLimitConfig) { c.By = by })
			var out kept
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range 500 {
						say(l, out.next, "a")
					}
				})
			}
			wg.Go(func() { _ = l.ForceFlush(context.Background()) })
			wg.Wait()
			shutdown(t, l)
			if n, passed := suppressed(out.take()); len(passed) != 100 || n != 8*500-100 {
				t.Errorf("%s: %d passed, %d told", name, len(passed), n)
			}
		})
	}
}

func TestRateLimitAllocations(t *testing.T) {
	for name, rate := range map[string]float64{"passing": 1e6, "stopping": 1e-6} {
		l := newRateLimit(t, rate, 1_000_000, func(c *processors.RateLimitConfig) {
			c.By = []string{"logger", "http.request.method", "duration"}
			if rate < 1 {
				c.Burst = 1
			}
		})
		var r record.Record
		fill(&r, time.Now())
		ctx := t.Context()
		for range 2 {
			_ = l.OnEmit(ctx, &r, end)
		}
		if n := testing.AllocsPerRun(1000, func() { _ = l.OnEmit(ctx, &r, end) }); n != 0 {
			t.Errorf("%s: %v allocations per record, want 0", name, n)
		}
		shutdown(t, l)
	}
}

func TestRateLimitConfig(t *testing.T) {
	for want, change := range map[string]func(*processors.RateLimitConfig){
		"rate_limit: per_second is 0: want more than 0 and at most 1e+06": func(c *processors.RateLimitConfig) {},
		"per_second is NaN":                     func(c *processors.RateLimitConfig) { c.PerSecond = math.NaN() },
		"per_second is +Inf":                    func(c *processors.RateLimitConfig) { c.PerSecond = math.Inf(1) },
		"per_second is -1":                      func(c *processors.RateLimitConfig) { c.PerSecond = -1 },
		"burst is -1: want at least 0":          func(c *processors.RateLimitConfig) { c.PerSecond, c.Burst = 1, -1 },
		"it would take more than a century":     func(c *processors.RateLimitConfig) { c.PerSecond = 1e-300 },
		"burst is 9223372036854775807":          func(c *processors.RateLimitConfig) { c.PerSecond, c.Burst = 1, math.MaxInt },
		"by[0] is \"\"":                         func(c *processors.RateLimitConfig) { c.PerSecond, c.By = 1, []string{""} },
		"exempt[0]: body: error parsing regexp": func(c *processors.RateLimitConfig) { c.PerSecond, c.Exempt = 1, []processors.Match{{Body: "("}} },
		"burst is -2: want at least 0\nexempt[0]": func(c *processors.RateLimitConfig) {
			c.PerSecond, c.Burst, c.Exempt = 1, -2, []processors.Match{{Body: "("}}
		},
	} {
		cfg := processors.DefaultRateLimitConfig()
		change(&cfg)
		if _, err := processors.NewRateLimit(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if err := cfg.Validate(); err == nil || strings.HasPrefix(err.Error(), "rate_limit") {
			t.Errorf("Validate: %v", err)
		}
	}
}
