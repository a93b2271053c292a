package processors_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func newRecorder(t testing.TB, change func(*processors.FlightRecorderConfig)) *processors.FlightRecorder {
	t.Helper()
	cfg := processors.DefaultFlightRecorderConfig()
	if change != nil {
		change(&cfg)
	}
	f, err := processors.NewFlightRecorder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// flow is what follows a step: it notes the bodies that come by.
type flow struct {
	mu     sync.Mutex
	bodies []string
}

func (f *flow) next(_ context.Context, r *record.Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bodies = append(f.bodies, r.Body.AsString())
	return nil
}

// send emits records written "LEVEL BODY", or "LEVEL KEY/BODY" where KEY is the
// logger and the first byte of the trace id.
func send(t testing.TB, p processors.Processor, next processors.Next, recs ...string) {
	t.Helper()
	for _, text := range recs {
		level, body, _ := strings.Cut(text, " ")
		r := record.Record{Body: attribute.StringValue(body)}
		if level != "unset" {
			var ok bool
			if r.Severity, ok = record.ParseSeverity(level); !ok {
				t.Fatalf("level %q", level)
			}
		}
		if key, _, ok := strings.Cut(body, "/"); ok {
			r.TraceID = trace.TraceID{key[0]}
			r.Origin = &record.Origin{Scope: record.Scope{Name: key}}
		}
		if err := p.OnEmit(context.Background(), &r, next); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFlightRecorder(t *testing.T) {
	type config = processors.FlightRecorderConfig
	for _, tt := range []struct {
		name      string
		change    func(*config)
		send      []string
		want      string
		forgotten uint64
		held      uint64
	}{
		{"what is held comes in order before the error", nil,
			[]string{"debug 1", "info 2", "trace 3", "warn 4", "error 5"}, "2 4 1 3 5", 0, 0},
		{"nothing comes twice", nil,
			[]string{"debug 1", "error 2", "error 3", "debug 4", "fatal 5"}, "1 2 3 4 5", 0, 0},
		{"without a trigger nothing comes", nil,
			[]string{"debug 1", "debug4 2", "info 3"}, "3", 0, 2},
		{"a record without severity is neither held nor a trigger", nil,
			[]string{"debug 1", "unset 2"}, "2", 0, 1},
		{"a record without severity counts as INFO", func(c *config) {
			c.Hold = &processors.Match{MaximumSeverity: processors.Severity(log.SeverityInfo4)}
		}, []string{"unset 1", "info 2", "error 3"}, "1 2 3", 0, 0},
		{"a match that says nothing of severity takes records without", func(c *config) {
			c.Hold = &processors.Match{Body: "h"}
			c.Trigger = &processors.Match{Body: "t"}
		}, []string{"unset h1", "unset 2", "unset t3"}, "2 h1 t3", 0, 0},
		{"the newest are kept", func(c *config) { c.Capacity = 2 },
			[]string{"debug 1", "debug 2", "debug 3", "debug 4", "error 5", "debug 6", "error 7"}, "3 4 5 6 7", 2, 0},
		{"room for one", func(c *config) { c.Capacity = 1 },
			[]string{"debug 1", "debug 2", "error 3", "debug 4", "error 5"}, "2 3 4 5", 1, 0},
		{"a trigger is not held", func(c *config) {
			c.Hold = &processors.Match{}
		}, []string{"info 1", "warn 2", "error 3", "info 4"}, "1 2 3", 0, 1},
		{"one ring for all", nil,
			[]string{"debug a/1", "debug b/2", "error b/3", "error a/4"}, "a/1 b/2 b/3 a/4", 0, 0},
		{"a ring each logger", func(c *config) { c.Per = processors.PerLogger },
			[]string{"debug a/1", "debug b/2", "debug a.c/3", "error b/4", "error a/5"}, "b/2 b/4 a/1 a/5", 0, 1},
		{"a ring each trace, one for none", func(c *config) { c.Per = processors.PerTrace },
			[]string{"debug a/1", "debug 2", "debug b/3", "debug 4", "error a/5", "error 6", "error b/7"}, "a/1 a/5 2 4 6 b/3 b/7", 0, 0},
		{"the capacity is each ring's", func(c *config) { c.Per, c.Capacity = processors.PerTrace, 1 },
			[]string{"debug a/1", "debug b/2", "debug a/3", "error a/4", "error b/5"}, "a/3 a/4 b/2 b/5", 1, 0},
		{"too many triggers", func(c *config) { c.MaxTriggersPerMinute = 1 },
			[]string{"error 1", "debug 2", "error 3", "debug 4", "error 5", "debug 6"}, "1 2 3 5", 0, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newRecorder(t, tt.change)
			var got flow
			send(t, f, got.next, tt.send...)
			if s := strings.Join(got.bodies, " "); s != tt.want {
				t.Errorf("got %s, want %s", s, tt.want)
			}
			s := f.Books()
			if s.Held != tt.held || s.StoppedTotal() != tt.forgotten || s.Stopped[processors.CauseForgotten] != tt.forgotten || (s.HeldBytes > 0) != (s.Held > 0) {
				t.Errorf("%+v, want %d held, %d forgotten", s, tt.held, tt.forgotten)
			}
			if s.Name != "flight_recorder" {
				t.Errorf("name %q", s.Name)
			}
		})
	}
}

// A record comes out of the recorder as it went in, whoever changes or reuses
// the one that was given.
func TestFlightRecorderCopies(t *testing.T) {
	f := newRecorder(t, nil)
	now := time.Unix(7, 0)
	origin := &record.Origin{Scope: record.Scope{Name: "shop"}}
	var want, got []record.Record
	var r record.Record
	ctx := context.Background()
	for round := range 3 {
		for i := range 40 {
			fill(&r, now)
			r.Severity, r.SeverityText, r.Origin = log.SeverityDebug1, "fine", origin
			r.TraceID, r.SpanID, r.Dropped, r.EventName = trace.TraceID{1}, trace.SpanID{2}, i, "event"
			for j := range i * (1 + 2*round) {
				r.AddAttributes(attribute.Int(fmt.Sprint(j), i))
			}
			want = append(want, r.Clone())
			if err := f.OnEmit(ctx, &r, end); err != nil {
				t.Fatal(err)
			}
			clear(r.Attributes)
		}
		fill(&r, now)
		r.Severity = log.SeverityError1
		err := f.OnEmit(ctx, &r, func(_ context.Context, r *record.Record) error {
			if r.Severity == log.SeverityDebug1 {
				got = append(got, r.Clone())
				r.AddAttributes(attribute.String("added", "later"))
				r.Attributes[0] = attribute.String("changed", "")
				r.Body = attribute.Value{}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range want {
		if diff := cmp.Diff(fmt.Sprintf("%+v", want[i]), fmt.Sprintf("%+v", got[i])); diff != "" {
			t.Fatalf("record %d: %s", i, diff)
		}
	}
}

func TestFlightRecorderTriggersPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newRecorder(t, func(c *processors.FlightRecorderConfig) { c.MaxTriggersPerMinute = 2 })
		var got flow
		for i := range 4 {
			send(t, f, got.next, fmt.Sprint("debug d", i), fmt.Sprint("error e", i))
		}
		if s := f.Books(); s.Refused != 2 || s.Released != 2 || s.Held != 2 {
			t.Errorf("%+v, want 2 refused, 2 released, 2 held", s)
		}
		time.Sleep(time.Minute)
		send(t, f, got.next, "error e4")
		if s, want := strings.Join(got.bodies, " "), "d0 e0 d1 e1 e2 e3 d2 d3 e4"; s != want {
			t.Errorf("got %s, want %s", s, want)
		}
	})
}

// While a release is stuck, others go on holding records, and a second trigger
// waits for its end.
func TestFlightRecorderReleaseIsNotMixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newRecorder(t, func(c *processors.FlightRecorderConfig) { c.Capacity = 3 })
		var got flow
		stuck := make(chan struct{})
		slow := func(ctx context.Context, r *record.Record) error {
			if r.Body.AsString() == "1" {
				<-stuck
			}
			return got.next(ctx, r)
		}
		send(t, f, slow, "debug 1", "debug 2", "debug 3")
		var wg sync.WaitGroup
		wg.Go(func() { send(t, f, slow, "error A") })
		synctest.Wait()
		send(t, f, slow, "debug 4", "info I", "debug 5", "debug 6", "debug 7")
		wg.Go(func() { send(t, f, slow, "error B") })
		synctest.Wait()
		if s := f.Books(); s.Held != 5 || s.Released != 1 || s.StoppedTotal() != 1 {
			t.Errorf("%+v, want 5 held, 1 released, 1 forgotten", s)
		}
		close(stuck)
		wg.Wait()
		rest := slices.DeleteFunc(slices.Clone(got.bodies), func(s string) bool { return s == "A" })
		if s, want := strings.Join(rest, " "), "I 1 2 3 5 6 7 B"; s != want {
			t.Errorf("got %s, want %s", s, want)
		}
		if slices.Index(got.bodies, "A") < slices.Index(got.bodies, "3") {
			t.Errorf("got %s: the error came before what it let out", got.bodies)
		}
	})
}

