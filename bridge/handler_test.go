package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/log/noop"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/processors"
)

func TestSlogtest(t *testing.T) {
	eachTail(t, func(t *testing.T, tl tail) {
		slogtest.Run(t,
			func(*testing.T) slog.Handler { return NewHandler("test", tl.opt) },
			func(t *testing.T) map[string]any { return toMap(tl.one(t)) },
		)
	})
}

func TestRecordFields(t *testing.T) {
	sc := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1, 2}, SpanID: trace.SpanID{3}, TraceFlags: trace.FlagsSampled,
	})
	ctx := trace.ContextWithSpanContext(context.Background(), sc)
	eachTail(t, func(t *testing.T, tl tail) {
		l := NewLogger("shop.cart", tl.opt, WithVersion("v1"), WithSchemaURL("https://example.com/1"),
			WithAttributes(attribute.String("a", "b")))
		before := time.Now()
		l.WarnContext(ctx, "hello")
		r := tl.one(t)
		if r.Timestamp.Before(before) || r.Observed.Before(before) || r.Observed.After(time.Now()) {
			t.Errorf("timestamp %v, observed %v, logged at %v", r.Timestamp, r.Observed, before)
		}
		if r.Severity != log.SeverityWarn || r.SeverityText != "WARN" || r.Body.AsString() != "hello" {
			t.Errorf("severity %v %q, body %q", r.Severity, r.SeverityText, r.Body.AsString())
		}
		if r.TraceID != sc.TraceID() || r.SpanID != sc.SpanID() || r.TraceFlags != trace.FlagsSampled {
			t.Errorf("trace %v %v %v", r.TraceID, r.SpanID, r.TraceFlags)
		}
		s := r.Origin.Scope
		if s.Name != "shop.cart" || s.Version != "v1" || s.SchemaURL != "https://example.com/1" ||
			len(s.Attributes) != 1 || s.Attributes[0].Key != "a" {
			t.Errorf("scope %+v", s)
		}
	})
}

func TestSeverity(t *testing.T) {
	for _, tt := range []struct {
		level slog.Level
		sev   log.Severity
		text  string
	}{
		{slog.LevelDebug, log.SeverityDebug, "DEBUG"},
		{slog.LevelInfo, log.SeverityInfo, "INFO"},
		{slog.LevelInfo + 2, log.SeverityInfo3, "INFO+2"},
		{slog.LevelWarn, log.SeverityWarn, "WARN"},
		{slog.LevelError, log.SeverityError, "ERROR"},
		{12, log.SeverityFatal1, "FATAL"},
		{15, log.SeverityFatal4, "ERROR+7"},
		{-8, log.SeverityTrace1, "TRACE"},
		{1000, log.SeverityFatal4, "ERROR+7"},
		{-1000, log.SeverityTrace1, "TRACE"},
	} {
		eachTail(t, func(t *testing.T, tl tail) {
			NewLogger("test", tl.opt).Log(context.Background(), tt.level, "m")
			if r := tl.one(t); r.Severity != tt.sev || r.SeverityText != tt.text {
				t.Errorf("level %d: severity %d %q, want %d %q", int(tt.level), r.Severity, r.SeverityText, tt.sev, tt.text)
			}
		})
	}
}

