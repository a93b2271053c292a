package config

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/processors"
)

func TestSeverity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.jsonl")
	rt := start(t, `
logger_provider:
  processors:
    - severity:
        rules:
          - {match: {attributes: {error: "context canceled"}}, set: warn}
          - {match: {loggers: [audit]}, set: error2}
    - async: {match: {minimum_severity: warn}, exporter: {file: {path: "`+path+`"}}}
`)
	rt.Logger("shop").Error("harmless", "error", "context canceled")
	rt.Logger("shop").Error("serious", "error", "disk full")
	rt.Logger("audit").Debug("raised")
	rt.Logger("shop").Info("below")
	if err := rt.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range lines(t, path) {
		_, rest, _ := strings.Cut(line, `"level":"`)
		level, _, _ := strings.Cut(rest, `"`)
		got = append(got, level)
	}
	if diff := cmp.Diff([]string{"WARN", "ERROR", "ERROR2"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]processors.StepStats{{Name: "redact"}, {Name: "severity", Changed: 2}}, rt.Stats().Steps); diff != "" {
		t.Error(diff)
	}
}
