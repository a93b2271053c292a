package sluice_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/seed2f724858/sluice/config"
	"github.com/seed2f724858/sluice/config/all"
)

// TestReadmeConfiguration: what README and the documents beside it show is
// what config takes.
func TestReadmeConfiguration(t *testing.T) {
	t.Setenv("SLACK_WEBHOOK_URL", "https://hooks.example.com/services/T0/B0/secret")
	t.Setenv("LOGS_TOKEN", "secret")
	t.Setenv("OTLP_TOKEN", "secret")
	names, err := filepath.Glob("docs/*.md")
	if err != nil || len(names) == 0 {
		t.Fatalf("documents: %v, %v", names, err)
	}
	for _, name := range append(names, "README.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1)
		if len(blocks) == 0 {
			t.Errorf("%s shows no configuration", name)
		}
		for _, b := range blocks {
			if _, err := config.Parse(name, b[1], all.Options()...); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestServiceExample: the program in the document is the one that runs as an
// example, but for its main function.
func TestServiceExample(t *testing.T) {
	text, err := os.ReadFile("docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	program := regexp.MustCompile("(?s)```go\npackage main\n.*?\n(func serve.*?)\n```").FindSubmatch(text)
	if program == nil {
		t.Fatal("the document has no program")
	}
	example, err := os.ReadFile("example_service_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(example, program[1]) {
		t.Error("the document's functions are not those of the example")
	}
}
