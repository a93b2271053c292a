package exporters_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

var errDown = errors.New("connection refused")

func newRetry(t testing.TB, s exporters.Sink, c exporters.RetryConfig) *exporters.Retry {
	t.Helper()
	r, err := exporters.NewRetry(s, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantArrived(t testing.TB, m *sinktest.Memory, want ...string) {
	t.Helper()
	got := m.Records()
	if len(got) != len(want) {
		t.Fatalf("%d records arrived, want %d", len(got), len(want))
	}
	for i := range got {
		if id := got[i].Body.AsString(); id != want[i] {
			t.Errorf("record %d is %s, want %s", i, id, want[i])
		}
	}
}

func ids(series string, from, n int) []string {
	var s []string
	for i := range n {
		s = append(s, sinktest.ID(series, from+i))
	}
	return s
}

func TestRetryConformance(t *testing.T) {
	sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
		m := new(sinktest.Memory)
		return newRetry(t, m, exporters.DefaultRetryConfig()), func() []string { return bodies(m) }
	}})
}

func bodies(m *sinktest.Memory) []string {
	var all []string
	for _, r := range m.Records() {
		all = append(all, sinktest.IDs([]byte(r.Body.String()))...)
		for _, kv := range r.Attributes {
			if kv.Key == "id" {
				all = append(all, kv.Value.AsString())
			}
		}
	}
	return all
}

// Each try goes on where the one before stopped.
func TestRetryCarriesProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{OnWrite: func(_ context.Context, call int, recs []record.Record) (int, error) {
			if len(recs) <= 2 {
				return len(recs), nil
			}
			return call % 3, errDown // 0, 1, 2, 0, 1, 2 …
		}}
		r := newRetry(t, s, exporters.DefaultRetryConfig())
		n, err := r.Write(t.Context(), sinktest.Records("go", 0, 10))
		if n != 10 || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
		wantArrived(t, &s.Memory, ids("go", 0, 10)...)
	})
}

// The pauses stay below their bounds, which double up to Max.
func TestRetryPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		s := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) {
			at = append(at, time.Now())
			return 0, errDown
		}}
		c := exporters.RetryConfig{Initial: exporters.Duration(time.Second), Max: exporters.Duration(8 * time.Second), MaxElapsed: exporters.Duration(time.Hour)}
		n, err := newRetry(t, s, c).Write(t.Context(), sinktest.Records("no", 0, 2))
		if kind, _ := exporters.Classify(err); n != 0 || kind != exporters.KindPermanent || !errors.Is(err, errDown) {
			t.Fatalf("Write = %d, %v; want a permanent error with its cause", n, err)
		}
		if total := at[len(at)-1].Sub(at[0]); total != time.Hour {
			t.Errorf("the last try came after %s, want max_elapsed", total)
		}
		bound, long := time.Second, 0
		for i := 1; i < len(at); i++ {
			pause := at[i].Sub(at[i-1])
			if pause > bound || pause <= 0 {
				t.Errorf("pause %d is %s, want up to %s", i, pause, bound)
			}
			if pause > 4*time.Second {
				long++
			}
			bound = min(2*bound, 8*time.Second)
		}
		if long == 0 || long == len(at)-1 {
			t.Errorf("%d of %d pauses are over 4s: no jitter", long, len(at)-1)
		}
	})
}

// A bound that cannot be doubled stays what it is.
func TestRetryLongestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) { return 0, errDown }}
		c := exporters.RetryConfig{Initial: exporters.Unlimited, Max: exporters.Unlimited, MaxElapsed: exporters.Duration(time.Hour)}
		n, err := newRetry(t, s, c).Write(t.Context(), sinktest.Records("long", 0, 1))
		if kind, _ := exporters.Classify(err); n != 0 || kind != exporters.KindPermanent {
			t.Errorf("Write = %d, %v; want a permanent error", n, err)
		}
	})
}

// Time in which records get through does not count as an outage.
func TestRetryElapsedStartsAgainWithProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{OnWrite: func(_ context.Context, call int, recs []record.Record) (int, error) {
			time.Sleep(40 * time.Second)
			if len(recs) == 1 {
				return 1, nil
			}
			return 1, errDown
		}}
		c := exporters.DefaultRetryConfig()
		c.MaxElapsed = exporters.Duration(time.Minute)
		n, err := newRetry(t, s, c).Write(t.Context(), sinktest.Records("slow", 0, 10))
		if n != 10 || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
	})
}

