package config

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "app.jsonl")
	doc, err := Parse("test.yaml", []byte(`
file_format: "1.1"
logger_provider:
  processors:
    - async: {exporter: {file: {path: `+path+`}}}
    - route:
        rules:
          - match: {loggers: [shop]}
            processors:
              - batch: {exporter: {discard: {name: gone}}}
              - simple: {exporter: {discard: }}
`))
	if err != nil {
		t.Fatal(err)
	}
	rt, err := doc.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rt.Logger("shop").Info("hello")
	if err := rt.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(got), `"logger":"shop","msg":"hello"`) {
		t.Errorf("file: %s, %v", got, err)
	}
	names := []string{}
	for _, e := range rt.Stats().Exporters {
		if e.Accepted != 1 || e.Delivered != 1 {
			t.Errorf("%+v", e)
		}
		names = append(names, e.Name)
	}
	if got := strings.Join(names, " "); got != "file gone discard" {
		t.Errorf("names: %s", got)
	}
}
