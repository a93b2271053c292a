package processors_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters/discard"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// Records that a step has kept, or made, are counted where a panic loses them.
func TestPanicsCountWhereTheyHappen(t *testing.T) {
	catchErrors(t)
	recorder, err := processors.NewFlightRecorder(processors.DefaultFlightRecorderConfig())
	if err != nil {
		t.Fatal(err)
	}
	boom := step(func(ctx context.Context, r *record.Record, next processors.Next) error {
		if r.Severity < log.SeverityInfo {
			panic("boom")
		}
		return next(ctx, r)
	})
	attributes, err := processors.NewAttributes(processors.AttributesConfig{Func: func(_ context.Context, r *record.Record) {
		if _, summary := r.Attr("sluice.dedup.count"); summary {
			panic("boom")
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	sink := &sinktest.Memory{}
	p := newPipeline(t, processors.DefaultConfig(), recorder, boom, newDedup(t, nil), attributes, newSimple(t, sink, "m", nil))
	for range 10 {
		logAs(t, p, "x", log.SeverityDebug, "detail")
	}
	l := p.Logger(record.Scope{Name: "x"})
	for range 3 {
		_ = l.Emit(t.Context(), &record.Record{Severity: log.SeverityError, Body: attribute.StringValue("refused")})
	}
	_ = p.ForceFlush(t.Context())
	s := p.Stats()
	if s.Filtered != 0 || s.Steps[0].Released != 10 || s.Steps[1].Stopped[processors.CausePanic] != 10 || s.Steps[2].Added != 1 || s.Steps[3].Stopped[processors.CausePanic] != 1 {
		t.Errorf("%+v", s)
	}
	wantLines(t, "delivered", sink.Records(), "refused")
}

// A record that panics in one rule and arrives elsewhere is not refused by the
// pipeline.
func TestPanicInARule(t *testing.T) {
	catchErrors(t)
	boom := step(func(context.Context, *record.Record, processors.Next) error { panic("boom") })
	route, err := processors.NewRoute(processors.Rule{Processors: []processors.Processor{boom, newSimple(t, &sinktest.Memory{}, "a", nil)}})
	if err != nil {
		t.Fatal(err)
	}
	sink := &sinktest.Memory{}
	p := newPipeline(t, processors.DefaultConfig(), route, newSimple(t, sink, "b", nil))
	_ = p.Logger(record.Scope{}).Emit(t.Context(), &record.Record{Severity: log.SeverityInfo})
	if s := p.Stats(); s.Filtered != 0 || s.Steps[0].StoppedTotal() != 1 || sink.Len() != 1 {
		t.Errorf("%+v", s)
	}
}

// hybrid is a user's step that embeds one of ours, and does something else.
type hybrid struct {
	*processors.Filter
	emit func(*record.Record)
}

func (h *hybrid) OnEmit(ctx context.Context, r *record.Record, next processors.Next) error {
	h.emit(r)
	return next(ctx, r)
}

func TestStepThatEmbedsOneOfOurs(t *testing.T) {
	catchErrors(t)
	filter, err := processors.NewFilter(processors.FilterConfig{Drop: []processors.Match{{Body: "panic"}}})
	if err != nil {
		t.Fatal(err)
	}
	h := &hybrid{filter, func(r *record.Record) {
		if r.Body.AsString() == "panic" {
			panic("boom")
		}
		r.Body = attribute.StringValue("changed")
	}}
	inRule, behind := &sinktest.Memory{}, &sinktest.Memory{}
	route, err := processors.NewRoute(processors.Rule{Processors: []processors.Processor{h, newSimple(t, inRule, "a", nil)}})
	if err != nil {
		t.Fatal(err)
	}
	p := newPipeline(t, processors.DefaultConfig(), route, newSimple(t, behind, "b", nil))
	logAs(t, p, "x", log.SeverityInfo, "original")
	_ = p.Logger(record.Scope{}).Emit(t.Context(), &record.Record{Severity: log.SeverityInfo, Body: attribute.StringValue("panic")})
	if got := fmt.Sprint(bodies(inRule.Records()), bodies(behind.Records())); got != "[changed] [original panic]" {
		t.Errorf("delivered %s", got)
	}
}

// stuck is a step that does not heed its context.
type stuck struct {
	talkative
	until <-chan struct{}
}

func (s stuck) ForceFlush(context.Context) error { <-s.until; return nil }
func (s stuck) Shutdown(context.Context) error   { <-s.until; return nil }

// A step that is stuck costs neither the caller its deadline nor a branch what
// it has queued.
func TestStuckStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		catchErrors(t)
		until := make(chan struct{})
		sink := &sinktest.Memory{}
		p, err := processors.NewPipeline(processors.DefaultConfig(), stuck{talkative{func(context.Context) {}}, until}, newBatch(t, sink, nil))
		if err != nil {
			t.Fatal(err)
		}
		within := func(d time.Duration, do func(context.Context) error) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			start := time.Now()
			if err := do(ctx); err == nil || !strings.Contains(err.Error(), "stuck") {
				t.Errorf("got %v, want the stuck step told", err)
			}
			if took := time.Since(start); took > d {
				t.Errorf("took %s of %s", took, d)
			}
		}
		logAs(t, p, "x", log.SeverityInfo, "flushed")
		within(time.Second, p.ForceFlush)
		if sink.Len() != 1 {
			t.Error("the flush did not reach the branch")
		}
		before := runtime.NumGoroutine()
		for range 20 {
			within(10*time.Millisecond, p.ForceFlush)
		}
		if now := runtime.NumGoroutine(); now > before+10 {
			t.Errorf("flushes leave goroutines: %d, then %d", before, now)
		}
		_ = p.Logger(record.Scope{}).Emit(t.Context(), &record.Record{Severity: log.SeverityInfo, Body: attribute.StringValue("queued")})
		within(time.Second, p.Shutdown)
		wantLines(t, "delivered", sink.Records(), "flushed", "queued")
		close(until)
	})
}

