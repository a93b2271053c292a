package demo

import (
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v3"
)

// processor has what is looked for in the configuration.
type processor struct {
	Async struct {
		Exporter struct {
			File struct{ Path string }
		}
	}
	Route struct {
		Rules []struct{ Processors []processor }
	}
}

func TestConfigurationTakesAnyPath(t *testing.T) {
	for _, dir := range []string{"logs", `C:\logs`, `a b/"q"`, "it's # not: a comment", "größe\nnewline"} {
		f := filesIn(dir)
		text, err := configFor(f)
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
		if got := steps[2].Route.Rules[0].Processors[1].Async.Exporter.File.Path; got != f.incidents {
			t.Errorf("path %q, want %q", got, f.incidents)
		}
	}
}

func TestWriteFilesKeepsAChangedConfiguration(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "down")
	f, kept, err := writeFiles(dir)
	if err != nil || kept != "" {
		t.Fatalf("first: kept %q, %v", kept, err)
	}
	if _, kept, err = writeFiles(dir); err != nil || kept != "" {
		t.Fatalf("again: kept %q, %v", kept, err)
	}
	if err := os.WriteFile(f.config, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, kept, err = writeFiles(dir); err != nil {
		t.Fatal(err)
	}
	if mine, err := os.ReadFile(kept); err != nil || string(mine) != "mine" {
		t.Errorf("%s holds %q, %v", kept, mine, err)
	}
	if text, err := os.ReadFile(f.config); err != nil || string(text) == "mine" {
		t.Errorf("the configuration was not written anew: %v", err)
	}
}