// What a trigger has asked for is not given up for newer records.
func TestFlightRecorderReleaseIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newRecorder(t, func(c *processors.FlightRecorderConfig) {
			c.Per, c.MaxBytes = processors.PerTrace, 64*exporters.KiB
		})
		var got flow
		stuck := make(chan struct{})
		slow := func(ctx context.Context, r *record.Record) error {
			<-stuck
			return got.next(ctx, r)
		}
		send(t, f, slow, "debug x/0", "debug a/1", "debug a/2", "debug a/3")
		var wg sync.WaitGroup
		wg.Go(func() { send(t, f, slow, "error a/4") })
		synctest.Wait()
		for i := range 1000 {
			send(t, f, slow, fmt.Sprint("debug b/", i))
		}
		close(stuck)
		wg.Wait()
		send(t, f, got.next, "error x/5")
		if s, want := strings.Join(got.bodies, " "), "a/1 a/2 a/3 a/4 x/5"; s != want {
			t.Errorf("got %s, want %s", s, want)
		}
		send(t, f, got.next, "error b/6")
		if n := len(got.bodies); got.bodies[n-2] != "b/999" || n > 500 {
			t.Errorf("%d came, the last one %s", n, got.bodies[n-2])
		}
		if s := f.Books(); s.Held != 0 || s.HeldBytes != 0 || s.Released+s.StoppedTotal() != 1004 {
			t.Errorf("%+v", s)
		}
	})
}

