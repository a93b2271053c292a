package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/processors"
)

// exampleFiles returns the standard's published example files.
func exampleFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "shared", "schema", "standard", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the standard's examples are not here")
	}
	return files
}

// Of the standard's examples, those that need only what is built in start; the
// others name the component that is not.
func TestStandardExamples(t *testing.T) {
	notBuiltIn := map[string]string{
		"ExperimentalOtlpFileExporter_logs_file.yaml":   `:7:11: logger_provider.processors[0].batch.exporter.otlp_file/development: exporter "otlp_file/development" is not built into this binary`,
		"ExperimentalOtlpFileExporter_logs_stdout.yaml": `:7:11: logger_provider.processors[0].batch.exporter.otlp_file/development: exporter "otlp_file/development" is not built into this binary`,
		"OtlpGrpcExporter_logs_kitchen_sink.yaml":       `:7:11: logger_provider.processors[0].batch.exporter.otlp_grpc: exporter "otlp_grpc" is not built into this binary`,
	}
	for _, file := range exampleFiles(t) {
		name := filepath.Base(file)
		doc, err := Load(file)
		if want, ok := notBuiltIn[name]; ok {
			var problems Errors
			if !errors.As(err, &problems) || len(problems) != 1 || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want the one error %s", name, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		rt, err := doc.Start(t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n := len(rt.Stats().Exporters); n != 1 && name != "Resource_kitchen_sink.yaml" {
			t.Errorf("%s: %d exporters", name, n)
		}
		if err := rt.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The parts of the examples that are another SDK's are valid and not started.
func TestIgnored(t *testing.T) {
	doc := parse(t, `
log_level: debug
propagator: {composite: [{tracecontext: }]}
tracer_provider: {processors: [{batch: {exporter: {otlp_http: }}}]}
meter_provider:
instrumentation/development: {}
distribution: {other: {anything: 1}, sluice: {exporters: {spare: {discard: }, used: {discard: }}}}
logger_provider: {processors: [{async: {exporter: {ref: used}}}]}
`)
	want := []string{"log_level", "propagator", "tracer_provider", "instrumentation/development", "distribution.sluice.exporters.spare"}
	if diff := cmp.Diff(want, doc.Ignored()); diff != "" {
		t.Error(diff)
	}
	if got := parse(t, "log_level: INFO").Ignored(); got != nil {
		t.Errorf("ignored: %v", got)
	}
}

// parse parses a document without its first line.
func parse(t testing.TB, doc string, opts ...Option) *Document {
	t.Helper()
	d, err := Parse("F", []byte("file_format: \"1.1\"\n"+doc), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// problem returns the one error that a document gives.
func problem(t testing.TB, doc string) *Error {
	t.Helper()
	_, err := Parse("F", []byte(doc))
	var problems Errors
	if !errors.As(err, &problems) || len(problems) != 1 {
		t.Fatalf("want one problem, have %v", err)
	}
	return problems[0]
}

func TestFileFormats(t *testing.T) {
	for _, ok := range []string{`"1.0"`, `"1.1"`, `"1.0-rc.2"`, `'1.1'`, `1.1`} {
		if _, err := Parse("F", []byte("file_format: "+ok)); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{`"0.4"`, `"1.2"`, `"1.0-beta"`, `"1"`, `"11.0"`, `"1.10"`} {
		if e := problem(t, "file_format: "+bad); e.Path != "file_format" {
			t.Errorf("%s: %v", bad, e)
		}
	}
}

// JSON is YAML.
func TestJSON(t *testing.T) {
	doc, err := Parse("F", []byte(`{"file_format": "1.1", "logger_provider": {"processors": [{"async": {"exporter": {"discard": null}, "schedule_delay": "50ms"}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	c := doc.model.LoggerProvider.Processors[0].config.(*async)
	if c.ScheduleDelay.String() != "50ms" {
		t.Errorf("schedule_delay is %s", c.ScheduleDelay)
	}
}

// A key without a value is a key that is not given.
func TestNullKeepsDefaults(t *testing.T) {
	doc := parse(t, `
disabled:
attribute_limits:
resource: {attributes: , attributes_list: , schema_url: ~, detection/development: }
logger_provider:
  processors:
    - async:
        match:
        max_queue_size:
        max_queue_bytes: null
        schedule_delay: ${NOWHERE}
        on_full:
        exporter: {file: {path: a.log, mode: , rotation: , permissions: , include: }}
    - batch: {schedule_delay: , export_timeout: , max_queue_size: , max_export_batch_size: , exporter: {console: }}
  limits: {attribute_value_length_limit: , attribute_count_limit: }
  logger_configurator/development:
`)
	c := doc.model.LoggerProvider.Processors[0].config.(*async)
	want := processors.DefaultBatchConfig()
	want.Name = "file"
	if diff := cmp.Diff(want, c.BatchConfig); diff != "" {
		t.Errorf("async: %s", diff)
	}
	b := doc.model.LoggerProvider.Processors[1].config.(*batch)
	if b.ScheduleDelay != 1000 || b.ExportTimeout != 30000 || b.MaxQueueSize != 2048 || b.MaxExportBatchSize != 512 || b.onFull != processors.DropOldest {
		t.Errorf("batch: %+v", b)
	}
}

func TestOnFullBlock(t *testing.T) {
	doc := parse(t, `
logger_provider:
  processors:
    - async: {exporter: {discard: }}
    - async: {on_full: block, exporter: {discard: }}
    - async: {on_full: drop_newest, exporter: {discard: }}
    - async: {block_timeout: 3s, exporter: {discard: }}
    - async:
        on_full: ${NOWHERE}
        exporter: {discard: }
    - batch: {exporter: {console: }}
    - route: {rules: [{processors: [{async: {exporter: {discard: }}}]}]}
`, OnFullBlock())
	var got []string
	show := func(c processors.BatchConfig) { got = append(got, fmt.Sprint(c.OnFull, " ", c.BlockTimeout)) }
	list := doc.model.LoggerProvider.Processors
	for _, p := range list[:5] {
		show(p.config.(*async).BatchConfig)
	}
	show(processors.BatchConfig{OnFull: list[5].config.(*batch).onFull})
	show(list[6].config.(*route).Rules[0].Processors[0].config.(*async).BatchConfig)
	want := []string{"block unlimited", "block 1s", "drop_newest 1s", "block 3s", "block unlimited", "block 0s", "block unlimited"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNames(t *testing.T) {
	t.Chdir(t.TempDir())
	doc := parse(t, `
logger_provider:
  processors:
    - async: {exporter: {discard: }}
    - async: {exporter: {discard: {name: file}}}
    - async: {name: mine, exporter: {discard: {name: its}}}
    - async: {exporter: {file: {path: a}}}
    - async: {exporter: {retry: {exporter: {file: {path: b}}}}}
    - async: {exporter: {retry: {exporter: {file: {path: c, name: audit}}}}}
    - async: {exporter: {retry: {name: patient, exporter: {discard: }}}}
    - route: {rules: [{processors: [{simple: {exporter: {console: }}}, {batch: {exporter: {console: }}}, {async: {exporter: {ref: archive}}}, {async: {exporter: {ref: {name: archive}}}}]}]}
    - async: {name: discard/2, exporter: {terminal: }}
    - async: {exporter: {discard: }}
distribution: {sluice: {exporters: {archive: {file: {path: d}}}}}
`)
	rt, err := doc.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Shutdown(t.Context())
	var got []string
	for _, e := range rt.Stats().Exporters {
		got = append(got, e.Name)
	}
	want := []string{"discard", "file", "mine", "file/2", "file/3", "audit", "patient", "console", "console/2", "archive", "archive/2", "discard/2", "discard/3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMerge(t *testing.T) {
	doc := parse(t, `
logger_provider:
  processors:
    - async: &base
        max_queue_size: 77
        schedule_delay: 5ms
        exporter: {discard: }
    - async:
        <<: *base
        schedule_delay: 6ms
    - async:
        <<: [{max_queue_size: 88, max_export_batch_size: 44}, *base]
`)
	var got []string
	for _, p := range doc.model.LoggerProvider.Processors {
		c := p.config.(*async)
		got = append(got, fmt.Sprint(c.MaxQueueSize, c.MaxExportBatchSize, c.ScheduleDelay))
	}
	want := []string{"77 77 5ms", "77 77 6ms", "88 44 5ms"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLevelRules(t *testing.T) {
	doc := parse(t, `
logger_provider:
  processors: [{simple: {exporter: {console: }}}]
  logger_configurator/development:
    default_config: {minimum_severity: WARN}
    loggers:
      - {name: shop, config: {minimum_severity: debug2, trace_based: true}}
      - {name: shop.noise.*, config: {enabled: false, minimum_severity: info}}
      - {name: all, config: {enabled: true}}
`, WithLevels("info,all=error,tool=debug"), WithLevels("tool=trace"))
	c := doc.model.LoggerProvider.Configurator
	want := processors.LevelRules{
		"": log.SeverityWarn, "shop": log.SeverityDebug2, "shop.noise.*": processors.SeverityOff, "all": log.SeverityTrace1, "tool": log.SeverityTrace1,
	}
	if diff := cmp.Diff(want, c.rules(doc.options.levels)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]bool{"": false, "shop": true, "shop.noise.*": false, "all": false}, c.traceBased()); diff != "" {
		t.Error(diff)
	}
}

// Files larger, deeper or with more behind their aliases than anybody writes
// are refused, whatever they hold, before any memory is spent on them.
func TestLimits(t *testing.T) {
	const start = "file_format: \"1.1\"\ndistribution: {other: {x: "
	bomb := "file_format: \"1.1\"\ndistribution:\n  other:\n    a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 30 {
		bomb += fmt.Sprintf("    a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	mergeBomb := "a0: &a0 {k0: 1}\n"
	for i := range 40 {
		mergeBomb += fmt.Sprintf("a%d: &a%d {k%d: 1, <<: [*a%d, *a%d]}\n", i+1, i+1, i+1, i, i)
	}
	for name, c := range map[string]struct{ doc, want string }{
		"10 MB":       {strings.Repeat("# nothing\n", 1<<20), "F:1:1: the file is larger than 1024 KiB"},
		"deep":        {start + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}}", "nested more than 100 levels deep"},
		"deeper":      {start + strings.Repeat("[", 200000) + strings.Repeat("]", 200000) + "}}", "exceeded max depth"},
		"many":        {start + "[" + strings.Repeat("1,", 200000) + "1]}}", "more than 100000 values"},
		"alias bomb":  {bomb, "more than 100000 values, aliases counted as often as they are used"},
		"merge bomb":  {mergeBomb, "more than 100000 values"},
		"many errors": {start + "1}}\n" + manyKeys(5000), "unknown key"},
	} {
		_, err := Parse("F", []byte(c.doc))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %.300v", name, err)
			continue
		}
		if n := strings.Count(err.Error(), "\n") + 1; n > maxErrors {
			t.Errorf("%s: %d errors", name, n)
		}
		if n := len(err.Error()); n > 200_000 {
			t.Errorf("%s: %d bytes of errors", name, n)
		}
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s%d: 1\n", strings.Repeat("k", 100), i)
	}
	return b.String()
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a directory: %v", err)
	}
	path := filepath.Join(dir, "a.yaml")
	if err := os.WriteFile(path, []byte(strings.Repeat("#", maxFileSize+1)), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a large file: %v", err)
	}
	if err := os.WriteFile(path, []byte("\n\nfile_format: \"3\""), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), path+":3:14: file_format: ") {
		t.Errorf("a broken file: %v", err)
	}
}

// Whatever is read, the answer is a document or errors with places, and no
// error tells what the environment holds.
func FuzzParse(f *testing.F) {
	if data, err := os.ReadFile("testdata/broken.txt"); err == nil {
		for c := range strings.SplitSeq(string(data), "\n=== ") {
			_, doc, _ := strings.Cut(c, "\n")
			doc, _, _ = strings.Cut(doc, "\n--- errors\n")
			f.Add([]byte(doc))
		}
	}
	if files, err := filepath.Glob("../../shared/schema/standard/*.yaml"); err == nil {
		for _, file := range files {
			if data, err := os.ReadFile(file); err == nil {
				f.Add(data)
			}
		}
	}
	const secret = "q7Zk-hunter2"
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, name := range []string{"SECRET", "SECRET_NUMBER", "SECRET_WORD", "SECRET_LIST"} {
			t.Setenv(name, secret)
		}
		_, err := Parse("F", data)
		if err == nil {
			return
		}
		var problems Errors
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("an error without a place: %v", err)
		}
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Msg == "" {
				t.Errorf("no place: %+v", p)
			}
			if strings.ContainsAny(p.Error(), "\n\r\x1b\x00") {
				t.Errorf("control characters: %q", p.Error())
			}
		}
		if strings.Contains(err.Error(), secret) && !strings.Contains(string(data), secret) {
			t.Errorf("the environment shows: %v", err)
		}
	})
}

// TestNoText: the hint for a file that is no text speaks of that, even where
// its bytes look like the mistakes of people.
func TestNoText(t *testing.T) {
	_, err := Parse("F", []byte("\tfile_format: \xff\xfe"))
	if err == nil || !strings.Contains(err.Error(), "no text in UTF-8") || strings.Contains(err.Error(), "tabs") {
		t.Errorf("have %v", err)
	}
}
