package sluice

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log/global"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/config"
	"github.com/seed2f724858/sluice/exporters/terminal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// captureStdout returns what f writes to standard output.
func captureStdout(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	done := make(chan []byte)
	go func() {
		data, _ := io.ReadAll(r)
		done <- data
	}()
	func() {
		defer func() { os.Stdout = stdout }()
		f()
	}()
	_ = w.Close()
	data := <-done
	_ = r.Close()
	return string(data)
}

// logged starts a runtime, lets f log and returns what standard output shows.
func logged(t *testing.T, f func(rt *Runtime), opts ...Option) string {
	t.Helper()
	return captureStdout(t, func() {
		rt, err := Start(opts...)
		if err != nil {
			t.Fatal(err)
		}
		f(rt)
		if err := rt.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func threeLevels(rt *Runtime) {
	l := rt.Logger("shop.cart")
	l.Debug("d-e-t-a-i-l")
	l.Info("n-e-w-s")
	l.Error("t-r-o-u-b-l-e")
}

func found(text string) (marks string) {
	for _, s := range []string{"d-e-t-a-i-l", "n-e-w-s", "t-r-o-u-b-l-e"} {
		if strings.Contains(text, s) {
			marks += s[:1]
		}
	}
	return marks
}

func TestConsole(t *testing.T) {
	out := logged(t, threeLevels)
	if found(out) != "nt" || !strings.HasPrefix(out, `{"time":`) {
		t.Errorf("standard output, which is no terminal: %s", out)
	}
	if out := logged(t, threeLevels, WithConsole("logfmt")); found(out) != "nt" || !strings.Contains(out, `msg="n-e-w-s"`) {
		t.Errorf("logfmt: %s", out)
	}
	if out := logged(t, threeLevels, WithLevels("error,shop=debug")); found(out) != "dnt" {
		t.Errorf("levels: %s", out)
	}
	if out := logged(t, threeLevels, WithLevels("shop=error")); found(out) != "t" {
		t.Errorf("levels: %s", out)
	}
	t.Setenv("SLUICE_LEVELS", "shop.cart=error")
	if out := logged(t, threeLevels, WithLevels("debug")); found(out) != "t" {
		t.Errorf("SLUICE_LEVELS: %s", out)
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a $HOME ${HOME} #1: x", "shop.jsonl")
	out := logged(t, threeLevels, WithFile(path))
	if found(out) != "nt" {
		t.Errorf("console: %s", out)
	}
	data, err := os.ReadFile(path)
	if err != nil || found(string(data)) != "dnt" {
		t.Errorf("file: %s, %v", data, err)
	}
	if out := logged(t, threeLevels, WithFile(path), WithoutConsole()); out != "" {
		t.Errorf("without console: %s", out)
	}
}

// The options of package config hold for a file, and for the destinations that
// other options choose.
func TestConfigOptions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sluice.yaml")
	if err := os.WriteFile(path, []byte(`{file_format: "1.1", logger_provider: {processors: [{simple: {exporter: {other: }}}]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	types := config.WithExporterTypes(config.NewExporterType("other", terminal.DefaultConfig, terminal.New))
	if out := logged(t, threeLevels, WithConfigFile(path), WithConfigOptions(types)); found(out) != "dnt" {
		t.Errorf("standard output: %s", out)
	}
	if _, err := Start(WithConfigFile(path)); err == nil || !strings.Contains(err.Error(), `exporter "other" is not built into this binary`) {
		t.Errorf("without the option: %v", err)
	}
	if out := logged(t, threeLevels, WithConfigOptions(config.WithLevels("error"))); found(out) != "t" {
		t.Errorf("standard output: %s", out)
	}
}

func TestMeterProvider(t *testing.T) {
	reader := metric.NewManualReader()
	rt, err := Start(WithoutConsole(), WithFile(filepath.Join(t.TempDir(), "a.jsonl")),
		WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))))
	if err != nil {
		t.Fatal(err)
	}
	var running, stopped metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &running); err != nil || len(running.ScopeMetrics) == 0 {
		t.Errorf("%d scopes with metrics, %v", len(running.ScopeMetrics), err)
	}
	if err := rt.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := reader.Collect(t.Context(), &stopped); err != nil || len(stopped.ScopeMetrics) != 0 {
		t.Errorf("%d scopes with metrics after Shutdown, %v", len(stopped.ScopeMetrics), err)
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.yaml")
	if err := os.WriteFile(broken, []byte("file_format: \"1.1\"\nlogger_provider: {processor: []}\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  string
		opts []Option
		want string
	}{
		"format":             {"", []Option{WithConsole("colour")}, `sluice: terminal.format: unknown value "colour": want `},
		"no file name":       {"", []Option{WithFile("")}, "sluice: file.path: is empty: name the file to write"},
		"a directory":        {"", []Option{WithFile(dir)}, "is no regular file but a directory"},
		"levels":             {"", []Option{WithLevels("loud")}, `sluice: config: levels: "loud": unknown level`},
		"nothing left":       {"", []Option{WithoutConsole()}, "sluice: no destination is left: WithoutConsole needs WithFile beside it"},
		"file beside config": {"", []Option{WithConfigFile(broken), WithFile("x")}, "sluice: WithConfigFile stands alone"},
		"no such config":     {"", []Option{WithConfigFile(filepath.Join(dir, "none"))}, "sluice: config: open "},
		"broken config":      {"", []Option{WithConfigFile(broken)}, "broken.yaml:2:19: logger_provider.processor: unknown key"},
		"config by name":     {filepath.Join(dir, "none"), nil, "sluice: SLUICE_CONFIG: config: open "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SLUICE_CONFIG", c.env)
			rt, err := Start(c.opts...)
			if err == nil {
				_ = rt.Shutdown(context.Background())
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), generated) {
				t.Errorf("got %v", err)
			}
		})
	}
	_, err := Start(WithConfigFile(broken))
	if problem, ok := errors.AsType[*config.Error](err); !ok || problem.Line != 2 {
		t.Errorf("a configuration's error is not in %v", err)
	}
	if _, err := Start(WithConfigFile(filepath.Join(dir, "none"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestConfigFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, marker string) string {
		path := filepath.Join(dir, name)
		doc := `
file_format: "1.1"
resource: {attributes: [{name: deployment, value: ` + marker + `}]}
logger_provider:
  processors:
    - async: {exporter: {file: {path: ` + filepath.Join(dir, marker) + `, include: [resource]}}}
`
		if err := os.WriteFile(path, []byte(doc), 0o640); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, two, three := write("1.yaml", "one"), write("2.yaml", "two"), write("3.yaml", "three")
	wrote := func(marker string) bool {
		data, err := os.ReadFile(filepath.Join(dir, marker))
		_ = os.Remove(filepath.Join(dir, marker))
		return err == nil && bytes.Contains(data, []byte("t-r-o-u-b-l-e")) && bytes.Contains(data, []byte(`"deployment":"`+marker+`"`)) &&
			bytes.Contains(data, []byte(`"service.name":"shop"`))
	}
	t.Setenv(EnvOTelConfig, two)
	service := WithService("shop", "")
	logged(t, threeLevels, service)
	if !wrote("two") {
		t.Error("OTEL_CONFIG_FILE was not read")
	}
	t.Setenv(EnvConfig, one)
	if out := logged(t, threeLevels, service, WithConsole("json")); !wrote("one") || out != "" {
		t.Error("SLUICE_CONFIG does not have the last word")
	}
	logged(t, threeLevels, service, WithConfigFile(three))
	if !wrote("three") {
		t.Error("WithConfigFile was not read")
	}
}

func TestDefault(t *testing.T) {
	before, writer, flags := slog.Default(), log.Writer(), log.Flags()
	out := logged(t, func(rt *Runtime) {
		slog.Info("n-e-w-s", "from", "slog")
		log.Print("t-r-o-u-b-l-e from log")
		if global.GetLoggerProvider() != rt.LoggerProvider() {
			t.Error("the global provider is another one")
		}
	}, WithDefault(), WithService("shop", "1"))
	if found(out) != "nt" || strings.Count(out, `"logger":"shop"`) != 2 {
		t.Errorf("got %s", out)
	}
	if slog.Default() != before || log.Writer() != writer || log.Flags() != flags {
		t.Error("the defaults did not come back")
	}
}

// A default that was set by somebody else in the meantime stays.
func TestDefaultStays(t *testing.T) {
	before := slog.Default()
	writer, flags := log.Writer(), log.Flags()
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(writer)
		log.SetFlags(flags)
	})
	other := slog.New(slog.DiscardHandler)
	logged(t, func(*Runtime) { slog.SetDefault(other) }, WithDefault())
	if slog.Default() != other {
		t.Error("Shutdown took away somebody else's default")
	}
}

func TestResourceAttributes(t *testing.T) {
	var o options
	WithService("shop", "1.2.0")(&o)
	want := []attribute.KeyValue{attribute.String("service.name", "shop"), attribute.String("service.version", "1.2.0")}
	if len(o.attributes) != 2 || o.attributes[0] != want[0] || o.attributes[1] != want[1] {
		t.Errorf("got %v", o.attributes)
	}
}