// What takes released records may log an error in its turn. From the same
// goroutine it does not wait for its own release, from another one that is
// waited for it waits 5 s.
func TestFlightRecorderTriggeredByItself(t *testing.T) {
	here := func(do func()) { do() }
	deep := func(do func()) { recurse(1000, do) }
	elsewhere := func(do func()) {
		var wg sync.WaitGroup
		wg.Go(do)
		wg.Wait()
	}
	t.Run("here", func(t *testing.T) { triggeredByItself(t, here, 0) })
	t.Run("deep", func(t *testing.T) { triggeredByItself(t, deep, 0) })
	t.Run("elsewhere", func(t *testing.T) { triggeredByItself(t, elsewhere, 5*time.Second) })
}

// recurse calls do from n calls within each other.
func recurse(n int, do func()) {
	if n == 0 {
		do()
		return
	}
	recurse(n-1, do)
	runtime.KeepAlive(&n)
}

func triggeredByItself(t *testing.T, on func(do func()), want time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		f := newRecorder(t, nil)
		var got flow
		var next processors.Next
		next = func(ctx context.Context, r *record.Record) error {
			if r.Body.AsString() == "1" {
				on(func() { send(t, f, next, "debug 2", "error inner") })
			}
			return got.next(ctx, r)
		}
		begin := time.Now()
		send(t, f, next, "debug 1", "error outer")
		if s, want := strings.Join(got.bodies, " "), "inner 1 outer"; s != want {
			t.Errorf("got %s, want %s", s, want)
		}
		if waited := time.Since(begin); waited != want {
			t.Errorf("waited %s, want %s", waited, want)
		}
		send(t, f, next, "error again")
		if s, want := strings.Join(got.bodies, " "), "inner 1 outer 2 again"; s != want {
			t.Errorf("got %s, want %s", s, want)
		}
		if s := f.Books(); s.Refused != 1 {
			t.Errorf("%+v, want 1 refused", s)
		}
	})
}

