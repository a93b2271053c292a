package processors_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"

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

// Branches are shut down side by side, those in a route's rules too: together
// they take as long as the slowest.
func TestShutdownInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func() processors.Processor {
			return newBatch(t, &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
				time.Sleep(10 * time.Second)
				return len(recs), nil
			}}, nil)
		}
		route, err := processors.NewRoute(
			processors.Rule{Processors: []processors.Processor{slow(), slow()}},
			processors.Rule{Processors: []processors.Processor{slow()}})
		if err != nil {
			t.Fatal(err)
		}
		p, err := processors.NewPipeline(processors.DefaultConfig(), route, slow())
		if err != nil {
			t.Fatal(err)
		}
		_ = p.Logger(record.Scope{}).Emit(t.Context(), &record.Record{Severity: log.SeverityInfo})
		start := time.Now()
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("four exporters that need 10s each took %s", took)
		}
	})
}

// What is emitted while the pipeline shuts down, and behind it, is delivered or
// counted; no call panics, blocks or fails.
func TestEmitDuringShutdown(t *testing.T) {
	catchErrors(t)
	sink := &sinktest.Memory{}
	batch := newBatch(t, sink, func(c *processors.BatchConfig) {
		c.MaxQueueSize, c.MaxExportBatchSize, c.OnFull = 64, 16, processors.Block
	})
	p, err := processors.NewPipeline(processors.DefaultConfig(), batch, newSimple(t, &sinktest.Memory{}, "simple", nil))
	if err != nil {
		t.Fatal(err)
	}
	api := sdklog.NewLoggerProvider(p.ProviderOptions()...).Logger("app")
	const loggers, each = 8, 500
	var wg sync.WaitGroup
	half := make(chan struct{}, 2*loggers)
	for range loggers {
		l := p.Logger(record.Scope{Name: "app"})
		wg.Go(func() {
			for i := range each {
				if i == each/2 {
					half <- struct{}{}
				}
				if err := l.Emit(context.Background(), &record.Record{Severity: log.SeverityInfo}); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for i := range each {
				if i == each/2 {
					half <- struct{}{}
				}
				var r log.Record
				r.SetSeverity(log.SeverityInfo)
				api.Emit(context.Background(), r)
			}
		})
	}
	<-half
	if err := p.Shutdown(t.Context()); err != nil && !strings.Contains(err.Error(), "could not be delivered") {
		t.Error(err)
	}
	wg.Wait()
	for _, e := range p.Stats().Exporters {
		balanced(t, e)
		if e.Queued+e.InFlight != 0 || e.Accepted < loggers*each || e.Delivered+e.Dropped[processors.CauseShutdown] != e.Accepted {
			t.Errorf("%s: %+v", e.Name, e)
		}
	}
	there := 0
	for _, r := range sink.Records() {
		if r.Logger() == "app" { // else a notice of what was dropped
			there++
		}
	}
	if got := p.Stats().Exporters[0].Delivered; got != uint64(there) {
		t.Errorf("%d records count as delivered, %d are there", got, there)
	}
}

// An exporter that panics at each write is told of once, with its losses.
func TestPanickingExporterIsReportedOnce(t *testing.T) {
	h := catchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		sink := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) { panic("boom") }}
		p := newPipeline(t, processors.DefaultConfig(), newBatch(t, sink, func(c *processors.BatchConfig) { c.MaxExportBatchSize = 1 }))
		for range 100 {
			_ = p.Logger(record.Scope{}).Emit(t.Context(), &record.Record{Severity: log.SeverityInfo})
		}
		time.Sleep(time.Second)
		if n := strings.Count(h.String(), "the exporter panicked: boom"); n != 1 {
			t.Errorf("told %d times within a second: %s", n, h)
		}
		if s := p.Stats().Exporters[0]; s.Dropped[processors.CausePanic] != 100 {
			t.Errorf("%+v", s)
		}
	})
}

// An exporter that ends the goroutine that calls it is one that panics.
func TestGoexitInAnExporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		catchErrors(t)
		sinks := []*sinktest.Script{{}, {}}
		for _, s := range sinks {
			s.OnWrite = func(_ context.Context, call int, recs []record.Record) (int, error) {
				if call < 2 {
					runtime.Goexit()
				}
				return len(recs), nil
			}
		}
		p, err := processors.NewPipeline(processors.DefaultConfig(),
			newBatch(t, sinks[0], func(c *processors.BatchConfig) { c.MaxExportBatchSize = 1 }),
			newSimple(t, sinks[1], "simple", nil))
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			go func() {
				_ = p.Logger(record.Scope{}).Emit(context.Background(), &record.Record{Severity: log.SeverityInfo})
			}()
			synctest.Wait()
		}
		if err := errors.Join(p.ForceFlush(t.Context()), p.Shutdown(t.Context())); err != nil {
			t.Error(err)
		}
		for _, e := range p.Stats().Exporters {
			balanced(t, e)
			if e.Delivered != 2 || e.Dropped[processors.CausePanic] != 2 || e.Writes != 4 {
				t.Errorf("%+v", e)
			}
		}
	})
}
