package processors_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/discard"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// sdkExporter is an exporter as users have them: the SDK's interface, and logs
// of its own.
type sdkExporter struct {
	export func(context.Context, []sdklog.Record) error
}

func (e *sdkExporter) Export(ctx context.Context, recs []sdklog.Record) error {
	return e.export(ctx, recs)
}
func (*sdkExporter) ForceFlush(context.Context) error { return nil }
func (*sdkExporter) Shutdown(context.Context) error   { return nil }

// setDefault makes l the default logger of packages slog and log for the
// length of a test.
func setDefault(t *testing.T, l *slog.Logger) {
	before, w, flags := slog.Default(), stdlog.Writer(), stdlog.Flags()
	slog.SetDefault(l)
	t.Cleanup(func() {
		slog.SetDefault(before)
		stdlog.SetOutput(w)
		stdlog.SetFlags(flags)
	})
}

// An exporter that logs a record for each record it gets makes no loop, however
// it logs, and does not wait for itself.
func TestExporterThatLogsMakesNoLoop(t *testing.T) {
	// told is what the exporter does for each record it gets.
	type told func(ctx context.Context, p *processors.Pipeline)
	direct := func(ctx context.Context, p *processors.Pipeline) {
		_ = p.Logger(record.Scope{Name: "exporter"}).Emit(ctx, &record.Record{Severity: log.SeverityInfo})
	}
	stock := func(ctx context.Context, p *processors.Pipeline) {
		sdk := sdklog.NewLoggerProvider(p.ProviderOptions()...)
		otelslog.NewLogger("exporter", otelslog.WithLoggerProvider(sdk)).InfoContext(ctx, "exporting")
	}
	without := func(do told) told {
		return func(_ context.Context, p *processors.Pipeline) { do(context.Background(), p) }
	}
	for name, do := range map[string]told{
		"direct":              direct,
		"direct, without ctx": without(direct),
		"slog, with ctx": func(ctx context.Context, p *processors.Pipeline) {
			bridge.NewLogger("exporter", bridge.WithPipeline(p)).InfoContext(ctx, "exporting")
		},
		"slog, without ctx": func(_ context.Context, p *processors.Pipeline) {
			bridge.NewLogger("exporter", bridge.WithPipeline(p)).Info("exporting")
		},
		"otelslog and the SDK":              stock,
		"otelslog and the SDK, without ctx": without(stock),
		"package log":                       func(context.Context, *processors.Pipeline) { stdlog.Print("exporting") },
		"a goroutine with ctx": func(ctx context.Context, p *processors.Pipeline) {
			var wg sync.WaitGroup
			wg.Go(func() { direct(ctx, p) })
			wg.Wait()
		},
		"a method that is logged": func(ctx context.Context, p *processors.Pipeline) {
			l := bridge.NewLogger("exporter", bridge.WithPipeline(p))
			l.Info("exporting", "value", logs{l})
		},
	} {
		for _, kind := range []string{"batch", "simple", "SDK exporter", "behind a decorator"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				h := catchErrors(t)
				synctest.Test(t, func(t *testing.T) {
					var p *processors.Pipeline
					var got, failed int
					write := func(ctx context.Context, n int) error {
						for range n {
							got++
							do(ctx, p)
						}
						if got > 100 {
							failed++
							return errors.New("a loop")
						}
						return nil
					}
					script := &sinktest.Script{OnWrite: func(ctx context.Context, _ int, recs []record.Record) (int, error) {
						return len(recs), write(ctx, len(recs))
					}}
					var step processors.Processor
					switch kind {
					case "batch":
						step = newBatch(t, script, nil)
					case "simple":
						step = newSimple(t, script, "x", nil)
					case "SDK exporter":
						step = newBatch(t, exporters.FromExporter(&sdkExporter{func(ctx context.Context, recs []sdklog.Record) error {
							return write(ctx, len(recs))
						}}), nil)
					default:
						retry, err := exporters.NewRetry(script, exporters.DefaultRetryConfig())
						if err != nil {
							t.Fatal(err)
						}
						step = newBatch(t, retry, nil)
					}
					p = newPipeline(t, processors.DefaultConfig(), step)
					l := bridge.NewLogger("app", bridge.WithPipeline(p))
					setDefault(t, l)
					for range 3 {
						l.Info("x")
						if err := p.ForceFlush(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
					shutdown(t, p)
					synctest.Wait() // for the error handler
					s := p.Stats()
					if got != 3 || s.Exporters[0].Accepted != 3 || s.Exporters[0].Delivered != 3 {
						t.Errorf("the exporter got %d records instead of 3: %+v", got, s.Exporters[0])
					}
					if want := uint64(3); s.Feedback != want && name != "a method that is logged" {
						t.Errorf("%d records were counted as feedback, want %d", s.Feedback, want)
					}
					if n := strings.Count(h.String(), "an exporter logs"); n != 1 {
						t.Errorf("the error handler was told %d times: %s", n, h)
					}
				})
			})
		}
	}
}