// A step behind the recorder that fails or panics costs no other record.
func TestFlightRecorderFailingNext(t *testing.T) {
	f := newRecorder(t, nil)
	var got flow
	fail := errors.New("no")
	next := func(ctx context.Context, r *record.Record) error {
		switch r.Body.AsString() {
		case "2":
			return fail
		case "5":
			panic("oops")
		}
		return got.next(ctx, r)
	}
	send(t, f, next, "debug 1", "debug 2", "debug 3")
	r := record.Record{Severity: log.SeverityError1, Body: attribute.StringValue("E")}
	if err := f.OnEmit(context.Background(), &r, next); !errors.Is(err, fail) {
		t.Errorf("error %v, want %v", err, fail)
	}
	send(t, f, next, "debug 4", "debug 5", "debug 6")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		send(t, f, next, "error F")
	}()
	if s := f.Books(); s.Held != 0 || s.HeldBytes != 0 || s.Released != 5 || s.StoppedTotal() != 1 {
		t.Errorf("%+v, want 5 released, 1 forgotten", s)
	}
	send(t, f, next, "debug 7", "error G")
	if s, want := strings.Join(got.bodies, " "), "1 3 E 4 7 G"; s != want {
		t.Errorf("got %s, want %s", s, want)
	}
}

func TestFlightRecorderShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newRecorder(t, nil)
		var got flow
		stuck := make(chan struct{})
		slow := func(ctx context.Context, r *record.Record) error {
			<-stuck
			return got.next(ctx, r)
		}
		send(t, f, slow, "debug 1", "debug 2")
		var wg sync.WaitGroup
		wg.Go(func() { send(t, f, slow, "error 3") })
		synctest.Wait()
		send(t, f, slow, "debug 4")
		if err := f.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := f.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
		send(t, f, slow, "debug 5")
		close(stuck)
		wg.Wait()
		send(t, f, got.next, "error 6", "info 7")
		if s, want := strings.Join(got.bodies, " "), "1 2 3 6 7"; s != want {
			t.Errorf("got %s, want %s", s, want)
		}
		if s := f.Books(); s.Held != 0 || s.HeldBytes != 0 || s.Released != 2 || s.Stopped[processors.CauseForgotten] != 2 {
			t.Errorf("%+v, want nothing held, 2 released, 2 forgotten", s)
		}
	})
}

// Many goroutines hold and trigger at once: each one's records keep their
// order, come before its error, and nothing comes twice or is lost.
func TestFlightRecorderConcurrent(t *testing.T) {
	const goroutines, rounds, details = 8, 50, 20
	for _, per := range []processors.Per{processors.PerProcess, processors.PerTrace} {
		t.Run(per.String(), func(t *testing.T) {
			f := newRecorder(t, func(c *processors.FlightRecorderConfig) {
				c.Per, c.Capacity = per, goroutines*details
				c.MaxTriggersPerMinute = goroutines * rounds
			})
			var got flow
			var wg sync.WaitGroup
			for g := range goroutines {
				wg.Go(func() {
					key := string(rune('a' + g))
					for i := range rounds {
						for j := range details {
							send(t, f, got.next, fmt.Sprintf("debug %s/%03d.%02d", key, i, j))
						}
						send(t, f, got.next, fmt.Sprintf("error %s/%03d.%02d", key, i, details))
					}
				})
			}
			wg.Wait()
			last := map[byte]string{}
			for _, body := range got.bodies {
				if body <= last[body[0]] {
					t.Fatalf("%s after %s", body, last[body[0]])
				}
				last[body[0]] = body
			}
			s := f.Books()
			if len(got.bodies) != goroutines*rounds*(details+1) || s.Held != 0 || s.StoppedTotal() != 0 {
				t.Errorf("%d came, %+v", len(got.bodies), s)
			}
		})
	}
}

