package config

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/processors"
)

// TestVolume runs the steps that limit the volume from a file.
func TestVolume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.jsonl")
	rt := start(t, `
logger_provider:
  processors:
    - dedup: {interval: 1h, by: [body, tenant]}
    - rate_limit: {per_second: 1e-3, burst: 3, by: [logger], exempt: [{minimum_severity: warn}]}
    - sample: {ratio: 0, exempt: [{loggers: [shop, sluice]}, {minimum_severity: error}]}
    - route:
        rules:
          - processors:
              - rate_limit: {name: calm, per_second: 100}
              - sample: {trace_based: true}
              - dedup:
              - simple: {exporter: {discard: }}
    - async: {exporter: {file: {path: "`+path+`"}}}
`)
	shop, tool := rt.Logger("shop"), rt.Logger("tool")
	for range 3 {
		shop.Info("a", "tenant", "acme")
		shop.Info("a", "tenant", "evil")
	}
	for _, msg := range []string{"b", "c", "d"} {
		shop.Info(msg)
		tool.Info(msg + "'")
	}
	shop.Warn("e")
	tool.Error("f")
	if err := rt.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range lines(t, path) {
		_, rest, _ := strings.Cut(line, `"msg":"`)
		msg, _, _ := strings.Cut(rest, `"`)
		if _, count, ok := strings.Cut(line, `"sluice.dedup.count":`); ok {
			msg += "*" + count[:1]
		}
		got = append(got, msg)
	}
	// The limit stops c and d, and the summaries as well: it comes after dedup.
	want := []string{"a", "a", "b", "e", "f", "sluice: 4 records suppressed (rate limit, logger=shop)"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	stopped := func(cause string, n uint64) map[string]uint64 { return map[string]uint64{cause: n} }
	steps := []processors.StepStats{
		{Name: "redact"},
		{Name: "dedup", Stopped: stopped(processors.CauseDuplicate, 4), Added: 2},
		{Name: "rate_limit", Stopped: stopped(processors.CauseRateLimited, 4), Added: 1},
		{Name: "sample"}, // what it stops is known by the logger, and not even built
		{Name: "calm"},
		{Name: "sample/2"},
		{Name: "dedup/2", Stopped: stopped(processors.CauseDuplicate, 1), Added: 1},
	}
	if diff := cmp.Diff(steps, rt.Stats().Steps); diff != "" {
		t.Error(diff)
	}
}
