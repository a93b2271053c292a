package sluice_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/seed2f724858/sluice"
	"github.com/seed2f724858/sluice/config"
	"github.com/seed2f724858/sluice/exporters/otlp"
)

// withEnvironment lets a configuration file name otlp_env, which is otlp with
// what OTEL_EXPORTER_OTLP_… say for defaults.
func withEnvironment() (sluice.Option, error) {
	defaults, err := otlp.FromEnvironment()
	if err != nil {
		return nil, err // it names the variable
	}
	env := config.NewExporterType("otlp_env", func() otlp.Config { return defaults }, otlp.New).Network()
	return sluice.WithConfigOptions(config.WithExporterTypes(env)), nil
}

// TestEnvironment: the example in the document sends where the variables say,
// and nothing else does.
func TestEnvironment(t *testing.T) {
	asked := make(chan string, 1)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path + " " + r.Header.Get("X-Tenant")
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=shop")
	file := filepath.Join(t.TempDir(), "sluice.yaml")
	text := fmt.Sprintf(`
file_format: "1.1"
logger_provider:
  processors:
    - async: {exporter: {spool: {directory: %q, exporter: {otlp_env: {}}}}}
`, filepath.Join(t.TempDir(), "queue"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	environment, err := withEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	rt, err := sluice.Start(sluice.WithConfigFile(file), environment)
	if err != nil {
		t.Fatal(err)
	}
	rt.Logger("shop").Info("order placed")
	if err := rt.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got, want := <-asked, "/v1/logs shop"; got != want {
		t.Errorf("the collector got %q, want %q", got, want)
	}

	document, err := os.ReadFile("docs/otlp.md")
	if err != nil {
		t.Fatal(err)
	}
	function := regexp.MustCompile("(?s)```go\n(func withEnvironment.*?)```").FindSubmatch(document)
	if function == nil {
		t.Fatal("the document has no function")
	}
	example, err := os.ReadFile("example_environment_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(example, function[1]) {
		t.Error("the document's function is not that of the example")
	}
}