// A hundred thousand live traces stay within the bound, and the newest are
// there.
func TestFlightRecorderManyTraces(t *testing.T) {
	const traces = 100_000
	f := newRecorder(t, func(c *processors.FlightRecorderConfig) {
		c.Per, c.MaxBytes, c.MaxTriggersPerMinute = processors.PerTrace, 8*exporters.MiB, traces
	})
	var r record.Record
	ctx, now := context.Background(), time.Now()
	detail := func(i int, body string) {
		fill(&r, now)
		r.Severity, r.TraceID = log.SeverityDebug1, trace.TraceID{byte(i), byte(i >> 8), byte(i >> 16), 1}
		r.Body = attribute.StringValue(body)
		if err := f.OnEmit(ctx, &r, end); err != nil {
			t.Fatal(err)
		}
	}
	before := heap()
	for round := range 3 {
		for i := range traces {
			detail(i, strings.Repeat("x", 100*round))
		}
	}
	grown := heap() - before
	s := f.Books()
	if most := int64(8 * exporters.MiB); s.HeldBytes > most || s.HeldBytes < most*9/10 {
		t.Errorf("%d bytes held, want up to %d", s.HeldBytes, most)
	}
	if most := int64(10 * exporters.MiB); grown > most {
		t.Errorf("the heap grew by %d bytes, want at most %d", grown, most)
	}
	if s.Held+s.StoppedTotal() != 3*traces {
		t.Errorf("%+v does not add up to %d", s, 3*traces)
	}
	var got flow
	for i := range traces {
		r := record.Record{Severity: log.SeverityError1, TraceID: trace.TraceID{byte(i), byte(i >> 8), byte(i >> 16), 1}}
		if err := f.OnEmit(ctx, &r, got.next); err != nil {
			t.Fatal(err)
		}
	}
	if n := uint64(len(got.bodies)); n != traces+s.Held {
		t.Errorf("%d records came for %d held", n, s.Held)
	}
	if len(got.bodies) < 2 || got.bodies[len(got.bodies)-2] == "" {
		t.Error("the newest record did not come")
	}
}

// Sizes are bounded whatever they are, and a record too large for the whole
// recorder does not empty it.
func TestFlightRecorderLargeRecords(t *testing.T) {
	f := newRecorder(t, func(c *processors.FlightRecorderConfig) { c.MaxBytes = 1 * exporters.MiB })
	var got flow
	send(t, f, got.next, "debug 1", "debug "+strings.Repeat("x", 2<<20))
	if s := f.Books(); s.Held != 1 || s.StoppedTotal() != 1 {
		t.Errorf("%+v, want 1 held, 1 forgotten", s)
	}
	var r record.Record
	for i := range 100 {
		r = record.Record{Severity: log.SeverityDebug1, Body: attribute.StringValue(fmt.Sprint(i))}
		for j := range 1000 {
			r.AddAttributes(attribute.Int("k", j))
		}
		if err := f.OnEmit(context.Background(), &r, got.next); err != nil {
			t.Fatal(err)
		}
		if s := f.Books(); s.HeldBytes > 1<<20 {
			t.Fatalf("%d bytes held", s.HeldBytes)
		}
	}
	send(t, f, got.next, "error end")
	if n := len(got.bodies); n < 10 || n > 20 || got.bodies[n-2] != "99" {
		t.Errorf("%d came: %s", n, got.bodies)
	}
	if s := f.Books(); s.HeldBytes != 0 {
		t.Errorf("%+v", s)
	}
}

// The resource of a record is held with it: those that come with each record
// are part of the bound, one that all records share takes little of it.
func TestFlightRecorderCountsResources(t *testing.T) {
	hold := func(f *processors.FlightRecorder, resource func() *record.Resource) {
		t.Helper()
		for range 200 {
			r := record.Record{Severity: log.SeverityDebug1, Origin: &record.Origin{Resource: resource()}}
			if err := f.OnEmit(t.Context(), &r, end); err != nil {
				t.Fatal(err)
			}
			if s := f.Books(); s.HeldBytes > 1<<20 {
				t.Fatalf("%d bytes held", s.HeldBytes)
			}
		}
	}
	large := func(size int) *record.Resource {
		return &record.Resource{Attributes: []attribute.KeyValue{attribute.String("k", strings.Repeat("x", size))}}
	}
	shared := large(300 << 10)
	for name, tt := range map[string]struct {
		resource func() *record.Resource
		held     uint64
	}{
		"none":      {func() *record.Resource { return nil }, 200},
		"shared":    {func() *record.Resource { return shared }, 200},
		"own":       {func() *record.Resource { return large(300 << 10) }, 3},
		"too large": {func() *record.Resource { return large(2 << 20) }, 0},
	} {
		f := newRecorder(t, func(c *processors.FlightRecorderConfig) { c.MaxBytes = 1 * exporters.MiB })
		hold(f, tt.resource)
		if s := f.Books(); s.Held != tt.held || s.Held+s.StoppedTotal() != 200 {
			t.Errorf("%s: %+v, want %d held", name, s, tt.held)
		}
		send(t, f, end, "error x")
		if s := f.Books(); s.HeldBytes != 0 {
			t.Errorf("%s: %+v after a release", name, s)
		}
	}
}