// logs is a value that logs when it is logged.
type logs struct{ l *slog.Logger }

func (v logs) LogValue() slog.Value {
	v.l.Info("being logged")
	return slog.StringValue("v")
}

// While such an exporter writes, others log as ever; and what it logs into
// another pipeline arrives there.
func TestExporterThatLogsDisturbsNobody(t *testing.T) {
	catchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		second := &sinktest.Memory{}
		other := newPipeline(t, processors.DefaultConfig(), newSimple(t, second, "other", nil))
		release := make(chan struct{})
		sink := &sinktest.Script{OnWrite: func(ctx context.Context, _ int, recs []record.Record) (int, error) {
			_ = other.Logger(record.Scope{Name: "exporter"}).Emit(ctx, &record.Record{Severity: log.SeverityInfo})
			<-release
			return len(recs), nil
		}}
		first := &sinktest.Memory{}
		p := newPipeline(t, processors.DefaultConfig(), newBatch(t, sink, nil), newSimple(t, first, "memory", nil))
		l := p.Logger(record.Scope{Name: "app"})
		for range 2 {
			_ = l.Emit(t.Context(), &record.Record{Severity: log.SeverityFatal}) // at once
			synctest.Wait()
		}
		close(release)
		shutdown(t, p)
		if first.Len() != 2 || second.Len() != 2 || p.Stats().Feedback != 0 {
			t.Errorf("%d of 2 records beside the exporter, %d of 2 in the other pipeline, %d counted as feedback", first.Len(), second.Len(), p.Stats().Feedback)
		}
	})
}

// OpenTelemetry's default error handler prints with package log, which leads
// into the pipeline that the report is about.
func TestReportsStayOutOfThePipeline(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stderr := os.Stderr
	os.Stderr = w
	defer func() { os.Stderr = stderr }()

	old := otel.GetErrorHandler()
	defer otel.SetErrorHandler(old)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { stdlog.Print(err) }))

	synctest.Test(t, reportsStayOut)
	os.Stderr = stderr
	w.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"no thanks", "a step's", "permanent 2", "processors: dedup: a step's"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("standard error has no %q: %s", want, text)
		}
	}
}

func reportsStayOut(t *testing.T) {
	sink := &sinktest.Memory{}
	refusing := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) {
		return 0, exporters.Permanent(errors.New("no thanks"))
	}}
	fails := step(func(ctx context.Context, r *record.Record, next processors.Next) error {
		return errors.Join(next(ctx, r), errors.New("a step's"))
	})
	dedup, err := processors.NewDedup(processors.DefaultDedupConfig())
	if err != nil {
		t.Fatal(err)
	}
	p := newPipeline(t, processors.DefaultConfig(), dedup, fails, newBatch(t, refusing, nil), newSimple(t, sink, "memory", nil))
	l := bridge.NewLogger("app", bridge.WithPipeline(p))
	setDefault(t, l)
	l.Info("x")
	l.Info("x")                 // so that there is a summary
	_ = p.Shutdown(t.Context()) // tells of the loss
	synctest.Wait()             // for the error handler
	if got := fmt.Sprint(bodies(sink.Records())); got != "[x x]" || p.Stats().Feedback == 0 {
		t.Errorf("delivered %s, %d counted as feedback", got, p.Stats().Feedback)
	}
}