func TestRetryLimits(t *testing.T) {
	for name, c := range map[string]struct {
		elapsed exporters.Duration
		down    time.Duration
		tries   int // 0: any number
		deliver bool
	}{
		"zero never tries twice":  {0, time.Nanosecond, 1, false},
		"unlimited never ends":    {exporters.Unlimited, 240 * time.Hour, 0, true},
		"shorter than the outage": {exporters.Duration(time.Minute), time.Hour, 0, false},
		"longer than the outage":  {exporters.Duration(time.Hour), time.Minute, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				s := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
					if time.Since(start) < c.down {
						return 0, errDown
					}
					return len(recs), nil
				}}
				cfg := exporters.DefaultRetryConfig()
				cfg.MaxElapsed = c.elapsed
				_, err := newRetry(t, s, cfg).Write(t.Context(), sinktest.Records("limit", 0, 1))
				if (err == nil) != c.deliver {
					t.Errorf("Write: %v", err)
				}
				if c.tries > 0 && s.Calls() != c.tries {
					t.Errorf("%d tries, want %d", s.Calls(), c.tries)
				}
			})
		})
	}
}

type busy time.Duration

func (b busy) Error() string             { return "429" }
func (b busy) RetryAfter() time.Duration { return time.Duration(b) }

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := &sinktest.Script{OnWrite: func(_ context.Context, call int, recs []record.Record) (int, error) {
			if call == 0 {
				return 0, errors.Join(errors.New("refused"), busy(90*time.Second))
			}
			return len(recs), nil
		}}
		r := newRetry(t, s, exporters.DefaultRetryConfig())
		if _, err := r.Write(t.Context(), sinktest.Records("busy", 0, 1)); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited != 90*time.Second {
			t.Errorf("waited %s, want what the far side asked for", waited)
		}

		// Asked to wait beyond max_elapsed, it gives up without asking again.
		start = time.Now()
		s = &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) { return 0, busy(time.Hour) }}
		_, err := newRetry(t, s, exporters.DefaultRetryConfig()).Write(t.Context(), sinktest.Records("busy", 0, 1))
		if kind, _ := exporters.Classify(err); kind != exporters.KindPermanent || time.Since(start) != 0 || s.Calls() != 1 {
			t.Errorf("%v after %s and %d tries", err, time.Since(start), s.Calls())
		}
	})
}

// What the sink refuses comes back at once, with the progress made and with
// every rejected record counted.
func TestRetryBooks(t *testing.T) {
	far := errors.New("bad attribute")
	for name, c := range map[string]struct {
		answers  []answer
		n        int
		kind     exporters.Kind
		ok       bool
		rejected int
	}{
		"poison":                   {[]answer{{3, exporters.Poison(far)}}, 3, exporters.KindPoison, false, 0},
		"permanent":                {[]answer{{3, exporters.Permanent(far)}}, 3, exporters.KindPermanent, false, 0},
		"closed":                   {[]answer{{0, exporters.ErrClosed}}, 0, exporters.KindPermanent, false, 0},
		"rejected, done":           {[]answer{{10, exporters.Rejected(2, far)}}, 10, exporters.KindRejected, false, 2},
		"rejected without words":   {[]answer{{10, exporters.Rejected(2, nil)}}, 10, exporters.KindRejected, false, 2},
		"rejected, more to do":     {[]answer{{4, exporters.Rejected(2, far)}, {6, nil}}, 10, exporters.KindRejected, false, 2},
		"rejected twice":           {[]answer{{4, exporters.Rejected(2, far)}, {0, errDown}, {6, exporters.Rejected(3, nil)}}, 10, exporters.KindRejected, false, 5},
		"rejected, then poison":    {[]answer{{4, exporters.Rejected(2, far)}, {1, exporters.Poison(far)}}, 5, exporters.KindPoison, false, 2},
		"rejected, then permanent": {[]answer{{4, exporters.Rejected(1, errDown)}, {1, exporters.Rejected(1, exporters.Permanent(far))}}, 5, exporters.KindPermanent, false, 2},
		"more than delivered":      {[]answer{{12, nil}}, 10, 0, true, 0},
		"too many rejected":        {[]answer{{4, exporters.Rejected(9, nil)}, {6, nil}}, 10, exporters.KindRejected, false, 4},
		"short without an error":   {[]answer{{4, nil}, {6, nil}}, 10, 0, true, 0},
		"negative":                 {[]answer{{-4, errDown}, {10, nil}}, 10, 0, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := scripted(func(call int) (int, error) { return c.answers[call].n, c.answers[call].err })
				n, err := newRetry(t, s, exporters.DefaultRetryConfig()).Write(t.Context(), sinktest.Records("books", 0, 10))
				if n != c.n || (err == nil) != c.ok {
					t.Fatalf("Write = %d, %v; want %d", n, err, c.n)
				}
				if err == nil {
					return
				}
				if kind, rejected := exporters.Classify(err); kind != c.kind || rejected != c.rejected {
					t.Errorf("%v is kind %d with %d rejected, want %d, %d", err, kind, rejected, c.kind, c.rejected)
				}
				if strings.Count(err.Error(), "rejected") > 1 {
					t.Errorf("the count is told more than once: %v", err)
				}
			})
		})
	}
}

