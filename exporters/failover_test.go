package exporters_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// destination is a sink that can be switched off.
type destination struct {
	sinktest.Script
	mu    sync.Mutex
	err   error // what it answers instead of taking anything
	part  int   // how many it takes before that
	asked []time.Duration
	since time.Time
}

func newDestination() *destination {
	d := &destination{since: time.Now()}
	d.OnWrite = func(ctx context.Context, _ int, recs []record.Record) (int, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.asked = append(d.asked, time.Since(d.since))
		if d.err != nil {
			return min(d.part, len(recs)), d.err
		}
		return len(recs), nil
	}
	return d
}

func (d *destination) answer(part int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.part, d.err = part, err
}

func (d *destination) arrived() string {
	var all []string
	for _, r := range d.Records() {
		all = append(all, strings.TrimLeft(strings.TrimSuffix(strings.TrimPrefix(r.Body.AsString(), "id-x-"), "."), "0"))
	}
	return strings.Join(all, " ")
}

func newFailover(t *testing.T, sinks ...exporters.Sink) *exporters.Failover {
	t.Helper()
	f, err := exporters.NewFailover(sinks...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFailoverConformance(t *testing.T) {
	sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
		down := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) { return 0, errDown }}
		memory := new(sinktest.Memory)
		f, err := exporters.NewFailover(down, memory)
		if err != nil {
			t.Fatal(err)
		}
		return f, func() []string {
			var ids []string
			for _, r := range memory.Records() {
				ids = append(ids, sinktest.IDs([]byte(fmt.Sprint(r.Body, r.Attributes)))...)
			}
			return ids
		}
	}})
}

// What the first has not taken goes to the next at once and in order, whoever
// has taken how much before it failed.
func TestFailoverMovesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newDestination(), newDestination(), newDestination()
		f := newFailover(t, a, b, c)
		a.answer(2, errDown)
		b.answer(3, errDown)
		start := time.Now()
		if n, err := f.Write(t.Context(), sinktest.Records("x", 1, 9)); n != 9 || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
		if time.Since(start) != 0 {
			t.Errorf("it took %s", time.Since(start))
		}
		if got := []string{a.arrived(), b.arrived(), c.arrived()}; !slices.Equal(got, []string{"1 2", "3 4 5", "6 7 8 9"}) {
			t.Errorf("arrived: %q", got)
		}
		want := exporters.FailoverCounts{Taken: []uint64{2, 3, 4}, Switches: 1}
		if diff := cmp.Diff(want, f.Counts()); diff != "" {
			t.Error(diff)
		}
		if got := f.Counts().Detoured(); got != 7 {
			t.Errorf("%d detoured, want 7", got)
		}
	})
}

// While the first is down it is asked again after pauses that grow from 5 s to
// 1 min, and used from the time it works.
func TestFailoverComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newDestination(), newDestination()
		f := newFailover(t, a, b)
		a.answer(0, errDown)
		write := func() {
			t.Helper()
			if n, err := f.Write(t.Context(), sinktest.Records("x", 1, 1)); n != 1 || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		for range 600 {
			write()
			time.Sleep(time.Second)
		}
		var pauses []time.Duration
		for i := 1; i < len(a.asked); i++ {
			pauses = append(pauses, a.asked[i]-a.asked[i-1])
		}
		for i, p := range pauses {
			bound := min(5*time.Second<<i, time.Minute)
			if p < bound/2 || p > bound+time.Second { // the next Write may come a second later
				t.Errorf("pause %d is %s, want between %s and %s (%v)", i, p, bound/2, bound, pauses)
			}
		}
		if len(pauses) < 10 {
			t.Errorf("pauses: %v", pauses)
		}
		a.answer(0, nil)
		before := b.Len()
		for range 61 {
			write()
			time.Sleep(time.Second)
		}
		if a.Len() == 0 || a.Len()+b.Len()-before != 61 {
			t.Errorf("%d came back of 61", a.Len())
		}
		back := a.Len()
		write()
		if a.Len() != back+1 || f.Counts().Switches != 2 {
			t.Errorf("not back for good: %+v", f.Counts())
		}
		// A new failure begins with short pauses again.
		a.answer(0, errDown)
		a.asked = nil
		for range 10 {
			write()
			time.Sleep(time.Second)
		}
		if len(a.asked) < 2 {
			t.Errorf("asked %d times within 10 s", len(a.asked))
		}
	})
}

