package sluice_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/seed2f724858/sluice/config"
)

// TestReadmeConfiguration: what README and the documents beside it show is
// what config takes.
func TestReadmeConfiguration(t *testing.T) {
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
			if _, err := config.Parse(name, b[1]); err != nil {
				t.Error(err)
			}
		}
	}
}
