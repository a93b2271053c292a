package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func TestMain(m *testing.M) {
	// They would show in every resource.
	for _, name := range []string{"OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME", processors.EnvLevels} {
		_ = os.Unsetenv(name)
	}
	goleak.VerifyTestMain(m)
}

// start starts a document without its first line.
func start(t *testing.T, doc string, opts ...Option) *Runtime {
	t.Helper()
	rt, err := parse(t, doc, opts...).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rt.Shutdown(context.Background()) })
	return rt
}

// lines returns the lines of a file.
func lines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func TestStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "app.jsonl")
	rt := start(t, `
logger_provider:
  processors:
    - async: {match: {minimum_severity: debug}, exporter: {file: {path: "`+path+`"}}}
    - route:
        rules:
          - match: {loggers: [shop], minimum_severity: info}
            processors:
              - batch: {exporter: {discard: {name: gone}}}
              - simple: {exporter: {discard: }}
            stop: true
    - async: {name: rest, exporter: {discard: }}
`)
	rt.Logger("shop.cart").Info("hello")
	rt.Logger("shop.cart").Debug("detail")
	rt.Logger("tool").Info("other")
	if err := rt.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, path); len(got) != 3 || !strings.Contains(got[0], `"logger":"shop.cart","msg":"hello"`) {
		t.Errorf("file: %s", got)
	}
	got := map[string]uint64{}
	for _, e := range rt.Stats().Exporters {
		if e.Accepted != e.Delivered {
			t.Errorf("%+v", e)
		}
		got[e.Name] = e.Delivered
	}
	if diff := cmp.Diff(map[string]uint64{"file": 3, "gone": 1, "discard": 1, "rest": 2}, got); diff != "" {
		t.Error(diff)
	}
}

