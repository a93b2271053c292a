package config

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// TestRedactByDefault: secrets are redacted before anything else sees them,
// unless the file says otherwise.
func TestRedactByDefault(t *testing.T) {
	const secret = "hunter2-Zq9"
	for name, c := range map[string]struct {
		processors, distribution string
		out                      bool
	}{
		"nothing said":      {processors: "[%s]"},
		"own for emails":    {processors: "[{redact: {presets: [emails]}}, %s]", out: true},
		"own for all":       {processors: "[{redact: {presets: [all]}}, %s]"},
		"own in one rule":   {processors: "[{route: {rules: [{processors: [{redact: {presets: [emails]}}, %s]}]}}]"},
		"own too late":      {processors: "[{async: {exporter: {discard: }}}, {redact: {presets: [emails]}}, %s]"},
		"switched off":      {processors: "[%s]", distribution: "distribution: {sluice: {redact: false}}", out: true},
		"switched on twice": {processors: "[{redact: }, %s]", distribution: "distribution: {sluice: {redact: true}}"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.jsonl")
			async := fmt.Sprintf("{async: {exporter: {file: {path: %q}}}}", path)
			rt := start(t, "logger_provider: {processors: "+fmt.Sprintf(c.processors, async)+"}\n"+c.distribution+"\n")
			rt.Logger("shop").Info("login", "password", secret)
			if err := rt.Shutdown(context.Background()); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(lines(t, path), "\n"); strings.Contains(got, secret) != c.out || !strings.Contains(got, "login") {
				t.Errorf("%s", got)
			}
		})
	}
}

// TestWithProcessors: steps made in Go stand in front of the file's, behind
// the redaction.
func TestWithProcessors(t *testing.T) {
	memory := &sinktest.Memory{}
	step, err := processors.NewSimple(memory, processors.DefaultSimpleConfig())
	if err != nil {
		t.Fatal(err)
	}
	filter := processors.DefaultFilterConfig()
	filter.Func = func(_ context.Context, r *record.Record) bool { return r.Body.AsString() != "noise" }
	asks, err := processors.NewFilter(filter)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "app.jsonl")
	rt := start(t, fmt.Sprintf("logger_provider: {processors: [{redact: {presets: [emails]}}, {async: {exporter: {file: {path: %q}}}}]}\n", path), WithProcessors(asks, step))
	rt.Logger("shop").Info("noise")
	rt.Logger("shop").Info("login", "password", "hunter2", "user", "ann@shop.example")
	if err := rt.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	recs := memory.Records()
	if len(recs) != 1 || recs[0].Attributes[0].Value.AsString() != "[REDACTED]" || recs[0].Attributes[1].Value.AsString() != "ann@shop.example" {
		t.Errorf("the exporter in Go got %+v", recs)
	}
	if got := lines(t, path); len(got) != 1 || strings.Contains(got[0], "ann@") || strings.Contains(got[0], "hunter2") {
		t.Errorf("the file holds %s", got)
	}
}
