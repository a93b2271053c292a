package processors_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/discard"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func newSimple(t testing.TB, sink exporters.Sink, name string, match *processors.Match) *processors.Simple {
	t.Helper()
	cfg := processors.DefaultSimpleConfig()
	cfg.Name, cfg.Match = name, match
	s, err := processors.NewSimple(sink, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newPipeline(t testing.TB, cfg processors.Config, steps ...processors.Processor) *processors.Pipeline {
	t.Helper()
	p, err := processors.NewPipeline(cfg, steps...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, p) })
	return p
}

func min1(sev log.Severity) *processors.Match {
	return &processors.Match{MinimumSeverity: processors.Severity(sev)}
}

// stepFunc is a step made of a function, as users write them.
type stepFunc func(ctx context.Context, r *record.Record, next processors.Next) error

func (f *stepFunc) Enabled(context.Context, *record.Origin, log.Severity, string) bool { return true }
func (f *stepFunc) OnEmit(ctx context.Context, r *record.Record, next processors.Next) error {
	return (*f)(ctx, r, next)
}
func (*stepFunc) ForceFlush(context.Context) error { return nil }
func (*stepFunc) Shutdown(context.Context) error   { return nil }

func step(f stepFunc) processors.Processor { return &f }

// plain turns a record into something cmp can compare.
func plain(r record.Record) map[string]any {
	attrs := []string{}
	for _, kv := range r.Attributes {
		attrs = append(attrs, fmt.Sprintf("%s=%s:%s", kv.Key, kv.Value.Type(), kv.Value.String()))
	}
	res := []string{}
	for _, kv := range r.ResourceAttributes() {
		res = append(res, fmt.Sprint(kv.Key, "=", kv.Value.String()))
	}
	return map[string]any{
		"time": r.Timestamp.UnixNano(), "sev": r.Severity, "text": r.SeverityText, "event": r.EventName,
		"body": r.Body.Type().String() + r.Body.String(), "attrs": attrs, "dropped": r.Dropped, "trace": r.TraceID, "span": r.SpanID,
		"flags": r.TraceFlags, "scope": r.Logger(), "version": r.Origin.Scope.Version, "resource": res,
	}
}

