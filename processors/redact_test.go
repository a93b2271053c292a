package processors_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/exporters/terminal"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func newRedact(t testing.TB, change func(*processors.RedactConfig)) *processors.Redact {
	t.Helper()
	cfg := processors.DefaultRedactConfig()
	if change != nil {
		change(&cfg)
	}
	s, err := processors.NewRedact(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const canary = "canary-7d41"

// secretive is a record with the canary wherever a record can hold one.
func secretive() record.Record {
	return record.Record{
		Severity: log.SeverityError1,
		Body:     attribute.StringValue("login failed, password=" + canary + ", giving up"),
		Attributes: []attribute.KeyValue{
			attribute.String("db.password", canary),
			attribute.String("exception.message", "dial postgres://app:"+canary+"@db/shop: refused"),
			attribute.String("exception.stacktrace", "main.go:12\nheader Authorization: Bearer "+canary+"\nmain.go:13"),
			{Key: "request", Value: attribute.MapValue(
				attribute.KeyValue{Key: "headers", Value: attribute.MapValue(attribute.String("X-Api-Key", canary))},
				attribute.KeyValue{Key: "args", Value: attribute.StringSliceValue([]string{"--token", canary, "-v"})},
			)},
			attribute.Int("status", 500),
		},
	}
}

// everything is what exporters and SDK processors may see of a record.
func everything(r *record.Record) string {
	return fmt.Sprint(r.Body.String(), r.Attributes, r.ResourceAttributes(), r.Origin.Scope.Attributes)
}

func TestRedactLetsNoSecretPass(t *testing.T) {
	cfg := processors.DefaultConfig()
	cfg.Resource = &record.Resource{Attributes: []attribute.KeyValue{
		attribute.String("service.name", "shop"),
		attribute.StringSlice("process.command_args", []string{"shop", "--api-key=" + canary}),
	}}
	before, behind := &sinktest.Memory{}, &sinktest.Memory{}
	step := newRedact(t, nil)
	p := newPipeline(t, cfg, newSimple(t, before, "before", nil), step, newSimple(t, behind, "behind", nil))
	scope := record.Scope{Name: "shop", Attributes: []attribute.KeyValue{attribute.String("auth_token", canary)}}
	l := p.Logger(scope)
	for range 2 {
		r := secretive()
		if err := l.Emit(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
	}
	logAs(t, p, "other", log.SeverityInfo1, "token bucket is full")
	for _, r := range before.Records()[:2] {
		if n := strings.Count(everything(&r), canary); n != 8 {
			t.Fatalf("the record has %d secrets, want 8 to find: %s", n, everything(&r))
		}
	}
	recs := behind.Records()
	for _, r := range recs {
		if got := everything(&r); strings.Contains(got, canary) {
			t.Errorf("a secret passed: %s", got)
		}
		if got := everything(&r); !strings.Contains(got, "service.name") {
			t.Errorf("the resource has lost more than its secrets: %s", got)
		}
	}
	if got, want := recs[0].Body.AsString(), "login failed, password=[REDACTED], giving up"; got != want {
		t.Errorf("body %q, want %q", got, want)
	}
	if v, _ := recs[0].Attr("status"); v.AsInt64() != 500 {
		t.Errorf("status is %v, want 500", v)
	}
	// Encoders group neighbours by these pointers.
	if recs[0].Origin != recs[1].Origin || recs[0].Origin.Resource != recs[2].Origin.Resource {
		t.Error("equal origins, or resources, have become different ones")
	}
	if got := p.Stats().Steps; len(got) != 1 || got[0].Name != "redact" || got[0].Changed != 2 {
		t.Errorf("books %+v, want two records changed by redact", got)
	}
}

// sdkKeeper is an SDK processor that remembers what it is given.
type sdkKeeper struct {
	sdklog.Processor
	got []string
}

func (k *sdkKeeper) OnEmit(_ context.Context, r *sdklog.Record) error {
	all := r.Body().String()
	r.WalkAttributes(func(kv attribute.KeyValue) bool { all += fmt.Sprint(" ", kv); return true })
	k.got = append(k.got, all)
	return nil
}

func (*sdkKeeper) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (*sdkKeeper) Shutdown(context.Context) error                         { return nil }
func (*sdkKeeper) ForceFlush(context.Context) error                       { return nil }

func TestRedactReachesSDKProcessorsBehind(t *testing.T) {
	p := newPipeline(t, processors.DefaultConfig(), newRedact(t, nil), newSimple(t, &sinktest.Memory{}, "m", nil))
	keeper := &sdkKeeper{}
	provider := sdklog.NewLoggerProvider(append(p.ProviderOptions(), sdklog.WithProcessor(keeper))...)
	src := secretive()
	var r log.Record
	r.SetBody(src.Body)
	r.AddAttributes(src.Attributes...)
	provider.Logger("shop").Emit(t.Context(), r)
	if len(keeper.got) != 1 || strings.Contains(keeper.got[0], canary) || !strings.Contains(keeper.got[0], "[REDACTED]") {
		t.Errorf("a processor behind the pipeline got %q", keeper.got)
	}
}

// In a rule of a route the other branches see the record as it was.
func TestRedactInARule(t *testing.T) {
	inside, outside := &sinktest.Memory{}, &sinktest.Memory{}
	route, err := processors.NewRoute(processors.Rule{Processors: []processors.Processor{
		newRedact(t, nil), newSimple(t, inside, "inside", nil),
	}})
	if err != nil {
		t.Fatal(err)
	}
	p := newPipeline(t, processors.DefaultConfig(), route, newSimple(t, outside, "outside", nil))
	logAs(t, p, "x", log.SeverityInfo1, "password="+canary, attribute.String("password", canary))
	if in, out := inside.Records()[0], outside.Records()[0]; strings.Contains(everything(&in), canary) ||
		strings.Count(everything(&out), canary) != 2 {
		t.Errorf("inside %s, outside %s", everything(&in), everything(&out))
	}
}

func TestRedactFunc(t *testing.T) {
	handled := catchErrors(t)
	sink := &sinktest.Memory{}
	step := newRedact(t, func(cfg *processors.RedactConfig) {
		cfg.Name = "patients"
		cfg.Func = func(_ context.Context, r *record.Record) {
			if r.Body.AsString() == "panic" {
				panic("could not redact " + canary)
			}
			r.Body = attribute.StringValue(strings.ReplaceAll(r.Body.AsString(), "Ann", "[PATIENT]"))
		}
	})
	p, err := processors.NewPipeline(processors.DefaultConfig(), step, newSimple(t, sink, "m", nil))
	if err != nil {
		t.Fatal(err)
	}
	logAs(t, p, "x", log.SeverityInfo1, "Ann has token="+canary)
	r := record.Record{Body: attribute.StringValue("panic")}
	err = p.Logger(record.Scope{}).Emit(t.Context(), &r)
	if err == nil || !strings.Contains(err.Error(), "patients") || strings.Contains(err.Error(), canary) {
		t.Errorf("a panic gives %v, want an error that names the step, and no secret", err)
	}
	shutdown(t, p)
	if got := fmt.Sprint(bodies(sink.Records())); got != "[[PATIENT] has token=[REDACTED]]" {
		t.Errorf("passed %s", got)
	}
	if s := p.Stats().Steps[0]; s.Stopped[processors.CausePanic] != 1 {
		t.Errorf("%+v, want the record counted whose redaction panicked", s)
	}
	if strings.Contains(handled.String(), canary) {
		t.Errorf("the error handler got %q", handled)
	}
}

func TestRedactOfWrongConfig(t *testing.T) {
	cfg := processors.DefaultRedactConfig()
	cfg.Presets = []string{"secrts"}
	cfg.HashKey = canary
	_, err := processors.NewRedact(cfg)
	if err == nil || !strings.Contains(err.Error(), `redact: presets[0]: unknown preset "secrts"`) || !strings.Contains(err.Error(), "hash_key") {
		t.Errorf("%v, want both problems", err)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg.HashKey, err); strings.Contains(text, canary) {
		t.Errorf("the key shows: %s", text)
	}
}

func TestRedactAllocatesNothingWithoutSecrets(t *testing.T) {
	step := newRedact(t, func(cfg *processors.RedactConfig) { cfg.Presets = []string{"all"} })
	next := func(context.Context, *record.Record) error { return nil }
	r := record.Record{
		Body:       attribute.StringValue("order 4711 placed by user 12, total=99.95"),
		Attributes: []attribute.KeyValue{attribute.String("http.request.method", "GET"), attribute.Int("status", 200)},
		Origin:     &record.Origin{Resource: &record.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "shop")}}},
	}
	if n := testing.AllocsPerRun(100, func() { _ = step.OnEmit(context.Background(), &r, next) }); n != 0 {
		t.Errorf("%v allocations a record, want 0", n)
	}
}

func ExampleNewRedact() {
	cfg := terminal.DefaultConfig()
	cfg.Format, cfg.Writer = "logfmt", os.Stdout
	sink, err := terminal.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := processors.NewSimple(sink, processors.DefaultSimpleConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	rc := processors.DefaultRedactConfig()
	rc.Keys = []string{"customer.*"}
	step, err := processors.NewRedact(rc)
	if err != nil {
		fmt.Println(err)
		return
	}
	pipeline, err := processors.NewPipeline(processors.DefaultConfig(), step, out)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pipeline.Shutdown(context.Background())
	r := record.Record{Severity: log.SeverityInfo, Body: attribute.StringValue("GET /pay?access_token=4f9a81c2&order=7")}
	r.AddAttributes(attribute.String("customer.name", "Ann"), attribute.String("db.password", "hunter2"), attribute.Int("max_tokens", 512))
	if err := pipeline.Logger(record.Scope{Name: "shop"}).Emit(context.Background(), &r); err != nil {
		fmt.Println(err)
	}
	// Output: level=INFO logger=shop msg="GET /pay?access_token=[REDACTED]&order=7" customer.name=[REDACTED] db.password=[REDACTED] max_tokens=512
}
