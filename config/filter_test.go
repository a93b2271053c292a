package config

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/processors"
)

func TestFilter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.jsonl")
	rt := start(t, `
logger_provider:
  processors:
    - filter:
        keep: [{loggers: [shop]}, {minimum_severity: warn}]
        drop: [{attributes: {path: "/health*"}}, {loggers: ["*.noise"], not: {body: urgent}}]
    - route:
        rules:
          - processors:
              - filter: {name: errors, keep: [{minimum_severity: error}]}
              - async: {exporter: {discard: }}
    - async: {exporter: {file: {path: "`+path+`"}}}
`)
	rt.Logger("shop.cart").Info("kept by its logger")
	rt.Logger("shop.cart").Info("dropped by its path", "path", "/healthz")
	rt.Logger("shop.noise").Warn("dropped by its logger")
	rt.Logger("shop.noise").Error("urgent")
	rt.Logger("tool").Warn("kept by its severity")
	rt.Logger("tool").Info("pruned")
	if err := rt.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range lines(t, path) {
		_, rest, _ := strings.Cut(line, `"msg":"`)
		msg, _, _ := strings.Cut(rest, `"`)
		got = append(got, msg)
	}
	if diff := cmp.Diff([]string{"kept by its logger", "urgent", "kept by its severity"}, got); diff != "" {
		t.Error(diff)
	}
	filtered := func(n uint64) map[string]uint64 { return map[string]uint64{processors.CauseFiltered: n} }
	want := []processors.StepStats{{Name: "redact"}, {Name: "filter", Stopped: filtered(2)}, {Name: "errors", Stopped: filtered(2)}}
	if diff := cmp.Diff(want, rt.Stats().Steps); diff != "" {
		t.Error(diff)
	}
	if n := rt.Stats().Exporters[0].Delivered; n != 1 {
		t.Errorf("%d errors delivered, want 1", n)
	}
}
