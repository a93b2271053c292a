package processors_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// What steps hand on at their end reaches the healthy branches, though a dead
// one that stands before them would block; and reaches no step behind its end.
func TestShutdownPastADeadBranch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		catchErrors(t)
		healthy := &sinktest.Memory{}
		ended := make(chan struct{})
		watch := ending{step(func(ctx context.Context, r *record.Record, next processors.Next) error {
			select {
			case <-ended:
				t.Errorf("%s reaches a step that was shut down", r.Body.String())
			default:
			}
			return next(ctx, r)
		}), func() { close(ended) }}
		inRule := &sinktest.Memory{}
		route, err := processors.NewRoute(processors.Rule{Processors: []processors.Processor{newDedup(t, nil), dead(t), newBatch(t, inRule, nil)}})
		if err != nil {
			t.Fatal(err)
		}
		p, err := processors.NewPipeline(processors.DefaultConfig(), newRateLimit(t, 1e-3, 5, nil), newDedup(t, nil), watch, dead(t), newBatch(t, healthy, nil), route)
		if err != nil {
			t.Fatal(err)
		}
		l := p.Logger(record.Scope{})
		for _, body := range []string{"a", "a", "b", "b", "b", "c"} {
			_ = l.Emit(t.Context(), &record.Record{Severity: log.SeverityInfo, Body: attribute.StringValue(body)})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := p.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "dead") || strings.Contains(err.Error(), "takes no records") {
			t.Errorf("Shutdown: %v", err)
		}
		want := []string{"a", "b", "sluice: 1 record suppressed (rate limit)", "a*1", "b*2"}
		wantLines(t, "healthy", healthy.Records(), want...)
		wantLines(t, "in the rule", inRule.Records(), want...)
		for _, e := range p.Stats().Exporters {
			balanced(t, e)
			if e.Accepted != 5 {
				t.Errorf("%+v", e)
			}
		}
	})
}

// ending is a step that does something at its end.
type ending struct {
	processors.Processor
	end func()
}

func (e ending) Shutdown(context.Context) error {
	e.end()
	return nil
}

// A queue that lets everybody in at the end is bounded all the same.
func TestShutdownBoundsAQueueThatBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		catchErrors(t)
		var p *processors.Pipeline
		last := ending{step(func(ctx context.Context, r *record.Record, next processors.Next) error { return next(ctx, r) }), func() {
			for range 10_000 {
				_ = p.Logger(record.Scope{}).Emit(context.Background(), &record.Record{Severity: log.SeverityInfo})
			}
			s := p.Stats().Exporters[0]
			balanced(t, s)
			if s.Queued < 4096 || s.Queued > 8194 || s.Dropped[processors.CauseShutdown] != s.Accepted-s.Queued-s.InFlight {
				t.Errorf("%+v", s)
			}
		}}
		p, err := processors.NewPipeline(processors.DefaultConfig(), last, dead(t))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = p.Shutdown(ctx)
		balanced(t, p.Stats().Exporters[0])
	})
}