// What an error handler logs itself goes to standard error whole, as one line,
// without secrets and without what a terminal would act on.
func TestHandlerThatLogsIsHeard(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stderr := os.Stderr
	os.Stderr = w
	defer func() { os.Stderr = stderr }()
	old := otel.GetErrorHandler()
	defer otel.SetErrorHandler(old)

	synctest.Test(t, func(t *testing.T) {
		sink := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) {
			return 0, exporters.Permanent(errors.New("disk on fire\nsluice: all is well"))
		}}
		p := newPipeline(t, processors.DefaultConfig(), newBatch(t, sink, nil))
		l := bridge.NewLogger("otel", bridge.WithPipeline(p))
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
			l.Error("otel\x1b[31m \u202etrouble", "reason", err.Error(), "password", "hunter2", "n", 5, "long", strings.Repeat("x", 1<<20))
		}))
		_ = p.Logger(record.Scope{Name: "app"}).Emit(t.Context(), &record.Record{Severity: log.SeverityInfo})
		_ = p.ForceFlush(t.Context())
		synctest.Wait()
		otel.SetErrorHandler(old)
		shutdown(t, p)
	})
	os.Stderr = stderr
	w.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, want := range []string{`otel\x1b[31m \u202etrouble `, `disk on fire\nsluice: all is well`, " password=[REDACTED]", " n=5", "xxx…\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("standard error has no %q: %.300q", want, text)
		}
	}
	if strings.Contains(text, "hunter2") || strings.Count(text, "\n") != 1 || len(text) > 9000 {
		t.Errorf("standard error has %d bytes: %.300q", len(text), text)
	}
}

// An exporter is known by its stack however deep in calls of its own it logs,
// within reason.
func TestExporterThatLogsDeepMakesNoLoop(t *testing.T) {
	catchErrors(t)
	for _, depth := range []int{100, 600, 3000} {
		synctest.Test(t, func(t *testing.T) {
			var l *processors.Logger
			got := 0
			sink := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
				if got += len(recs); got < 100 {
					recurse(depth, func() { _ = l.Emit(context.Background(), &record.Record{Severity: log.SeverityInfo}) })
				}
				return len(recs), nil
			}}
			p := newPipeline(t, processors.DefaultConfig(), newBatch(t, sink, nil))
			l = p.Logger(record.Scope{Name: "app"})
			_ = l.Emit(t.Context(), &record.Record{Severity: log.SeverityInfo})
			shutdown(t, p)
			if got != 1 || p.Stats().Feedback != 1 {
				t.Errorf("depth %d: one record became %d, %d counted as feedback", depth, got, p.Stats().Feedback)
			}
		})
	}
}

// Looking for feedback costs the records of others no memory.
func TestFeedbackAllocations(t *testing.T) {
	catchErrors(t)
	busy, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	sink := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
		once.Do(func() { close(busy) })
		<-release
		return len(recs), nil
	}}
	nothing, err := discard.New(discard.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	match := min1(log.SeverityFatal)
	p := newPipeline(t, processors.DefaultConfig(),
		newBatch(t, sink, func(c *processors.BatchConfig) { c.Match = match }),
		newBatch(t, nothing, func(c *processors.BatchConfig) { c.Name, c.OnFull = "discard", processors.DropOldest }))
	defer close(release)
	l := p.Logger(record.Scope{Name: "app"})
	_ = l.Emit(t.Context(), &record.Record{Severity: log.SeverityFatal})
	<-busy
	r := record.Record{Severity: log.SeverityInfo, Body: attribute.StringValue("x")}
	ctx := t.Context()
	for range 20_000 {
		_ = l.Emit(ctx, &r)
	}
	if n := testing.AllocsPerRun(1000, func() { _ = l.Emit(ctx, &r) }); n != 0 {
		t.Errorf("%v allocations per record, want 0", n)
	}
}

// What a log call costs while an exporter that may log is writing.
func BenchmarkFeedback(b *testing.B) {
	for _, busy := range []bool{false, true} {
		b.Run(fmt.Sprintf("busy=%t", busy), func(b *testing.B) {
			catchErrors(b)
			release, writing := make(chan struct{}), make(chan struct{}, 1)
			sink := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
				writing <- struct{}{}
				<-release
				return len(recs), nil
			}}
			nothing, err := discard.New(discard.DefaultConfig())
			if err != nil {
				b.Fatal(err)
			}
			p := newPipeline(b, processors.DefaultConfig(),
				newBatch(b, sink, func(c *processors.BatchConfig) { c.Match = min1(log.SeverityFatal) }),
				newBatch(b, nothing, func(c *processors.BatchConfig) { c.Name, c.OnFull = "discard", processors.DropOldest }))
			defer close(release)
			l := bridge.NewLogger("app", bridge.WithPipeline(p))
			if busy {
				l.Log(b.Context(), 12, "x")
				<-writing
			}
			var deep func(int)
			deep = func(n int) {
				if n > 0 {
					deep(n - 1)
					return
				}
				for b.Loop() {
					l.Info("x", "a", 1, "b", "two")
				}
			}
			b.ReportAllocs()
			deep(20)
		})
	}
}