// TestBothWaysGiveTheSameRecord sends random records directly and through an
// SDK provider.
func TestBothWaysGiveTheSameRecord(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var value func(depth int) attribute.Value
	value = func(depth int) attribute.Value {
		switch k := rnd.IntN(10); {
		case k == 0:
			return attribute.StringValue(strings.Repeat("é", rnd.IntN(40)))
		case k == 1:
			return attribute.ByteSliceValue(make([]byte, rnd.IntN(40)))
		case k == 2:
			return attribute.StringSliceValue([]string{"short", strings.Repeat("long", 9)})
		case k == 3 && depth > 0:
			var vs []attribute.Value
			for range rnd.IntN(4) {
				vs = append(vs, value(depth-1))
			}
			return attribute.SliceValue(vs...)
		case k >= 4 && k < 7 && depth > 0:
			var kvs []attribute.KeyValue
			for range rnd.IntN(8) {
				kvs = append(kvs, attribute.KeyValue{Key: attribute.Key(fmt.Sprint("k", rnd.IntN(5))), Value: value(depth - 1)})
			}
			return attribute.MapValue(kvs...)
		case k == 7:
			return attribute.Float64Value(rnd.Float64())
		case k == 8:
			return attribute.BoolValue(true)
		}
		return attribute.IntValue(rnd.IntN(100))
	}

	res := resource.NewSchemaless(attribute.String("service.name", "shop"))
	cfg := processors.DefaultConfig()
	cfg.Resource = &record.Resource{Attributes: res.Attributes()}
	cfg.Limits = processors.Limits{AttributeCount: 20, ValueLength: 30, ValueDepth: 3}
	direct, viaSDK, stock := &sinktest.Memory{}, &sinktest.Memory{}, &sinktest.Memory{}
	p1 := newPipeline(t, cfg, newSimple(t, direct, "a", nil))
	p2 := newPipeline(t, cfg, newSimple(t, viaSDK, "b", nil))
	unlimited := processors.Config{Limits: processors.Limits{AttributeCount: -1, ValueLength: -1, ValueDepth: -1}}
	p3 := newPipeline(t, unlimited, newSimple(t, stock, "c", nil))
	provider := sdklog.NewLoggerProvider(append(p2.ProviderOptions(), sdklog.WithResource(res))...)
	// The SDK's own normalization, as a reference.
	reference := sdklog.NewLoggerProvider(sdklog.WithProcessor(p3), sdklog.WithResource(res),
		sdklog.WithAttributeCountLimit(20), sdklog.WithAttributeValueLengthLimit(30), sdklog.WithAttributeValueDepthLimit(3))

	l := p1.Logger(record.Scope{Name: "shop.cart", Version: "1"})
	apis := []log.Logger{
		provider.Logger("shop.cart", log.WithInstrumentationVersion("1")),
		reference.Logger("shop.cart", log.WithInstrumentationVersion("1")),
	}
	for i := range 2000 {
		sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{byte(i), 1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
		ctx := trace.ContextWithSpanContext(context.Background(), sc)
		var kvs []attribute.KeyValue
		for range rnd.IntN(30) {
			kvs = append(kvs, attribute.KeyValue{Key: attribute.Key(fmt.Sprint("key", rnd.IntN(40))), Value: value(4)})
		}
		now, body := time.Now(), value(4)
		r := record.Record{
			Timestamp: now, Observed: now, Severity: log.SeverityInfo1, SeverityText: "INFO", EventName: "e", Body: body,
			TraceID: sc.TraceID(), SpanID: sc.SpanID(), TraceFlags: sc.TraceFlags(),
		}
		r.AddAttributes(kvs...)
		if err := l.Emit(ctx, &r); err != nil {
			t.Fatal(err)
		}
		var ar log.Record
		ar.SetTimestamp(now)
		ar.SetObservedTimestamp(now)
		ar.SetSeverity(log.SeverityInfo1)
		ar.SetSeverityText("INFO")
		ar.SetEventName("e")
		ar.SetBody(body)
		ar.AddAttributes(kvs...)
		for _, api := range apis {
			api.Emit(ctx, ar)
		}
	}
	want := direct.Records()
	for name, sink := range map[string]*sinktest.Memory{"SDK": viaSDK, "SDK's own normalization": stock} {
		got := sink.Records()
		if len(got) != len(want) {
			t.Fatalf("%s: %d records, want %d", name, len(got), len(want))
		}
		for i := range want {
			w, g := plain(want[i]), plain(got[i])
			if sink == stock && want[i].Dropped > 0 {
				// The SDK counts a key again each time it drops it.
				delete(w, "dropped")
				delete(g, "dropped")
			}
			if d := cmp.Diff(w, g); d != "" {
				t.Fatalf("record %d: direct and %s differ (-direct +other):\n%s", i, name, d)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	nested := attribute.IntValue(1)
	for range 1000 {
		nested = attribute.MapValue(attribute.KeyValue{Key: "n", Value: nested})
	}
	many := make([]attribute.KeyValue, 10_000)
	for i := range many {
		many[i] = attribute.Int(fmt.Sprint("k", i%9_000), i)
	}
	sink := &sinktest.Memory{}
	p := newPipeline(t, processors.DefaultConfig(), newSimple(t, sink, "m", nil))
	l := p.Logger(record.Scope{Name: "x"})
	r := record.Record{}
	r.AddAttributes(attribute.Int("a", 1), attribute.Int("b", 2), attribute.Int("a", 3), attribute.KeyValue{Key: "deep", Value: nested})
	_ = l.Emit(t.Context(), &r)
	r = record.Record{Attributes: many}
	_ = l.Emit(t.Context(), &r)

	recs := sink.Records()
	if v, _ := recs[0].Attr("a"); v.AsInt64() != 3 || len(recs[0].Attributes) != 3 || recs[0].Attributes[0].Key != "a" {
		t.Errorf("duplicates: %v, want the last value in the first place", recs[0].Attributes)
	}
	v, depth := recs[0].Attributes[2].Value, 0
	for v.Type() == attribute.MAP {
		depth++
		v = v.AsMap()[0].Value
	}
	if depth != 64 || v.Type() != attribute.EMPTY {
		t.Errorf("nested 1000 deep: %d levels left, then %v; want 64, then an empty value", depth, v.Type())
	}
	if n, d := len(recs[1].Attributes), recs[1].Dropped; n != 128 || d != 9_000-128 {
		t.Errorf("10,000 attributes, 9,000 of them distinct: kept %d, dropped %d; want 128, 8872", n, d)
	}
	if v := recs[1].Attributes[5].Value.AsInt64(); v != 9_005 {
		t.Errorf("k5 = %d, want the last value 9005", v)
	}
}

func TestWriteBack(t *testing.T) {
	redact := step(func(ctx context.Context, r *record.Record, next processors.Next) error {
		for i := range r.Attributes {
			if r.Attributes[i].Key == "password" {
				r.Attributes[i].Value = attribute.StringValue("[REDACTED]")
			}
		}
		return next(ctx, r)
	})
	behind := &sinktest.Memory{}
	p := newPipeline(t, processors.DefaultConfig(), redact, newSimple(t, &sinktest.Memory{}, "m", nil))
	other := newPipeline(t, processors.DefaultConfig(), newSimple(t, behind, "n", nil))
	provider := sdklog.NewLoggerProvider(append(p.ProviderOptions(), sdklog.WithProcessor(other))...)
	var r log.Record
	r.AddAttributes(attribute.String("user", "eve"), attribute.String("password", "hunter2"))
	provider.Logger("x").Emit(t.Context(), r)
	if v, _ := behind.Records()[0].Attr("password"); v.AsString() != "[REDACTED]" {
		t.Errorf("a processor behind the pipeline saw password=%s", v.AsString())
	}
}

func TestPanickingStepDropsTheRecordOnly(t *testing.T) {
	h := catchErrors(t)
	synctest.Test(t, func(t *testing.T) { panickingStep(t, h) })
}

func panickingStep(t *testing.T, h *handled) {
	sink := &sinktest.Memory{}
	boom := step(func(ctx context.Context, r *record.Record, next processors.Next) error {
		if r.Body.AsString() == "bad" {
			panic("boom")
		}
		return next(ctx, r)
	})
	p := newPipeline(t, processors.DefaultConfig(), boom, newSimple(t, sink, "m", nil))
	l := p.Logger(record.Scope{})
	for _, body := range []string{"good", "bad", "better"} {
		r := record.Record{Body: attribute.StringValue(body)}
		_ = l.Emit(t.Context(), &r)
	}
	synctest.Wait()
	if got := fmt.Sprint(bodies(sink.Records())); got != "[good better]" {
		t.Errorf("delivered %s", got)
	}
	if s := p.Stats(); !strings.Contains(h.String(), "panicked") || s.Filtered != 0 || s.Steps[0].Stopped[processors.CausePanic] != 1 {
		t.Errorf("handler %q, %+v", h, s)
	}
}

// TestErrorHandlerMayLogThroughTheStandardLogger covers OpenTelemetry's default
// handler: it prints with package log, whose lock is held while slog.SetDefault
// sends the line into the pipeline that failed.
func TestErrorHandlerMayLogThroughTheStandardLogger(t *testing.T) {
	var mu sync.Mutex // the standard logger's
	var l *processors.Logger
	p := newPipeline(t, processors.DefaultConfig(),
		step(func(context.Context, *record.Record, processors.Next) error { return errors.New("boom") }),
		newSimple(t, &sinktest.Memory{}, "m", nil))
	l = p.Logger(record.Scope{})
	print := func(msg string) {
		mu.Lock()
		defer mu.Unlock()
		_ = l.Emit(context.Background(), &record.Record{Body: attribute.StringValue(msg)})
	}
	told := make(chan string, 10)
	old := otel.GetErrorHandler()
	defer otel.SetErrorHandler(old)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		print(err.Error())
		told <- err.Error()
	}))
	print("first")
	if msg := <-told; !strings.Contains(msg, "boom") {
		t.Errorf("told %q", msg)
	}
	// The same through the SDK, which calls the handler for every error that
	// a processor returns.
	if err := p.OnEmit(t.Context(), &sdklog.Record{}); err != nil {
		t.Errorf("OnEmit = %v: the SDK would call the handler in the caller's goroutine", err)
	}
}

// TestBranchesAreIsolated: one exporter panics, one fails, one is stuck; the
// fourth gets everything.
func TestBranchesAreIsolated(t *testing.T) {
	catchErrors(t)
	good := &sinktest.Memory{}
	stuck, release := stall()
	sinks := []exporters.Sink{
		&sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) { panic("boom") }},
		&sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) { return 0, errors.New("down") }},
		stuck,
		good,
	}
	var steps []processors.Processor
	for i, s := range sinks {
		steps = append(steps, newBatch(t, s, func(c *processors.BatchConfig) { c.Name = fmt.Sprint("sink", i) }))
	}
	p, err := processors.NewPipeline(processors.DefaultConfig(), steps...)
	if err != nil {
		t.Fatal(err)
	}
	l := p.Logger(record.Scope{Name: "x"})
	for range 100 {
		r := record.Record{Severity: log.SeverityInfo1, Body: attribute.StringValue("b")}
		_ = l.Emit(t.Context(), &r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := p.Shutdown(ctx); err == nil {
		t.Error("Shutdown = nil though records were lost")
	}
	if waited := time.Since(start); waited > 5*time.Second {
		t.Errorf("Shutdown took %s", waited)
	}
	if good.Len() != 100 {
		t.Errorf("the good exporter got %d of 100 records", good.Len())
	}
	for _, s := range p.Stats().Exporters {
		balanced(t, s)
	}
	release()
}

func TestRoute(t *testing.T) {
	sinks := map[string]*sinktest.Memory{}
	end := func(name string, m *processors.Match) processors.Processor {
		sinks[name] = &sinktest.Memory{}
		return newSimple(t, sinks[name], name, m)
	}
	mark := step(func(ctx context.Context, r *record.Record, next processors.Next) error {
		r.AddAttributes(attribute.Bool("marked", true))
		r.Body = attribute.StringValue("marked " + r.Body.AsString())
		return next(ctx, r)
	})
	rt, err := processors.NewRoute(
		processors.Rule{Match: processors.Match{Loggers: []string{"shop"}}, Processors: []processors.Processor{mark, end("shop", nil)}},
		processors.Rule{Match: processors.Match{Loggers: []string{"shop.db", "*.sql"}}, Processors: []processors.Processor{end("db", nil)}, Stop: true},
		processors.Rule{Match: *min1(log.SeverityError1), Processors: []processors.Processor{end("errors", nil)}},
	)
	if err != nil {
		t.Fatal(err)
	}
	p := newPipeline(t, processors.DefaultConfig(), rt, end("all", min1(log.SeverityInfo1)))
	for _, e := range []struct {
		logger string
		sev    log.Severity
	}{
		{"shop", log.SeverityInfo1}, {"shop.cart", log.SeverityDebug1}, {"shop.db", log.SeverityError1},
		{"billing/sql", log.SeverityError1}, {"x.sql", log.SeverityError1}, {"shopping", log.SeverityError1},
	} {
		r := record.Record{Severity: e.sev, Body: attribute.StringValue(e.logger)}
		_ = p.Logger(record.Scope{Name: e.logger}).Emit(t.Context(), &r)
	}
	for name, want := range map[string]string{
		"shop":   "[marked shop marked shop.cart marked shop.db]",
		"db":     "[shop.db x.sql]",
		"errors": "[billing/sql shopping]",
		"all":    "[shop billing/sql shopping]",
	} {
		if got := fmt.Sprint(bodies(sinks[name].Records())); got != want {
			t.Errorf("%s got %s, want %s", name, got, want)
		}
	}
	for logger, want := range map[string]log.Severity{
		"shop.cart": log.SeverityUndefined, // the shop rule takes everything
		"billing":   log.SeverityInfo1,
	} {
		if got := p.Logger(record.Scope{Name: logger}).Level().Minimum(); got != want {
			t.Errorf("floor of %s = %v, want %v", logger, got, want)
		}
	}
}

func TestFloorStopsAtCertainStop(t *testing.T) {
	rt, err := processors.NewRoute(processors.Rule{
		Match: processors.Match{Loggers: []string{"noise"}}, Stop: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	p := newPipeline(t, processors.DefaultConfig(), rt, newSimple(t, &sinktest.Memory{}, "m", nil))
	if l := p.Logger(record.Scope{Name: "noise.child"}); l.Enabled(t.Context(), log.SeverityFatal4, "") {
		t.Error("a logger whose records a rule stops is enabled")
	}
	if l := p.Logger(record.Scope{Name: "music"}); !l.Enabled(t.Context(), log.SeverityTrace1, "") {
		t.Error("another logger is not enabled")
	}
}

func TestMatch(t *testing.T) {
	origin := &record.Origin{Scope: record.Scope{Name: "shop.db"}}
	r := record.Record{Origin: origin, Severity: log.SeverityWarn1, EventName: "db.slow", Body: attribute.StringValue("query took 3s")}
	r.AddAttributes(attribute.String("table", "orders"), attribute.Int("ms", 3000))
	sev := func(s log.Severity) processors.Severity { return processors.Severity(s) }
	for _, tc := range []struct {
		m    processors.Match
		want bool
	}{
		{processors.Match{}, true},
		{processors.Match{Loggers: []string{"shop"}}, true},
		{processors.Match{Loggers: []string{"shop.d"}}, false},
		{processors.Match{Loggers: []string{"*.d?"}}, true},
		{processors.Match{Loggers: []string{"a", "shop.db"}}, true},
		{processors.Match{MinimumSeverity: sev(log.SeverityWarn1)}, true},
		{processors.Match{MinimumSeverity: sev(log.SeverityWarn2)}, false},
		{processors.Match{MaximumSeverity: sev(log.SeverityWarn1)}, true},
		{processors.Match{MaximumSeverity: sev(log.SeverityInfo4)}, false},
		{processors.Match{Attributes: map[string]string{"table": "ord*", "ms": "3000"}}, true},
		{processors.Match{Attributes: map[string]string{"table": "ord*", "absent": "*"}}, false},
		{processors.Match{Body: `took \d+s$`}, true},
		{processors.Match{Body: `^took`}, false},
		{processors.Match{EventNames: []string{"db.*"}}, true},
		{processors.Match{EventNames: []string{"http.*"}}, false},
		{processors.Match{Not: &processors.Match{Loggers: []string{"shop"}}}, false},
		{processors.Match{Loggers: []string{"shop"}, Not: &processors.Match{Body: "absent"}}, true},
		{processors.Match{Loggers: []string{"shop"}, Body: "absent"}, false},
	} {
		sink := &sinktest.Memory{}
		s := newSimple(t, sink, "m", &tc.m)
		rec := r.Clone()
		_ = s.OnEmit(t.Context(), &rec, end)
		if got := sink.Len() == 1; got != tc.want {
			t.Errorf("%+v: match = %t", tc.m, got)
		}
		// Enabled may say yes too often, never no too often.
		if tc.want && !s.Enabled(t.Context(), origin, r.Severity, r.EventName) {
			t.Errorf("%+v: Enabled = false for a record that matches", tc.m)
		}
		shutdown(t, s)
	}
}

func TestLevels(t *testing.T) {
	levels := processors.NewLevels()
	cfg := processors.DefaultConfig()
	cfg.Levels = levels
	p := newPipeline(t, cfg, newSimple(t, &sinktest.Memory{}, "m", min1(log.SeverityInfo1)))
	cart := p.Logger(record.Scope{Name: "shop.cart"})
	db := p.Logger(record.Scope{Name: "shop.db.pool"})
	want := func(when string, cartMin, dbMin log.Severity) {
		t.Helper()
		if c, d := cart.Level().Minimum(), db.Level().Minimum(); c != cartMin || d != dbMin {
			t.Errorf("%s: shop.cart %v, shop.db.pool %v; want %v, %v", when, c, d, cartMin, dbMin)
		}
	}
	parse := func(s string) processors.LevelRules {
		rules, err := processors.ParseLevels(s)
		if err != nil {
			t.Fatal(err)
		}
		return rules
	}
	want("no rules: what the branches accept", log.SeverityInfo1, log.SeverityInfo1)
	levels.Configure(parse("warn,shop.db=debug"))
	want("configuration", log.SeverityWarn1, log.SeverityDebug1)
	t.Setenv(processors.EnvLevels, "error, shop.*.pool = trace2")
	if err := levels.FromEnvironment(); err != nil {
		t.Fatal(err)
	}
	want("environment over configuration, globs", log.SeverityError1, log.SeverityTrace2)
	set := func(logger, level string) {
		t.Helper()
		minimum, err := processors.ParseLevel(level)
		if err == nil {
			err = levels.Set(logger, minimum, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	set("shop.cart", "off")
	want("override over environment", processors.SeverityOff, log.SeverityTrace2)
	if cart.Enabled(t.Context(), 0, "") || cart.Enabled(t.Context(), log.SeverityFatal4, "") {
		t.Error("a logger that is off is enabled")
	}
	levels.Unset("shop.cart")
	want("override removed", log.SeverityError1, log.SeverityTrace2)

	r := record.Record{Severity: log.SeverityInfo1}
	_ = cart.Emit(t.Context(), &r)
	if s := p.Stats(); s.Filtered != 1 || s.Exporters[0].Accepted != 0 {
		t.Errorf("a record below its logger's level: %+v", s)
	}

	set("shop.car*", "fatal")
	set("shop.cart", "info")
	set("shop.ca?t", "warn")
	want("a name over globs of its length", log.SeverityInfo1, log.SeverityTrace2)

	for _, spec := range []string{"loud", "=debug", "a=debug,a=info", "a=", "info,warn", "a=b=c"} {
		if _, err := processors.ParseLevels(spec); err == nil {
			t.Errorf("ParseLevels(%q) = nil error", spec)
		}
	}
	const spec = "info,a.*=off,shop.db=debug2"
	if got := parse(spec).String(); got != spec {
		t.Errorf("String() = %q, want %q", got, spec)
	}
}

// TestLevelsForgetLoggers: loggers of many names leave nothing behind.
func TestLevelsForgetLoggers(t *testing.T) {
	levels := processors.NewLevels()
	for i := range 1000 {
		levels.For(fmt.Sprint(i), nil)
	}
	for range 50 {
		runtime.GC()
		if levels.Live() < 1000 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d of 1000 unreachable levels are still kept", levels.Live())
}

func TestTraceBased(t *testing.T) {
	cfg := processors.DefaultConfig()
	cfg.TraceBased = map[string]bool{"": true, "shop": true, "x": false}
	sink := &sinktest.Memory{}
	p := newPipeline(t, cfg, newSimple(t, sink, "m", nil))
	for _, e := range []struct {
		logger string
		traced bool
		flags  trace.TraceFlags
	}{{"shop.a", true, 0}, {"shop.b", true, trace.FlagsSampled}, {"shop.c", false, 0}, {"x.d", true, 0}} {
		r := record.Record{Body: attribute.StringValue(e.logger), TraceFlags: e.flags}
		if e.traced {
			r.TraceID, r.SpanID = trace.TraceID{1}, trace.SpanID{1}
		}
		_ = p.Logger(record.Scope{Name: e.logger}).Emit(t.Context(), &r)
	}
	if got := fmt.Sprint(bodies(sink.Records())); got != "[shop.b shop.c x.d]" {
		t.Errorf("delivered %s", got)
	}
}

func TestPipelineRefusesAStepTwice(t *testing.T) {
	s := newSimple(t, &sinktest.Memory{}, "m", nil)
	defer shutdown(t, s)
	if _, err := processors.NewPipeline(processors.DefaultConfig(), s, s); err == nil {
		t.Error("a step that stands twice was accepted")
	}
	if _, err := processors.NewPipeline(processors.DefaultConfig(), nil); err == nil {
		t.Error("a nil step was accepted")
	}
}

func TestSimple(t *testing.T) {
	catchErrors(t)
	boom := errors.New("boom")
	for _, tc := range []struct {
		name    string
		answer  func(context.Context) (int, error)
		dropped string
	}{
		{"error", func(context.Context) (int, error) { return 0, boom }, processors.CauseError},
		{"rejected", func(context.Context) (int, error) { return 1, exporters.Rejected(1, boom) }, processors.CauseRejected},
		{"panic", func(context.Context) (int, error) { panic("x") }, processors.CausePanic},
		{"silent", func(context.Context) (int, error) { return 0, nil }, processors.CauseError},
		{"fine", func(context.Context) (int, error) { return 1, nil }, ""},
		{"timeout", func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }, processors.CauseError},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sink := &sinktest.Script{OnWrite: func(ctx context.Context, _ int, _ []record.Record) (int, error) { return tc.answer(ctx) }}
			cfg := processors.DefaultSimpleConfig()
			cfg.Name, cfg.ExportTimeout = "s", exporters.Duration(20*time.Millisecond)
			s, err := processors.NewSimple(sink, cfg)
			if err != nil {
				t.Fatal(err)
			}
			cancelled, cancel := context.WithCancel(t.Context())
			cancel() // no reason to lose the record
			r := sinktest.Record("x")
			flowed := false
			err = s.OnEmit(cancelled, &r, func(context.Context, *record.Record) error { flowed = true; return nil })
			if (err != nil) != (tc.dropped != "") || !flowed {
				t.Errorf("OnEmit = %v, flowed on: %t", err, flowed)
			}
			shutdown(t, s)
			_ = s.OnEmit(t.Context(), &r, end)
			want := map[string]uint64{processors.CauseShutdown: 1}
			delivered := uint64(1)
			if tc.dropped != "" {
				want[tc.dropped]++
				delivered = 0
			}
			wantStats(t, s, 2, delivered, want)
			if why := s.Stats().LastDropError; (why != "") != (tc.dropped != "") {
				t.Errorf("LastDropError is %q", why)
			}
		})
	}
}

func TestPipelineAfterShutdown(t *testing.T) {
	catchErrors(t)
	sink := &sinktest.Memory{}
	p := newPipeline(t, processors.DefaultConfig(), newSimple(t, sink, "m", nil))
	l := p.Logger(record.Scope{})
	provider := sdklog.NewLoggerProvider(p.ProviderOptions()...)
	shutdown(t, p)
	if l.Enabled(t.Context(), log.SeverityFatal1, "") || p.Enabled(t.Context(), sdklog.EnabledParameters{}) {
		t.Error("enabled after Shutdown")
	}
	r := record.Record{}
	if err := errors.Join(l.Emit(t.Context(), &r), p.OnEmit(t.Context(), &sdklog.Record{}), p.ForceFlush(t.Context()), p.Shutdown(t.Context())); err != nil {
		t.Errorf("after Shutdown: %v", err)
	}
	provider.Logger("x").Emit(t.Context(), log.Record{})
	if sink.Len() != 0 {
		t.Errorf("%d records delivered after Shutdown", sink.Len())
	}
}

func TestEmitAllocations(t *testing.T) {
	sink, err := discard.New(discard.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	batch := newBatch(t, sink, func(c *processors.BatchConfig) { c.OnFull = processors.DropOldest })
	rt, err := processors.NewRoute(processors.Rule{Match: *min1(log.SeverityInfo1), Processors: []processors.Processor{batch}})
	if err != nil {
		t.Fatal(err)
	}
	p := newPipeline(t, processors.DefaultConfig(), rt)
	l := p.Logger(record.Scope{Name: "x"})
	var r record.Record
	now, ctx := time.Now(), t.Context()
	for range 20_000 {
		fill(&r, now)
		_ = l.Emit(ctx, &r)
	}
	if n := testing.AllocsPerRun(1000, func() { fill(&r, now); _ = l.Emit(ctx, &r) }); n != 0 {
		t.Errorf("direct: %v allocations per record, want 0", n)
	}
	api := sdklog.NewLoggerProvider(p.ProviderOptions()...).Logger("x")
	var ar log.Record
	ar.AddAttributes(r.Attributes...)
	p2 := sdklog.NewLoggerProvider(sdklog.WithProcessor(noop{}), sdklog.WithAllowKeyDuplication()).Logger("x")
	theirs := testing.AllocsPerRun(1000, func() { p2.Emit(ctx, ar) })
	if ours := testing.AllocsPerRun(1000, func() { api.Emit(ctx, ar) }); ours > theirs {
		t.Errorf("through the SDK: %v allocations per record, the SDK alone has %v", ours, theirs)
	}
}

type noop struct{}

func (noop) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (noop) OnEmit(context.Context, *sdklog.Record) error           { return nil }
func (noop) ForceFlush(context.Context) error                       { return nil }
func (noop) Shutdown(context.Context) error                         { return nil }