// A record without severity is INFO to all of a match.
func TestFlightRecorderWithoutSeverity(t *testing.T) {
	notError := &processors.Match{MinimumSeverity: processors.Severity(log.SeverityError1)}
	for name, hold := range map[string]*processors.Match{
		"not":               {Not: notError},
		"not, and the body": {Body: "h", Not: notError},
	} {
		f := newRecorder(t, func(c *processors.FlightRecorderConfig) {
			c.Hold, c.Trigger = hold, &processors.Match{Body: "t"}
		})
		var got flow
		send(t, f, got.next, "info h1", "unset h2")
		if len(got.bodies) != 0 {
			t.Errorf("%s: %q flowed on, want both held", name, got.bodies)
		}
		send(t, f, got.next, "unset t")
		if s := strings.Join(got.bodies, " "); s != "h1 h2 t" {
			t.Errorf("%s: got %s", name, s)
		}
	}
}

// DEBUG is pruned unless something behind the recorder takes it, and a trigger
// is wanted even if nothing takes itself.
func TestFlightRecorderLevels(t *testing.T) {
	for _, tt := range []struct {
		name  string
		match processors.Match // of what follows
		level log.Severity
		want  map[log.Severity]bool
		out   string
	}{
		{"everything", processors.Match{}, 0,
			map[log.Severity]bool{1: true, 8: true, 9: true, 17: true}, "I D E"},
		{"from INFO", processors.Match{MinimumSeverity: processors.Severity(log.SeverityInfo1)}, log.SeverityInfo1,
			map[log.Severity]bool{1: false, 8: false, 9: true, 17: true}, "I E"},
		{"details alone", processors.Match{MaximumSeverity: processors.Severity(log.SeverityDebug4)}, 0,
			map[log.Severity]bool{1: true, 8: true, 9: false, 16: false, 17: true, 24: true}, "D"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sink := &sinktest.Memory{}
			rt, err := processors.NewRoute(processors.Rule{Processors: []processors.Processor{
				newRecorder(t, nil),
				newBatch(t, sink, func(c *processors.BatchConfig) { c.Match = &tt.match }),
			}})
			if err != nil {
				t.Fatal(err)
			}
			p, err := processors.NewPipeline(processors.DefaultConfig(), rt)
			if err != nil {
				t.Fatal(err)
			}
			for sev, want := range tt.want {
				if got := rt.Enabled(t.Context(), nil, sev, ""); got != want {
					t.Errorf("severity %d: wanted %t, want %t", sev, got, want)
				}
			}
			l := p.Logger(record.Scope{Name: "shop"})
			if got := l.Level().Minimum(); got != tt.level {
				t.Errorf("level %v, want %v", got, tt.level)
			}
			send(t, entrance{l}, nil, "debug D", "info I", "error E")
			shutdown(t, p)
			if got := strings.Join(bodies(sink.Records()), " "); got != tt.out {
				t.Errorf("delivered %s, want %s", got, tt.out)
			}
		})
	}
}

