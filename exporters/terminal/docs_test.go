package terminal_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/exporters/terminal"
)

// The document lists the keys that there are, and all of them.
func TestDocumentedKeys(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "terminal.md"))
	if err != nil {
		t.Fatal(err)
	}
	known, listed := map[string]bool{}, map[string]bool{}
	for f := range reflect.TypeFor[terminal.Config]().Fields() {
		if key := f.Tag.Get("yaml"); key != "-" {
			known[key] = true
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)`").FindAllSubmatch(text, -1) {
		listed[string(row[1])] = true
	}
	if diff := cmp.Diff(known, listed); diff != "" {
		t.Errorf("keys (-there are +listed):\n%s", diff)
	}
}
