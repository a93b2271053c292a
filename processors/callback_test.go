package processors_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// talkative is a step that logs about each record that it sees.
type talkative struct{ talk func(context.Context) }

func (talkative) Enabled(context.Context, *record.Origin, log.Severity, string) bool { return true }
func (talkative) ForceFlush(context.Context) error                                   { return nil }
func (talkative) Shutdown(context.Context) error                                     { return nil }
func (s talkative) OnEmit(ctx context.Context, r *record.Record, next processors.Next) error {
	s.talk(ctx)
	return next(ctx, r)
}

// TestStepsThatLog: what logs about every record that it sees, into the
// pipeline that called it, would overflow the stack, which no program survives.
func TestStepsThatLog(t *testing.T) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	defer otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { t.Log(err) }))
	var logger *processors.Logger
	var calls atomic.Int64
	talk := func(ctx context.Context) {
		calls.Add(1)
		_ = logger.Emit(ctx, &record.Record{Severity: log.SeverityInfo, Body: attribute.StringValue("seen")})
	}
	must := func(p processors.Processor, err error) processors.Processor {
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	filter, severity := processors.DefaultFilterConfig(), processors.DefaultSeverityConfig()
	filter.Func = func(ctx context.Context, _ *record.Record) bool { talk(ctx); return true }
	severity.Func = func(ctx context.Context, _ *record.Record) log.Severity { talk(ctx); return 0 }
	attributes, redact := processors.DefaultAttributesConfig(), processors.DefaultRedactConfig()
	attributes.Func = func(ctx context.Context, _ *record.Record) { talk(ctx) }
	redact.Func = func(ctx context.Context, _ *record.Record) { talk(ctx) }
	for name, step := range map[string]processors.Processor{
		"user's":     talkative{talk},
		"filter":     must(processors.NewFilter(filter)),
		"severity":   must(processors.NewSeverityStep(severity)),
		"attributes": must(processors.NewAttributes(attributes)),
		"redact":     must(processors.NewRedact(redact)),
	} {
		t.Run(name, func(t *testing.T) {
			memory := &sinktest.Memory{}
			end, err := processors.NewSimple(memory, processors.DefaultSimpleConfig())
			if err != nil {
				t.Fatal(err)
			}
			p, err := processors.NewPipeline(processors.DefaultConfig(), step, end)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Shutdown(context.Background())
			logger = p.Logger(record.Scope{Name: "shop"})
			calls.Store(0)
			err = logger.Emit(context.Background(), &record.Record{Severity: log.SeverityInfo, Body: attribute.StringValue("first")})
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("the log call that began it returns %v", err)
			}
			lost := p.Stats().Steps[0].Stopped[processors.CausePanic]
			if n, got := calls.Load(), len(memory.Records()); n < 2 || n > 100 || got < 1 || uint64(got)+lost != uint64(n)+1 {
				t.Errorf("%d calls, %d records arrived, %d lost", n, got, lost)
			}
		})
	}
}
