package bridge

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// nowhere is a pipeline step that takes everything and keeps nothing.
type nowhere struct{ capture }

func (*nowhere) OnEmit(context.Context, *record.Record, processors.Next) error { return nil }

// nothing is the same for the SDK.
type nothing struct{ sdklog.Processor }

func (nothing) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (nothing) OnEmit(context.Context, *sdklog.Record) error           { return nil }

var fiveAttrs = []slog.Attr{
	slog.String("method", "GET"), slog.Int("status", 200), slog.Duration("took", time.Millisecond),
	slog.Bool("cached", true), slog.Float64("ratio", 0.5),
}

func logFive(ctx context.Context, l *slog.Logger) {
	l.LogAttrs(ctx, slog.LevelInfo, "request served", fiveAttrs...)
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	direct := WithPipeline(newPipeline(t, &nowhere{}))
	through := WithLoggerProvider(sdklog.NewLoggerProvider(sdklog.WithProcessor(nothing{})))
	stock := otelslog.NewLogger("test", otelslog.WithLoggerProvider(
		sdklog.NewLoggerProvider(sdklog.WithProcessor(nothing{}))))
	ctx := With(trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1},
	})), slog.String("tenant", "acme"), slog.Any("user", valuer{slog.StringValue("ann")}))
	with := func(l *slog.Logger) *slog.Logger {
		return l.With("component", "cart", "user", valuer{slog.StringValue("ann")}, "month", time.March)
	}
	info := func(l *slog.Logger) func() {
		return func() { l.Info("request served", "method", "GET", "status", 200, "cached", true, "ratio", 0.5, "n", 7) }
	}
	five := func(ctx context.Context, l *slog.Logger) func() { return func() { logFive(ctx, l) } }
	bg := context.Background()
	between := NewLogger("test", direct)
	stockAllocs := testing.AllocsPerRun(500, five(bg, stock))
	for _, tt := range []struct {
		name string
		f    func()
		most float64
	}{
		{"direct, LogAttrs", five(bg, NewLogger("test", direct)), 0},
		{"direct, Info", info(NewLogger("test", direct)), 0},
		{"direct, With and LogAttrs", five(bg, with(NewLogger("test", direct))), 0},
		{"direct, With and Info", info(with(NewLogger("test", direct))), 0},
		{"direct, context", five(ctx, NewLogger("test", direct)), 0},
		{"direct, a level between", func() { between.Log(bg, slog.LevelInfo+1, "m") }, 0},
		{"otelslog, LogAttrs", five(bg, NewLogger("test", through)), stockAllocs},
		{"otelslog, With and LogAttrs", five(bg, with(NewLogger("test", through))), testing.AllocsPerRun(500, five(bg, with(stock)))},
	} {
		if got := testing.AllocsPerRun(500, tt.f); got > tt.most {
			t.Errorf("%s: %v allocations, at most %v wanted", tt.name, got, tt.most)
		}
	}
}

func BenchmarkLog(b *testing.B) {
	err := errors.New("refused")
	direct := WithPipeline(newPipeline(b, &nowhere{}))
	provider := func() *sdklog.LoggerProvider {
		return sdklog.NewLoggerProvider(newPipeline(b, &nowhere{}).ProviderOptions()...)
	}
	ctx := context.Background()
	for _, bb := range []struct {
		name string
		l    *slog.Logger
		log  func(l *slog.Logger)
	}{
		{"direct", NewLogger("test", direct), func(l *slog.Logger) { logFive(ctx, l) }},
		{"direct/with", NewLogger("test", direct).With("a", 1, "b", "c"), func(l *slog.Logger) { logFive(ctx, l) }},
		{"direct/group", NewLogger("test", direct).WithGroup("g"), func(l *slog.Logger) { logFive(ctx, l) }},
		{"direct/source", NewLogger("test", direct, WithSource(true)), func(l *slog.Logger) { logFive(ctx, l) }},
		{"direct/error", NewLogger("test", direct), func(l *slog.Logger) { l.Warn("m", "err", err) }},
		{"direct/stack", NewLogger("test", direct), func(l *slog.Logger) { l.Error("m", "err", err) }},
		{"direct/struct", NewLogger("test", direct), func(l *slog.Logger) { l.Info("m", "v", account{User: "ann"}) }},
		{"direct/valuer", NewLogger("test", direct), func(l *slog.Logger) { l.Info("m", "v", redactedUser{name: "ann"}) }},
		{"otelslog", NewLogger("test", WithLoggerProvider(provider())), func(l *slog.Logger) { logFive(ctx, l) }},
		{"stock", otelslog.NewLogger("test", otelslog.WithLoggerProvider(provider())), func(l *slog.Logger) { logFive(ctx, l) }},
		{"slogJSON", slog.New(slog.NewJSONHandler(io.Discard, nil)), func(l *slog.Logger) { logFive(ctx, l) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bb.log(bb.l)
			}
		})
	}
}

func BenchmarkDisabled(b *testing.B) {
	levels := processors.NewLevels()
	levels.Configure(processors.LevelRules{"": 17})
	cfg := processors.DefaultConfig()
	cfg.Levels = levels
	p, err := processors.NewPipeline(cfg, &nowhere{})
	if err != nil {
		b.Fatal(err)
	}
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(nothing{}))
	for _, bb := range []struct {
		name string
		l    *slog.Logger
	}{
		{"slog", slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))},
		{"slogDiscard", slog.New(slog.DiscardHandler)},
		{"direct", NewLogger("test", WithPipeline(p))},
		{"otelslog", NewLogger("test", WithLoggerProvider(provider), WithLevels(levels))},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bb.l.Info("request served", "method", "GET", "status", 200)
			}
		})
	}
}