// Errors that are the records' fault come back as they are, with what was
// rejected before, and nobody else is asked.
func TestFailoverRecordsFaults(t *testing.T) {
	far := errors.New("far side")
	for name, c := range map[string]struct {
		first, second answer
		n             int
		kind          exporters.Kind
		rejected      int
		asked         int // how often the second
	}{
		"permanent":              {answer{4, exporters.Permanent(far)}, answer{}, 4, exporters.KindPermanent, 0, 0},
		"poison":                 {answer{4, exporters.Poison(far)}, answer{}, 4, exporters.KindPoison, 0, 0},
		"closed":                 {answer{0, exporters.ErrClosed}, answer{}, 0, exporters.KindPermanent, 0, 0},
		"rejected":               {answer{10, exporters.Rejected(3, far)}, answer{}, 10, exporters.KindRejected, 3, 0},
		"rejected, permanent":    {answer{5, exporters.Rejected(3, exporters.Permanent(far))}, answer{}, 5, exporters.KindPermanent, 3, 0},
		"rejected, then down":    {answer{5, exporters.Rejected(3, errDown)}, answer{5, nil}, 10, exporters.KindRejected, 3, 1},
		"rejected by both":       {answer{5, exporters.Rejected(3, errDown)}, answer{5, exporters.Rejected(1, far)}, 10, exporters.KindRejected, 4, 1},
		"down, then poison":      {answer{5, errDown}, answer{1, exporters.Poison(far)}, 6, exporters.KindPoison, 0, 1},
		"rejected, then poison":  {answer{5, exporters.Rejected(3, errDown)}, answer{1, exporters.Poison(far)}, 6, exporters.KindPoison, 3, 1},
		"delivered, but unhappy": {answer{10, errDown}, answer{}, 10, exporters.Retryable, 0, 0},
		"misconfigured":          {answer{4, exporters.Misconfigured(far)}, answer{2, exporters.Poison(far)}, 6, exporters.KindPoison, 0, 1},
		"misconfigured, down":    {answer{0, exporters.Misconfigured(far)}, answer{3, errDown}, 3, exporters.Retryable, 0, 1},
		"both misconfigured":     {answer{0, exporters.Misconfigured(far)}, answer{0, exporters.Misconfigured(far)}, 0, exporters.KindPermanent, 0, 1},
		"both down":              {answer{2, errDown}, answer{3, errDown}, 5, exporters.Retryable, 0, 1},
		"short, no reason":       {answer{2, nil}, answer{3, nil}, 5, exporters.Retryable, 0, 1},
		"nonsense":               {answer{-7, errDown}, answer{12, exporters.Rejected(99, far)}, 10, exporters.KindRejected, 10, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := scripted(func(int) (int, error) { return c.first.n, c.first.err })
			b := scripted(func(int) (int, error) { return c.second.n, c.second.err })
			f := newFailover(t, a, b)
			n, err := f.Write(t.Context(), sinktest.Records("x", 1, 10))
			if n != c.n || err == nil || b.calls != c.asked {
				t.Fatalf("Write = %d, %v; the second was asked %d times", n, err, b.calls)
			}
			if kind, rejected := exporters.Classify(err); kind != c.kind || rejected != c.rejected {
				t.Errorf("%v is kind %d with %d rejected, want %d, %d", err, kind, rejected, c.kind, c.rejected)
			}
			if taken := f.Counts().Taken; int(taken[0]+taken[1]) != n-c.rejected {
				t.Errorf("%v taken, %d delivered, %d rejected", taken, n, c.rejected)
			}
		})
	}
}

