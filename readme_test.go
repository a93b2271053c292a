package sluice_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/seed2f724858/sluice/config"
)

// TestReadmeConfiguration: what README shows is what config takes.
func TestReadmeConfiguration(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) == 0 {
		t.Fatal("README shows no configuration")
	}
	for _, b := range blocks {
		if _, err := config.Parse("README.md", b[1]); err != nil {
			t.Error(err)
		}
	}
}
