package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const endpoint = "http://127.0.0.1:4711/v1/logs"

// processor has what is looked for in the configuration.
type processor struct {
	Async struct {
		Exporter struct {
			File  struct{ Path string }
			Spool struct {
				Directory string
				Exporter  struct {
					OTLP struct{ Endpoint string }
				}
			}
		}
	}
	Route struct {
		Rules []struct{ Processors []processor }
	}
}

func TestConfigurationTakesAnyPath(t *testing.T) {
	for _, dir := range []string{"logs", `C:\logs`, `a b/"q"`, "it's # not: a comment", "größe\nnewline"} {
		f := filesIn(dir)
		text, err := configFor(f, endpoint)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Provider struct{ Processors []processor } `yaml:"logger_provider"`
		}
		if err := yaml.Unmarshal(text, &doc); err != nil {
			t.Errorf("%q: %v", dir, err)
			continue
		}
		steps := doc.Provider.Processors
		if got := steps[1].Async.Exporter.File.Path; got != f.log {
			t.Errorf("path %q, want %q", got, f.log)
		}
		queue := steps[2].Async.Exporter.Spool
		if queue.Directory != f.spool || queue.Exporter.OTLP.Endpoint != endpoint {
			t.Errorf("spool %+v, want %q in front of %s", queue, f.spool, endpoint)
		}
		if got := steps[3].Route.Rules[0].Processors[1].Async.Exporter.File.Path; got != f.incidents {
			t.Errorf("path %q, want %q", got, f.incidents)
		}
	}
}

func TestWriteKeepsAChangedConfiguration(t *testing.T) {
	f := filesIn(filepath.Join(t.TempDir(), "deep", "down"))
	kept, err := f.write(endpoint)
	if err != nil || kept != "" {
		t.Fatalf("first: kept %q, %v", kept, err)
	}
	// Every run has a port of its own; that alone is no change.
	if kept, err = f.write("http://127.0.0.1:4712/v1/logs"); err != nil || kept != "" {
		t.Fatalf("again: kept %q, %v", kept, err)
	}
	if text, err := os.ReadFile(f.config); err != nil || !strings.Contains(string(text), ":4712/v1/logs") {
		t.Errorf("the configuration does not have the new port: %v", err)
	}
	if err := os.WriteFile(f.config, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if kept, err = f.write(endpoint); err != nil {
		t.Fatal(err)
	}
	if mine, err := os.ReadFile(kept); err != nil || string(mine) != "mine" {
		t.Errorf("%s holds %q, %v", kept, mine, err)
	}
	if text, err := os.ReadFile(f.config); err != nil || string(text) == "mine" {
		t.Errorf("the configuration was not written anew: %v", err)
	}
}