// An exporter that is misconfigured is one that does not work: the next one
// takes its records. Only when all are, the error says so.
func TestFailoverMisconfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newDestination(), newDestination()
		f := newFailover(t, a, b)
		a.answer(0, exporters.Misconfigured(errors.New("status 401")))
		for i := range 3 {
			if n, err := f.Write(t.Context(), sinktest.Records("x", 2*i+1, 2)); n != 2 || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		if b.arrived() != "1 2 3 4 5 6" || a.Calls() != 1 {
			t.Errorf("arrived: %s; the first was asked %d times", b.arrived(), a.Calls())
		}
		for _, c := range []struct {
			second error
			kind   exporters.Kind
		}{
			{exporters.Misconfigured(errors.New("status 404")), exporters.KindPermanent},
			{busy(time.Minute), exporters.Retryable},
		} {
			b.answer(0, c.second)
			for range 2 { // the second is left alone for a minute, and counts all the same
				_, err := f.Write(t.Context(), sinktest.Records("x", 1, 2))
				kind, _ := exporters.Classify(err)
				if misconfigured := exporters.IsMisconfigured(err); kind != c.kind || misconfigured != (kind == exporters.KindPermanent) {
					t.Errorf("%v is kind %d, misconfigured: %v", err, kind, misconfigured)
				}
				if text := fmt.Sprint(err); !strings.Contains(text, "exporter 1: status 401") || !strings.Contains(text, c.second.Error()) {
					t.Errorf("%q does not tell of both", text)
				}
			}
		}
		a.answer(0, nil)
		if n, err := f.Write(t.Context(), sinktest.Records("x", 7, 2)); n != 2 || err != nil || a.arrived() != "7 8" {
			t.Errorf("Write = %d, %v; the first got %s", n, err, a.arrived())
		}
	})
}

// When none works, the next Write asks all of them, in their order, also in
// their pauses, and the first that works is used again.
func TestFailoverAllDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newDestination(), newDestination()
		f := newFailover(t, a, b)
		a.answer(0, errors.New("a is down"))
		b.answer(1, errors.New("b is down"))
		for i := range 3 {
			n, err := f.Write(t.Context(), sinktest.Records("x", 2*i+1, 2))
			if n != 1 || err == nil || err.Error() != "no exporter works: exporter 1: a is down; exporter 2: b is down" {
				t.Fatalf("Write = %d, %v", n, err)
			}
			if kind, _ := exporters.Classify(err); kind != exporters.Retryable {
				t.Errorf("%v is kind %d", err, kind)
			}
			if ra, ok := errors.AsType[exporters.RetryAfterer](err); !ok || ra.RetryAfter() != 0 {
				t.Errorf("a wait is asked for: %v", ra)
			}
		}
		a.answer(0, nil)
		if n, err := f.Write(t.Context(), sinktest.Records("x", 7, 2)); n != 2 || err != nil || a.arrived() != "7 8" {
			t.Errorf("Write = %d, %v; arrived: %s", n, err, a.arrived())
		}
		if a.Calls() != 4 || b.Calls() != 3 {
			t.Errorf("asked %d and %d times", a.Calls(), b.Calls())
		}
	})
}

// Who names a time is left alone until then, whether others work or not.
func TestFailoverRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newDestination(), newDestination()
		f := newFailover(t, a, b)
		write := func() error {
			_, err := f.Write(t.Context(), sinktest.Records("x", 1, 1))
			return err
		}
		a.answer(0, busy(3*time.Minute))
		for range 170 {
			if err := write(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if a.Calls() != 1 {
			t.Fatalf("asked %d times", a.Calls())
		}
		// Ten seconds are left of the first's wait, the second wants a minute.
		b.answer(0, busy(time.Minute))
		err := write()
		ra, ok := errors.AsType[exporters.RetryAfterer](err)
		if !ok || ra.RetryAfter() != 10*time.Second || a.Calls() != 1 {
			t.Errorf("%v: want a wait of 10s; asked %d times", err, a.Calls())
		}
		if !strings.Contains(fmt.Sprint(err), "exporter 1 wants to be left alone for 10s: 429") {
			t.Errorf("the error does not tell of both: %v", err)
		}
		if err := write(); err == nil || b.Calls() != 171 {
			t.Errorf("somebody was asked too early: %v", err)
		}
		time.Sleep(10 * time.Second)
		a.answer(0, nil)
		if err := write(); err != nil || a.Len() != 1 {
			t.Errorf("not back: %v", err)
		}
	})
}