// answer is what a Write returns.
type answer struct {
	n   int
	err error
}

// scripted is a sink of mere answers, right or wrong.
type scriptedSink struct {
	exporters.Sink
	calls  int
	answer func(call int) (int, error)
}

func scripted(answer func(call int) (int, error)) *scriptedSink {
	return &scriptedSink{Sink: new(sinktest.Memory), answer: answer}
}

func (s *scriptedSink) Write(context.Context, []record.Record) (int, error) {
	s.calls++
	return s.answer(s.calls - 1)
}

func TestRetryHonoursContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{OnWrite: func(_ context.Context, call int, _ []record.Record) (int, error) {
			if call == 0 {
				return 1, errDown
			}
			return 0, errDown
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		n, err := newRetry(t, s, exporters.DefaultRetryConfig()).Write(ctx, sinktest.Records("ctx", 0, 5))
		if n != 1 || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errDown) {
			t.Errorf("Write = %d, %v", n, err)
		}
		if kind, _ := exporters.Classify(err); kind != exporters.Retryable {
			t.Errorf("%v must leave the records worth another try", err)
		}
		if waited := time.Since(start); waited != 10*time.Second {
			t.Errorf("returned after %s", waited)
		}
	})
}

func TestRetryShutdownWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) { return 0, busy(time.Minute) }}
		r := newRetry(t, s, exporters.DefaultRetryConfig())
		done := make(chan error)
		go func() {
			_, err := r.Write(context.Background(), sinktest.Records("wake", 0, 1))
			done <- err
		}()
		synctest.Wait()
		start := time.Now()
		if err := r.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, exporters.ErrClosed) || !strings.Contains(err.Error(), "429") {
			t.Errorf("the waiting Write returned %v", err)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("it woke after %s", waited)
		}
	})
}

// While a Write lasts, the statistics tell how it goes.
func TestRetryStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{OnWrite: func(_ context.Context, call int, recs []record.Record) (int, error) {
			switch {
			case call < 3:
				return 0, busy(time.Minute)
			case call == 4:
				return 0, exporters.Permanent(errDown)
			}
			return len(recs), nil
		}}
		r := newRetry(t, s, exporters.DefaultRetryConfig())
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = r.Write(context.Background(), sinktest.Records("stats", 0, 1))
		}()
		time.Sleep(90 * time.Second)
		got := r.Stats()
		if got.Failures != 1 || got.Err == nil || !got.FailingSince.Equal(start) {
			t.Errorf("during the pause: %+v", got)
		}
		<-done
		if got := r.Stats(); got.Failures != 3 || got.Err != nil || !got.FailingSince.IsZero() {
			t.Errorf("afterwards: %+v", got)
		}
		if _, err := r.Write(t.Context(), sinktest.Records("stats", 1, 1)); err == nil || r.Stats().Err != nil || r.Stats().Failures != 3 {
			t.Errorf("an error that is not tried again: %v, %+v", err, r.Stats())
		}
	})
}

func TestRetryConfigValidate(t *testing.T) {
	if err := exporters.DefaultRetryConfig().Validate(); err != nil {
		t.Error(err)
	}
	_, err := exporters.NewRetry(new(sinktest.Memory), exporters.RetryConfig{Max: -1, MaxElapsed: -1})
	for _, key := range []string{"initial:", "max:", "max_elapsed:"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("error %v does not name %s", err, key)
		}
	}
	if _, err := exporters.NewRetry(nil, exporters.DefaultRetryConfig()); err == nil {
		t.Error("a retry of nothing was made")
	}
}