// impostor panics, or ends the goroutine, wherever it is asked something.
type impostor struct{ talkative }

func (impostor) Branches() []processors.Branch { return []processors.Branch{impostorBranch{}} }
func (impostor) Books() processors.StepStats   { panic("books") }
func (impostor) ForceFlush(context.Context) error {
	runtime.Goexit()
	return nil
}

type impostorBranch struct{}

func (impostorBranch) Stats() processors.ExporterStats { panic("stats") }

type branchless struct{ impostor }

func (branchless) Branches() []processors.Branch { panic("branches") }

func TestStatisticsOfUsersPanic(t *testing.T) {
	quiet := impostor{talkative{func(context.Context) {}}}
	sink := &sinktest.Memory{}
	p := newPipeline(t, processors.DefaultConfig(), quiet, branchless{quiet}, newSimple(t, sink, "m", nil))
	logAs(t, p, "x", log.SeverityInfo, "a")
	s := p.Stats()
	if len(s.Steps) != 2 || s.Steps[0].Name != "processors_test.impostor" || len(s.Exporters) != 2 || s.Exporters[0].LastError != "its statistics panicked: stats" || s.Exporters[1].Delivered != 1 {
		t.Errorf("%+v", s)
	}
	if err := p.ForceFlush(t.Context()); err == nil || !strings.Contains(err.Error(), "ended its goroutine") {
		t.Errorf("ForceFlush: %v", err)
	}
}

// What code panics with may tell of what it was there to hide.
func TestPanicsAreToldWithoutSecrets(t *testing.T) {
	handled := catchErrors(t)
	boom := step(func(context.Context, *record.Record, processors.Next) error {
		panic("cannot send password=" + canary + " to postgres://app:" + canary + "@db/shop")
	})
	p, err := processors.NewPipeline(processors.DefaultConfig(), boom, newSimple(t, &sinktest.Memory{}, "m", nil))
	if err != nil {
		t.Fatal(err)
	}
	err = p.Logger(record.Scope{}).Emit(t.Context(), &record.Record{Severity: log.SeverityFatal})
	shutdown(t, p)
	if told := fmt.Sprint(err, handled); err == nil || strings.Contains(told, canary) || !strings.Contains(told, "cannot send") {
		t.Errorf("told: %s", told)
	}
}

func TestUsersStepsAllocateNothing(t *testing.T) {
	sink, err := discard.New(discard.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	pass := step(func(ctx context.Context, r *record.Record, next processors.Next) error { return next(ctx, r) })
	p := newPipeline(t, processors.DefaultConfig(), pass, newSimple(t, sink, "m", nil))
	l, ctx := p.Logger(record.Scope{Name: "x"}), t.Context()
	var r record.Record
	emit := func() { fill(&r, time.Time{}); _ = l.Emit(ctx, &r) }
	with := testing.AllocsPerRun(1000, emit)
	p = newPipeline(t, processors.DefaultConfig(), newSimple(t, sink, "m", nil))
	l = p.Logger(record.Scope{Name: "x"})
	if without := testing.AllocsPerRun(1000, emit); with > without {
		t.Errorf("%v allocations per record, %v without the step", with, without)
	}
}