// Behind a Retry, an outage of all is one pause, and its end is noticed.
func TestFailoverBehindRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newDestination(), newDestination()
		a.answer(0, busy(time.Hour))
		b.answer(0, busy(time.Minute))
		time.AfterFunc(50*time.Second, func() { b.answer(0, nil) })
		r := newRetry(t, newFailover(t, a, b), exporters.DefaultRetryConfig())
		start := time.Now()
		if n, err := r.Write(t.Context(), sinktest.Records("x", 1, 3)); n != 3 || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
		if took := time.Since(start); took < time.Minute || a.Calls() != 1 || b.Calls() != 2 {
			t.Errorf("after %s, asked %d and %d times", took, a.Calls(), b.Calls())
		}
	})
}

// One that does not answer leaves time for the next, and is not asked again at
// once.
func TestFailoverSharesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := &sinktest.Script{OnWrite: func(ctx context.Context, _ int, _ []record.Record) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}}
		b := newDestination()
		f := newFailover(t, silent, b)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		start := time.Now()
		if n, err := f.Write(ctx, sinktest.Records("x", 1, 1)); n != 1 || err != nil || time.Since(start) != 15*time.Second {
			t.Errorf("Write = %d, %v after %s", n, err, time.Since(start))
		}
		if n, err := f.Write(ctx, sinktest.Records("x", 2, 1)); n != 1 || err != nil || time.Since(start) != 15*time.Second {
			t.Errorf("Write = %d, %v after %s", n, err, time.Since(start))
		}
	})
}

// Who cancels a Write says nothing about the exporter; nobody else is asked.
func TestFailoverCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := &sinktest.Script{OnWrite: func(ctx context.Context, call int, recs []record.Record) (int, error) {
			if call > 0 {
				return len(recs), nil
			}
			<-ctx.Done()
			return 1, ctx.Err()
		}}
		b := newDestination()
		f := newFailover(t, stuck, b)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		n, err := f.Write(ctx, sinktest.Records("x", 1, 3))
		if kind, _ := exporters.Classify(err); n != 1 || !errors.Is(err, context.Canceled) || kind != exporters.Retryable {
			t.Errorf("Write = %d, %v", n, err)
		}
		if n, err := f.Write(t.Context(), sinktest.Records("x", 2, 2)); n != 2 || err != nil || stuck.Len() != 3 || b.Calls() != 0 {
			t.Errorf("Write = %d, %v; the second was asked %d times", n, err, b.Calls())
		}
	})
}

// Of many Writes at a time, one finds out whether an exporter is back; the
// others go on without it.
func TestFailoverOneProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		a := &sinktest.Script{OnWrite: func(_ context.Context, call int, recs []record.Record) (int, error) {
			if call == 0 {
				return 0, errDown
			}
			<-release
			return len(recs), nil
		}}
		b := newDestination()
		f := newFailover(t, a, b)
		var wg sync.WaitGroup
		write := func() {
			if n, err := f.Write(t.Context(), sinktest.Records("x", 1, 1)); n != 1 || err != nil {
				t.Errorf("Write = %d, %v", n, err)
			}
		}
		write()
		time.Sleep(6 * time.Second)
		for range 10 {
			wg.Go(write)
		}
		synctest.Wait()
		if b.Len() != 10 || a.Calls() != 2 {
			t.Errorf("%d went on, %d asked", b.Len(), a.Calls())
		}
		close(release)
		wg.Wait()
		if want := (exporters.FailoverCounts{Taken: []uint64{1, 10}, Switches: 2}); !cmp.Equal(want, f.Counts()) {
			t.Errorf("have %+v", f.Counts())
		}
	})
}

