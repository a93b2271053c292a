package processors_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// A flush that waits when Shutdown gives up is told so, and does not wait for
// ever.
func TestBatchFlushEndsWithShutdown(t *testing.T) {
	for _, heeds := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			catchErrors(t)
			release := make(chan struct{})
			sink := &sinktest.Script{OnWrite: func(ctx context.Context, _ int, recs []record.Record) (int, error) {
				if heeds {
					<-ctx.Done()
					return 0, ctx.Err()
				}
				<-release
				return 0, errors.New("too late")
			}}
			b := newBatch(t, sink, func(c *processors.BatchConfig) { c.MaxExportBatchSize = 1 })
			for _, id := range []string{"a", "b", "c"} {
				emit(t, b, log.SeverityInfo, id)
			}
			synctest.Wait() // a is being written
			flushed := make(chan error, 1)
			go func() { flushed <- b.ForceFlush(context.Background()) }()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			if err := b.Shutdown(ctx); err == nil {
				t.Error("Shutdown lost records without a word")
			}
			synctest.Wait()
			select {
			case err := <-flushed:
				if err == nil {
					t.Error("the flush claims that everything was written")
				}
			default:
				t.Error("the flush still waits")
			}
			close(release)
		})
	}
}

func TestBatchHugeBounds(t *testing.T) {
	b := newBatch(t, &sinktest.Memory{}, func(c *processors.BatchConfig) {
		c.MaxQueueSize, c.MaxExportBatchSize = math.MaxInt, math.MaxInt
	})
	emit(t, b, log.SeverityInfo, "a")
	shutdown(t, b)
	wantStats(t, b, 1, 1, nil)
}

// panicking is a sink that panics wherever it is told to.
type panicking struct{ sinktest.Memory }

func (*panicking) ForceFlush(context.Context) error { panic("flush") }
func (*panicking) Shutdown(context.Context) error   { panic("shutdown") }

// What an exporter or a step does wrong when it is flushed or shut down stays
// its own matter.
func TestPanicsAtTheEnd(t *testing.T) {
	catchErrors(t)
	good := &sinktest.Memory{}
	simple, err := processors.NewSimple(&panicking{}, processors.DefaultSimpleConfig())
	if err != nil {
		t.Fatal(err)
	}
	p, err := processors.NewPipeline(processors.DefaultConfig(), brokenStep{}, newBatch(t, &panicking{}, nil), simple, newBatch(t, good, nil))
	if err != nil {
		t.Fatal(err)
	}
	l := p.Logger(record.Scope{Name: "a"})
	if err := l.Emit(t.Context(), &record.Record{Severity: log.SeverityInfo}); err != nil {
		t.Error(err)
	}
	for _, do := range []func(context.Context) error{p.ForceFlush, p.Shutdown} {
		err := do(t.Context())
		if err == nil || strings.Count(err.Error(), "panicked") != 3 {
			t.Errorf("got %v, want three panics told", err)
		}
	}
	if good.Len() != 1 {
		t.Errorf("the exporter beside them got %d records", good.Len())
	}
}

type brokenStep struct{}

func (brokenStep) Enabled(context.Context, *record.Origin, log.Severity, string) bool {
	panic("enabled")
}
func (brokenStep) OnEmit(ctx context.Context, r *record.Record, next processors.Next) error {
	return next(ctx, r)
}
func (brokenStep) ForceFlush(context.Context) error { panic("flush") }
func (brokenStep) Shutdown(context.Context) error   { panic("shutdown") }

// A second Shutdown ends with its own deadline.
func TestShutdownTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		catchErrors(t)
		release := make(chan struct{})
		sink := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
			<-release
			return len(recs), nil
		}}
		p, err := processors.NewPipeline(processors.DefaultConfig(), newBatch(t, sink, nil))
		if err != nil {
			t.Fatal(err)
		}
		_ = p.Logger(record.Scope{}).Emit(t.Context(), &record.Record{Severity: log.SeverityInfo})
		first := make(chan error, 1)
		go func() { first <- p.Shutdown(context.Background()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		second := make(chan error, 1)
		go func() { second <- p.Shutdown(ctx) }()
		time.Sleep(2 * time.Second)
		select {
		case <-second:
		default:
			t.Error("the second Shutdown still waits behind its deadline")
		}
		close(release)
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

// An error handler that blocks, or that shuts down what is being shut down,
// keeps nobody beyond the deadline.
func TestShutdownWithABlockingErrorHandler(t *testing.T) {
	old := otel.GetErrorHandler()
	defer otel.SetErrorHandler(old)
	synctest.Test(t, func(t *testing.T) {
		sink := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) {
			return 0, exporters.Permanent(errors.New("refused"))
		}}
		p, err := processors.NewPipeline(processors.DefaultConfig(), newBatch(t, sink, nil))
		if err != nil {
			t.Fatal(err)
		}
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) { _ = p.Shutdown(context.Background()) }))
		_ = p.Logger(record.Scope{}).Emit(t.Context(), &record.Record{Severity: log.SeverityInfo})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_ = p.Shutdown(ctx)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("Shutdown took %s", took)
		}
		synctest.Wait() // the handler's own Shutdown ends with ours
	})
}