// A start that fails leaves nothing open: everything can be started again
// without the exporter that is at fault.
func TestStartFails(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	if err := os.WriteFile(taken, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LOG_DIR", taken)
	good := fmt.Sprintf(`
logger_provider:
  processors:
    - async: {exporter: {file: {path: "%[1]s/a.log"}}}
    - async: {exporter: {ref: archive}}
    - route: {rules: [{processors: [{simple: {exporter: {retry: {exporter: {file: {path: "%[1]s/b.log"}}}}}}]}]}
    - simple: {exporter: {ref: archive}}
`, dir)
	shared := fmt.Sprintf(`
distribution: {sluice: {exporters: {archive: {file: {path: "%s/c.log"}}}}}
`, dir)
	bad := `
    - route:
        rules:
          - processors:
              - async: {exporter: {discard: }}
          - processors:
              - async: {exporter: {discard: }}
              - batch:
                  exporter:
                    retry: {exporter: {file: {path: "${LOG_DIR}/x.log"}}}
`
	_, err := parse(t, good+bad+shared).Start(t.Context())
	problem, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	const path = "logger_provider.processors[4].route.rules[1].processors[1].batch.exporter.retry.exporter.file"
	if problem.Line != 18 || problem.Path != path || strings.Contains(err.Error(), taken) || !strings.Contains(err.Error(), "${LOG_DIR}/x.log") {
		t.Errorf("got %v", err)
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); !ok || pathErr.Err == nil {
		t.Errorf("the cause is not in %v", err)
	}
	rt := start(t, good+shared)
	rt.Logger("a").Info("works")
	if err := rt.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	for name, n := range map[string]int{"a.log": 1, "b.log": 1, "c.log": 2} {
		if got := lines(t, filepath.Join(dir, name)); len(got) != n {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// A path from the environment stays hidden in the form that it is used in, too.
func TestStartHidesPaths(t *testing.T) {
	taken := filepath.Join(t.TempDir(), "taken")
	if err := os.WriteFile(taken, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LOG_DIR", taken+"//hunter2/../hunter3")
	doc := parse(t, `
logger_provider: {processors: [{async: {exporter: {file: {path: "${LOG_DIR}/x.log"}}}}]}
`)
	if _, err := doc.Start(t.Context()); err == nil || strings.Contains(err.Error(), "hunter") || !strings.Contains(err.Error(), "${LOG_DIR}/x.log") {
		t.Errorf("got %v", err)
	}
}

func TestBadEnvironmentLevels(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	doc := parse(t, `
logger_provider: {processors: [{async: {exporter: {file: {path: "`+path+`"}}}}]}
`)
	t.Setenv("SLUICE_LEVELS", "loud")
	if _, err := doc.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "SLUICE_LEVELS") {
		t.Errorf("got %v", err)
	}
	t.Setenv("SLUICE_LEVELS", "")
	rt, err := doc.Start(t.Context()) // the file is free again
	if err != nil {
		t.Fatal(err)
	}
	if err := rt.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// Both users of a shared exporter write to it; it closes with the last one.
func TestSharedSink(t *testing.T) {
	sink := &sinktest.Memory{}
	sh := &shared{sink: sink}
	sh.users.Add(2)
	a, b := &share{shared: sh}, &share{shared: sh}
	ctx := t.Context()
	write := func(s *share) error {
		_, err := s.Write(ctx, make([]record.Record, 1))
		return err
	}
	for range 2 {
		if err := a.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if write(a) == nil {
		t.Error("a user that is shut down still writes")
	}
	if err := write(b); err != nil {
		t.Errorf("the other user cannot write any more: %v", err)
	}
	if err := b.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Write(ctx, nil); err == nil {
		t.Error("the sink is still open")
	}
	if sink.Len() != 1 {
		t.Errorf("%d records", sink.Len())
	}
}

// 0 as a timeout is no limit, and a batch never waits for more than the queue
// can hold: what the standard's keys allow starts.
func TestStandardBatch(t *testing.T) {
	rt := start(t, `
logger_provider:
  processors:
    - batch: {schedule_delay: 0, export_timeout: 0, max_queue_size: 3, exporter: {console: }}
    - batch: {max_queue_size: 3, max_export_batch_size: 9, exporter: {console: }}
`)
	if err := rt.ForceFlush(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(rt.Stats().Exporters); n != 2 {
		t.Errorf("%d exporters", n)
	}
}

func TestDisabled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	for name, doc := range map[string]string{
		"disabled": `
disabled: true
logger_provider: {processors: [{async: {exporter: {file: {path: "` + path + `"}}}}]}`,
		"no provider": "",
	} {
		rt := start(t, doc)
		if rt.Logger("a").Enabled(t.Context(), 100) {
			t.Errorf("%s: a logger is enabled", name)
		}
		rt.Logger("a").Error("goes nowhere")
		if err := rt.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a disabled configuration made a file: %v", err)
	}
}

// runtime returns a Runtime in front of a sink.
func runtime(t *testing.T, sink *sinktest.Script, cfg processors.BatchConfig) *Runtime {
	t.Helper()
	b, err := processors.NewBatch(sink, cfg)
	if err != nil {
		t.Fatal(err)
	}
	rt, err := NewRuntime(DefaultRuntimeConfig(), b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rt.Shutdown(context.Background()) })
	return rt
}

// Both ways in give the same record, with the same resource.
func TestTwoWays(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "region=eu,shop=env")
	sink := &sinktest.Script{}
	step, err := processors.NewBatch(sink, processors.DefaultBatchConfig())
	if err != nil {
		t.Fatal(err)
	}
	cfg := DefaultRuntimeConfig()
	cfg.Resource = resource.NewWithAttributes("https://example.test/schema", attribute.String("shop", "code"), attribute.Int("n", 1))
	rt, err := NewRuntime(cfg, step)
	if err != nil {
		t.Fatal(err)
	}
	rt.Logger("shop").Info("hello", "order", 7)
	var r log.Record
	r.SetSeverity(log.SeverityInfo)
	r.SetSeverityText("INFO")
	r.SetBody(attribute.StringValue("hello"))
	r.AddAttributes(attribute.Int("order", 7))
	rt.LoggerProvider().Logger("shop").Emit(t.Context(), r)
	if err := rt.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	recs := sink.Records()
	if len(recs) != 2 {
		t.Fatalf("%d records", len(recs))
	}
	for i := range recs {
		recs[i].Timestamp, recs[i].Observed = time.Time{}, time.Time{}
	}
	exact := cmp.Comparer(func(a, b attribute.Value) bool { return a == b })
	if diff := cmp.Diff(recs[0], recs[1], exact); diff != "" {
		t.Error(diff)
	}
	want := []attribute.KeyValue{attribute.Int("n", 1), attribute.String("region", "eu"), attribute.String("shop", "code")}
	if diff := cmp.Diff(want, recs[0].ResourceAttributes(), exact); diff != "" {
		t.Error(diff)
	}
	if err := rt.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// Shutdown releases a producer that waits for room, returns at its deadline
// though the exporter hangs, and counts what is lost.
func TestShutdownOfHangingExporter(t *testing.T) {
	entered := make(chan struct{}, 100)
	sink := &sinktest.Script{OnWrite: func(ctx context.Context, _ int, recs []record.Record) (int, error) {
		entered <- struct{}{}
		<-ctx.Done()
		return 0, ctx.Err()
	}}
	cfg := processors.DefaultBatchConfig()
	cfg.MaxQueueSize, cfg.MaxExportBatchSize, cfg.ScheduleDelay = 2, 1, 0
	cfg.OnFull, cfg.BlockTimeout = processors.Block, 1<<62
	rt := runtime(t, sink, cfg)
	var producers sync.WaitGroup
	for range 5 {
		producers.Go(func() {
			rt.Logger("direct").Info("x")
			var r log.Record
			r.SetSeverity(log.SeverityInfo)
			rt.LoggerProvider().Logger("sdk").Emit(context.Background(), r)
		})
	}
	<-entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := rt.Shutdown(ctx); err == nil {
		t.Error("no word of what was not sent")
	}
	producers.Wait()
	if err := rt.Shutdown(context.Background()); err != nil {
		t.Errorf("the second time: %v", err)
	}
	rt.Logger("direct").Info("late")
	s := rt.Stats().Exporters[0]
	if s.Delivered != 0 || s.Accepted != s.DroppedTotal() {
		t.Errorf("the books do not balance: %+v", s)
	}
}

func TestHealth(t *testing.T) {
	fail := make(chan error, 1)
	sink := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
		select {
		case err := <-fail:
			return 0, err
		default:
			return len(recs), nil
		}
	}}
	step, err := processors.NewSimple(sink, processors.SimpleConfig{Name: "mail", ExportTimeout: 1e9})
	if err != nil {
		t.Fatal(err)
	}
	rt, err := NewRuntime(DefaultRuntimeConfig(), step)
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Shutdown(context.Background())
	rt.Logger("a").Info("x")
	if err := rt.Health().Err(); err != nil {
		t.Errorf("healthy, and yet: %v", err)
	}
	fail <- errors.New("no route")
	rt.Logger("a").Info("x")
	if err := rt.Health().Err(); err == nil || !strings.Contains(err.Error(), "exporter mail: no route") {
		t.Errorf("got %v", err)
	}
}

func TestLoggers(t *testing.T) {
	rt := start(t, "")
	if rt.Logger("a") != rt.Logger("a") {
		t.Error("two loggers of one name")
	}
	for i := range 2 * maxLoggers {
		rt.Logger(fmt.Sprint("n", i))
	}
	if n := len(rt.loggers); n > maxLoggers {
		t.Errorf("%d loggers are kept", n)
	}
}

func TestResource(t *testing.T) {
	t.Setenv("NAME", "from-env")
	t.Setenv("VERSION", "2026")
	build := func(doc string, opts ...Option) map[attribute.Key]any {
		d := parse(t, doc, opts...)
		got := map[attribute.Key]any{}
		res := d.model.Resource.build(t.Context(), d.options.attributes)
		for _, kv := range res.Attributes() {
			got[kv.Key] = kv.Value.AsInterface()
		}
		got["schema"] = res.SchemaURL()
		return got
	}
	got := build(`
resource:
  attributes:
    - {name: service.name, value: "${NAME}"}
    - {name: bool, value: true, type: bool}
    - {name: int, value: -7, type: int}
    - {name: double, value: 1, type: double}
    - {name: hex, value: 0x1F, type: int}
    - {name: octal, value: 0o17, type: int}
    - {name: endless, value: -.inf, type: double}
    - {name: tiny, value: 1e-3, type: double}
    - {name: strings, value: [a, b], type: string_array}
    - {name: bools, value: [true, false], type: bool_array}
    - {name: ints, value: [1, 2], type: int_array}
    - {name: doubles, value: [1, 2.5], type: double_array}
    - {name: ignored, value: }
    - {name: listed, value: attributes win}
  attributes_list: "listed=no,  encoded = a%2Cb%20c , service.version=1.0.0,"
  schema_url: https://example.test/1.0
`, WithResource(attribute.String("service.name", "code"), attribute.String("code", "yes")))
	want := map[attribute.Key]any{
		"service.name": "from-env", "bool": true, "int": int64(-7), "double": 1.0, "hex": int64(31), "octal": int64(15), "endless": math.Inf(-1), "tiny": 0.001, "strings": []string{"a", "b"}, "bools": []bool{true, false},
		"ints": []int64{1, 2}, "doubles": []float64{1, 2.5}, "listed": "attributes win", "encoded": "a,b c", "service.version": "1.0.0", "code": "yes",
		"schema": "https://example.test/1.0", "telemetry.sdk.name": "opentelemetry", "telemetry.sdk.language": "go",
	}
	delete(got, "telemetry.sdk.version")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	got = build(`
resource:
  attributes: [{name: host.name, value: given}]
  detection/development:
    attributes: {included: [process.*, host.*, "os.ty?e"], excluded: [process.command*, "*.version"]}
    detectors: [{host: }, {process: }, {service: }, {container: }]
`)
	if got["process.pid"] != int64(os.Getpid()) || got["host.name"] != "given" || got["os.type"] == nil {
		t.Errorf("detected: %v", got)
	}
	for key := range got {
		if strings.HasPrefix(string(key), "process.command") || key == "process.runtime.version" || key == "os.description" || key == "service.instance.id" {
			t.Errorf("%s was to be left out", key)
		}
	}
	if got := build(""); got["service.name"] == nil || got["schema"] == "" {
		t.Errorf("no default: %v", got)
	}
}

// A configured level and limit hold for both ways in.
func TestLevelsAndLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	rt := start(t, `
attribute_limits: {attribute_value_length_limit: 3, attribute_count_limit: 1}
logger_provider:
  processors: [{async: {exporter: {file: {path: "`+path+`"}}}}]
  limits: {attribute_count_limit: 2}
  logger_configurator/development:
    default_config: {minimum_severity: warn}
    loggers:
      - {name: shop, config: {minimum_severity: debug}}
      - {name: shop.noise, config: {enabled: false}}
`)
	rt.Logger("other").Info("no")
	rt.Logger("shop.noise").Error("no")
	rt.Logger("shop.db").Debug("yes", "a", "12345", "b", 2, "c", 3)
	emit := func(name string, sev log.Severity) {
		var r log.Record
		r.SetSeverity(sev)
		r.SetBody(attribute.StringValue("sdk"))
		rt.LoggerProvider().Logger(name).Emit(t.Context(), r)
	}
	emit("other", log.SeverityInfo)
	emit("other", log.SeverityWarn)
	if err := rt.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := lines(t, path)
	if len(got) != 2 || !strings.Contains(got[0], `"msg":"yes"`) || !strings.Contains(got[0], `"a":"123","b":2`) ||
		!strings.Contains(got[0], `"dropped_attributes":1`) || !strings.Contains(got[1], `"msg":"sdk"`) {
		t.Errorf("got %s", strings.Join(got, "\n"))
	}
}