// Shutdown while every exporter is down ends a Write with ErrClosed.
func TestFailoverShutdown(t *testing.T) {
	var f *exporters.Failover
	a := scripted(func(int) (int, error) {
		err := f.Shutdown(t.Context())
		return 2, errors.Join(errDown, err)
	})
	a.Sink = &sinktest.Script{OnShutdown: func(context.Context) error { return errors.New("a was not well") }}
	b := newDestination()
	f = newFailover(t, a, b)
	n, err := f.Write(t.Context(), sinktest.Records("x", 1, 3))
	if n != 2 || !errors.Is(err, exporters.ErrClosed) || !strings.Contains(err.Error(), "a was not well") || b.Calls() != 0 {
		t.Errorf("Write = %d, %v; the second was asked %d times", n, err, b.Calls())
	}
	if _, err := b.Memory.Write(t.Context(), nil); !errors.Is(err, exporters.ErrClosed) {
		t.Error("the second was not shut down")
	}
}

// A panic of one exporter's ForceFlush is its caller's to see, after the
// others have flushed.
func TestFailoverPanic(t *testing.T) {
	flushed := false
	f := newFailover(t,
		&sinktest.Script{OnFlush: func(context.Context) error { panic("boom") }},
		&sinktest.Script{OnFlush: func(context.Context) error { flushed = true; return nil }})
	defer func() {
		if p := recover(); p != "boom" || !flushed {
			t.Errorf("panicked with %v, flushed: %v", p, flushed)
		}
	}()
	_ = f.ForceFlush(t.Context())
	t.Error("came back")
}

// able is a sink with all that a decorator may have to answer for.
type able struct {
	sinktest.Memory
	quiet, forwards bool
	held            int
	encoded         int
	err             error
}

func (a *able) Quiet() bool    { return a.quiet }
func (a *able) Forwards() bool { return a.forwards }
func (a *able) Held() int      { return a.held }
func (a *able) WriteOTLP(_ context.Context, recs []encode.OTLPRecord) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	a.encoded += len(recs)
	return len(recs), nil
}

func TestFailoverAnswersForAll(t *testing.T) {
	a, b := &able{quiet: true, forwards: true, held: 2, err: errDown}, &able{quiet: true, forwards: true, held: 3}
	f := newFailover(t, a, newRetry(t, b, exporters.DefaultRetryConfig()))
	if f.Held() != 5 || !f.Quiet() || f.Forwards() {
		t.Errorf("held %d, quiet %v, forwards %v (a Retry does not)", f.Held(), f.Quiet(), f.Forwards())
	}
	if n, err := f.WriteOTLP(t.Context(), make([]encode.OTLPRecord, 2)); n != 0 || err == nil {
		t.Errorf("WriteOTLP = %d, %v", n, err)
	}
	if f := newFailover(t, a, new(sinktest.Memory)); f.Held() != 2 || f.Quiet() || f.Forwards() {
		t.Errorf("held %d, quiet %v, forwards %v", f.Held(), f.Quiet(), f.Forwards())
	}
	f = newFailover(t, a, b)
	if !f.Forwards() {
		t.Fatal("does not forward")
	}
	if n, err := f.WriteOTLP(t.Context(), make([]encode.OTLPRecord, 4)); n != 4 || err != nil || b.encoded != 4 {
		t.Errorf("WriteOTLP = %d, %v; %d arrived", n, err, b.encoded)
	}
	if got := f.Counts().Detoured(); got != 4 {
		t.Errorf("%d detoured", got)
	}
	for _, sinks := range [][]exporters.Sink{nil, {a, nil}} {
		if _, err := exporters.NewFailover(sinks...); err == nil {
			t.Errorf("a failover of %v was made", sinks)
		}
	}
}
