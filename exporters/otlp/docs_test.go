package otlp_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp"
)

// The document lists the keys that there are, and all of them.
func TestDocumentedKeys(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "otlp.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n## Keys\n")
	section, _, ok := strings.Cut(rest, "\n## ")
	if !ok {
		t.Fatal("the document has no section of keys")
	}
	known := map[string]bool{}
	for f := range fields(reflect.TypeFor[otlp.Config]()) {
		known[f] = true
	}
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)`").FindAllStringSubmatch(section, -1) {
		listed[row[1]] = true
	}
	if diff := cmp.Diff(known, listed); diff != "" {
		t.Errorf("keys (-there are +listed):\n%s", diff)
	}
	for key := range fields(reflect.TypeFor[exporters.TLS]()) {
		if !strings.Contains(section, "`"+key+"`") {
			t.Errorf("tls: %s is not documented", key)
		}
	}
}

// fields returns the keys of a struct.
func fields(s reflect.Type) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := range s.NumField() {
			if !yield(s.Field(i).Tag.Get("yaml")) {
				return
			}
		}
	}
}