func TestAttributesAndGroups(t *testing.T) {
	ctx := With(context.Background(), slog.Int("ctx", 1))
	for _, tt := range []struct {
		name string
		log  func(l *slog.Logger)
		want string
	}{
		{"none", func(l *slog.Logger) { l.Info("m") }, `{}`},
		{"call", func(l *slog.Logger) { l.Info("m", "b", 2, "a", 1) }, `{"a":1,"b":2}`},
		{"with", func(l *slog.Logger) { l.With("w", 1).With("x", 2).Info("m", "a", 3) }, `{"a":3,"w":1,"x":2}`},
		{"last wins", func(l *slog.Logger) { l.With("a", 1).Info("m", "a", 2, "a", 3) }, `{"a":3}`},
		{"context", func(l *slog.Logger) { l.InfoContext(ctx, "m", "a", 2) }, `{"a":2,"ctx":1}`},
		{"context over with", func(l *slog.Logger) { l.With("ctx", 0).InfoContext(ctx, "m") }, `{"ctx":1}`},
		{"call over context", func(l *slog.Logger) { l.InfoContext(ctx, "m", "ctx", 2) }, `{"ctx":2}`},
		{"context not in group", func(l *slog.Logger) { l.WithGroup("g").InfoContext(ctx, "m", "a", 2) }, `{"ctx":1,"g":{"a":2}}`},
		{"context below", func(l *slog.Logger) {
			l.InfoContext(With(ctx, slog.Int("d", 2), slog.Int("ctx", 3)), "m")
		}, `{"ctx":3,"d":2}`},
		{"open group", func(l *slog.Logger) { l.With("w", 1).WithGroup("g").With("x", 2).Info("m", "a", 3) }, `{"g":{"a":3,"x":2},"w":1}`},
		{"open groups", func(l *slog.Logger) {
			l.WithGroup("g").With("x", 1).WithGroup("h").WithGroup("i").Info("m", "a", 3)
		}, `{"g":{"h":{"i":{"a":3}},"x":1}}`},
		{"empty inner group", func(l *slog.Logger) { l.WithGroup("g").With("x", 1).WithGroup("h").Info("m") }, `{"g":{"x":1}}`},
		{"empty groups", func(l *slog.Logger) { l.WithGroup("g").WithGroup("h").Info("m") }, `{}`},
		{"unnamed group", func(l *slog.Logger) { l.WithGroup("").Info("m", "a", 1) }, `{"a":1}`},
		{"group value", func(l *slog.Logger) { l.Info("m", slog.Group("g", "a", 1, slog.Group("h", "b", 2))) }, `{"g":{"a":1,"h":{"b":2}}}`},
		{"inlined", func(l *slog.Logger) { l.Info("m", slog.Group("", "a", 1, slog.Group("", "b", 2))) }, `{"a":1,"b":2}`},
		{"inlined in group", func(l *slog.Logger) { l.WithGroup("g").Info("m", slog.Group("", "a", 1)) }, `{"g":{"a":1}}`},
		{"empty group value", func(l *slog.Logger) { l.With(slog.Group("w")).Info("m", slog.Group("g", slog.Group("h"))) }, `{}`},
		{"group that resolves to nothing", func(l *slog.Logger) { l.Info("m", "g", valuer{slog.GroupValue()}) }, `{}`},
		{"empty attribute", func(l *slog.Logger) { l.Info("m", slog.Attr{}, slog.Int("a", 1)) }, `{"a":1}`},
		{"nil", func(l *slog.Logger) { l.Info("m", "a", nil) }, `{"a":null}`},
		{"no keys", func(l *slog.Logger) { l.Info("m", []any{1, 2, "k", 3, 4}...) }, `{"!BADKEY":1,"!BADKEY.2":2,"!BADKEY.3":4,"k":3}`},
		{"no key", func(l *slog.Logger) { l.With("", 1).Info("m", slog.Group("g", "", 2)) }, `{"!BADKEY":1,"g":{"!BADKEY":2}}`},
		{"many", func(l *slog.Logger) { l.Info("m", "a", 1, "b", 2, "c", 3, "d", 4, "e", 5, "f", 6, "g", 7) }, `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachTail(t, func(t *testing.T, tl tail) {
				tt.log(NewLogger("test", tl.opt))
				wantAttrs(t, tl.one(t), tt.want)
			})
		})
	}
}

func TestAttributeOrder(t *testing.T) {
	ctx := With(context.Background(), slog.Int("context", 1))
	eachTail(t, func(t *testing.T, tl tail) {
		NewLogger("test", tl.opt, WithSource(true)).With("with", 1).ErrorContext(ctx, "m", "err", errors.New("x"), "z", 1)
		var keys []string
		for _, kv := range tl.one(t).Attributes {
			keys = append(keys, string(kv.Key))
		}
		want := "with code.file.path code.function.name code.line.number context err z exception.type exception.message exception.stacktrace"
		if got := strings.Join(keys, " "); got != want {
			t.Errorf("order:\n got %s\nwant %s", got, want)
		}
	})
}

func TestHandlersDoNotShareAttributes(t *testing.T) {
	eachTail(t, func(t *testing.T, tl tail) {
		for _, base := range []*slog.Logger{
			NewLogger("test", tl.opt).With("a", 1),
			NewLogger("test", tl.opt).WithGroup("g").With("a", 1),
		} {
			one, two := base.With("b", 1), base.With("b", 2)
			one.Info("m")
			first := attrsOf(tl.one(t))
			two.Info("m")
			second := attrsOf(tl.one(t))
			if !strings.Contains(first, `"b":1`) || !strings.Contains(second, `"b":2`) {
				t.Errorf("siblings changed each other: %s and %s", first, second)
			}
		}
	})
}

func TestSource(t *testing.T) {
	eachTail(t, func(t *testing.T, tl tail) {
		l := NewLogger("test", tl.opt, WithSource(true)).WithGroup("g")
		l.Info("m", "a", 1)
		m := toMap(tl.one(t))
		fn, _ := m["code.function.name"].(string)
		file, _ := m["code.file.path"].(string)
		line, _ := m["code.line.number"].(int64)
		if !strings.Contains(fn, "bridge.TestSource") || !strings.HasSuffix(file, "handler_test.go") || line == 0 {
			t.Errorf("source %q %q %d", fn, file, line)
		}
		// A record that does not know its caller gets no source.
		if err := l.Handler().Handle(context.Background(), slog.NewRecord(time.Now(), 0, "m", 0)); err != nil {
			t.Fatal(err)
		}
		wantAttrs(t, tl.one(t), `{}`)
	})
}

func TestEnabled(t *testing.T) {
	ctx := context.Background()
	levels := processors.NewLevels()
	configure := func(spec string) {
		rules, err := processors.ParseLevels(spec)
		if err != nil {
			t.Fatal(err)
		}
		levels.Configure(rules)
	}
	cfg := processors.DefaultConfig()
	cfg.Levels = levels
	p, err := processors.NewPipeline(cfg, &capture{})
	if err != nil {
		t.Fatal(err)
	}
	provider := sdklog.NewLoggerProvider(newPipeline(t, &capture{}).ProviderOptions()...)
	for _, h := range []*Handler{
		NewHandler("shop.db", WithPipeline(p)),
		NewHandler("shop.db", WithLoggerProvider(provider), WithLevels(levels)),
	} {
		child := h.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)})
		configure("info,shop.db=debug")
		if !h.Enabled(ctx, slog.LevelDebug) || h.Enabled(ctx, slog.LevelDebug-1) {
			t.Error("shop.db=debug: the boundary is not at DEBUG")
		}
		configure("warn")
		if child.Enabled(ctx, slog.LevelInfo) || !child.Enabled(ctx, slog.LevelWarn) {
			t.Error("a derived handler does not follow a change")
		}
		configure("off")
		if h.Enabled(ctx, slog.LevelError) || h.Enabled(ctx, 100) {
			t.Error("off does not disable the logger")
		}
		levels.Configure(nil)
		if !h.Enabled(ctx, slog.LevelDebug) || !h.Enabled(ctx, -100) {
			t.Error("without rules not everything is enabled")
		}
	}
	if NewHandler("x", WithLoggerProvider(noop.NewLoggerProvider())).Enabled(ctx, slog.LevelError) {
		t.Error("the provider behind does not decide")
	}
	if NewHandler("x", WithLoggerProvider(noop.NewLoggerProvider()), WithLevels(levels)).Enabled(ctx, slog.LevelError) {
		t.Error("levels of its own do not leave the provider the last word")
	}
}

func TestGlobalProviderIsTheDefault(t *testing.T) {
	before := otel.GetLoggerProvider()
	t.Cleanup(func() { otel.SetLoggerProvider(before) })
	c := &capture{}
	otel.SetLoggerProvider(sdklog.NewLoggerProvider(newPipeline(t, c).ProviderOptions()...))
	NewLogger("test").Info("m")
	if r := c.one(t); r.Logger() != "test" {
		t.Errorf("logger %q", r.Logger())
	}
}

func TestHandleReturnsThePipelinesError(t *testing.T) {
	handleErrors(t)
	c := &capture{err: errors.New("no room")}
	h := NewHandler("test", WithPipeline(newPipeline(t, c)))
	err := h.Handle(context.Background(), slog.NewRecord(time.Now(), 0, "m", 0))
	if err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("error %v", err)
	}
}

func TestWithoutAttributesContextStays(t *testing.T) {
	ctx := context.Background()
	if With(ctx) != ctx {
		t.Error("With without attributes made a new context")
	}
	c := &capture{}
	h := NewHandler("test", WithPipeline(newPipeline(t, c)))
	if h.WithAttrs(nil) != slog.Handler(h) || h.WithGroup("") != slog.Handler(h) {
		t.Error("nothing to add made a new handler")
	}
	var none context.Context
	if err := h.Handle(none, slog.NewRecord(time.Time{}, 0, "m", 0)); err != nil {
		t.Error(err)
	}
	if r := c.one(t); !r.Timestamp.IsZero() || r.Observed.IsZero() {
		t.Errorf("a record without time: timestamp %v, observed %v", r.Timestamp, r.Observed)
	}
}

type valuer struct{ v slog.Value }

func (v valuer) LogValue() slog.Value { return v.v }

func TestHugeRecords(t *testing.T) {
	long := strings.Repeat("x", 10<<20)
	attrs := make([]slog.Attr, 10_000)
	for i := range attrs {
		attrs[i] = slog.Int("k"+strconv.Itoa(i), i)
	}
	eachTail(t, func(t *testing.T, tl tail) {
		l := NewLogger("test", tl.opt)
		l.LogAttrs(context.Background(), slog.LevelInfo, long, append(attrs, slog.String("long", long))...)
		r := tl.one(t)
		if len(r.Attributes) != len(attrs)+1 || len(r.Body.AsString()) != len(long) {
			t.Errorf("%d attributes, body of %d bytes", len(r.Attributes), len(r.Body.AsString()))
		}
		l.Info("small", "a", 1)
		wantAttrs(t, tl.one(t), `{"a":1}`)
	})
}

func TestConcurrentUse(t *testing.T) {
	eachTail(t, func(t *testing.T, tl tail) {
		l := NewLogger("test", tl.opt).With("w", "x")
		const goroutines, each = 8, 200
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				grouped := l.WithGroup("g").With("id", g)
				ctx := With(context.Background(), slog.Int("ctx", g))
				for i := range each {
					grouped.InfoContext(ctx, "m", "i", i, "v", redactedUser{name: strconv.Itoa(g)})
				}
			})
		}
		wg.Wait()
		seen := map[string]bool{}
		for _, r := range tl.take() {
			seen[attrsOf(r)] = true
		}
		for g := range goroutines {
			for i := range each {
				want := fmt.Sprintf(`{"ctx":%d,"g":{"i":%d,"id":%d,"v":{"name":"%d"}},"w":"x"}`, g, i, g, g)
				if !seen[want] {
					t.Fatalf("no record %s among %d", want, len(seen))
				}
			}
		}
	})
}
