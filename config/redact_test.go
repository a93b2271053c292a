package config

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
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