// In a route's rule the recorder serves one destination alone.
func TestFlightRecorderInRule(t *testing.T) {
	all, some := &sinktest.Memory{}, &sinktest.Memory{}
	rt, err := processors.NewRoute(
		processors.Rule{Processors: []processors.Processor{newRecorder(t, nil), tenant("acme"), newBatch(t, some, nil)}},
		processors.Rule{Processors: []processors.Processor{newBatch(t, all, nil)}},
	)
	if err != nil {
		t.Fatal(err)
	}
	p, err := processors.NewPipeline(processors.DefaultConfig(), rt)
	if err != nil {
		t.Fatal(err)
	}
	send(t, entrance{p.Logger(record.Scope{})}, nil, "debug 1", "info 2", "debug 3", "error 4", "debug 5")
	shutdown(t, p)
	if got, want := strings.Join(bodies(all.Records()), " "), "1 2 3 4 5"; got != want {
		t.Errorf("without recorder: %s, want %s", got, want)
	}
	if got, want := strings.Join(bodies(some.Records()), " "), "2 1 3 4"; got != want {
		t.Errorf("with recorder: %s, want %s", got, want)
	}
	for _, r := range some.Records() {
		if len(r.Attributes) != 1 {
			t.Errorf("attributes %v", r.Attributes)
		}
	}
	s := p.Stats()
	if len(s.Steps) != 2 || s.Steps[0].Released != 2 || s.Steps[0].Stopped[processors.CauseForgotten] != 1 {
		t.Errorf("%+v", s.Steps)
	}
}

// entrance is a pipeline's logger as a step.
type entrance struct{ *processors.Logger }

func (e entrance) Enabled(context.Context, *record.Origin, log.Severity, string) bool { return true }
func (e entrance) OnEmit(ctx context.Context, r *record.Record, _ processors.Next) error {
	return e.Emit(ctx, r)
}
func (e entrance) ForceFlush(context.Context) error { return nil }
func (e entrance) Shutdown(context.Context) error   { return nil }

func TestFlightRecorderConfig(t *testing.T) {
	cfg := processors.FlightRecorderConfig{
		Hold:    &processors.Match{Body: "("},
		Trigger: &processors.Match{},
		Per:     7,
	}
	_, err := processors.NewFlightRecorder(cfg)
	if err == nil {
		t.Fatal("no error")
	}
	for _, key := range []string{"flight_recorder: ", "hold: body", "trigger chooses every record", "capacity", "max_bytes", "per is", "max_triggers_per_minute"} {
		if !strings.Contains(err.Error(), key) {
			t.Errorf("%v does not name %s", err, key)
		}
	}
	for _, p := range []processors.Per{processors.PerProcess, processors.PerLogger, processors.PerTrace} {
		var back processors.Per
		text, err := p.MarshalText()
		if err != nil || back.UnmarshalText(text) != nil || back != p {
			t.Errorf("%v: %s, %v, %v", p, text, err, back)
		}
	}
	var p processors.Per
	if err := p.UnmarshalText([]byte("thread")); err == nil || !strings.Contains(err.Error(), "process, logger, trace") {
		t.Errorf("thread: %v", err)
	}
}

func TestFlightRecorderAllocations(t *testing.T) {
	for _, per := range []processors.Per{processors.PerProcess, processors.PerLogger, processors.PerTrace} {
		f := newRecorder(t, func(c *processors.FlightRecorderConfig) { c.Per, c.MaxBytes = per, 1*exporters.MiB })
		var r record.Record
		fill(&r, time.Now())
		r.Severity, r.Origin = log.SeverityDebug1, &record.Origin{Resource: &record.Resource{SchemaURL: "s"}}
		ctx, n := context.Background(), 0
		hold := func() {
			n++
			r.TraceID = trace.TraceID{byte(n), byte(n >> 8), byte(n >> 16)}
			_ = f.OnEmit(ctx, &r, end)
		}
		for range 20_000 {
			hold()
		}
		if n := testing.AllocsPerRun(1000, hold); n != 0 {
			t.Errorf("per %s: %v allocations per held record, want 0", per, n)
		}
		f = newRecorder(t, func(c *processors.FlightRecorderConfig) { c.Per = per })
		for _, sev := range []log.Severity{log.SeverityUndefined, log.SeverityInfo1, log.SeverityError1} {
			r.Severity = sev
			if n := testing.AllocsPerRun(1000, func() { _ = f.OnEmit(ctx, &r, end) }); n != 0 {
				t.Errorf("per %s: %v allocations per %v record, want 0", per, n, sev)
			}
		}
	}
}

// heap returns the bytes that are reachable.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
