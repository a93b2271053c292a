package file

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The document lists the keys that there are, and all of them.
func TestDocumentedKeys(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "file.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n## Keys\n")
	section, _, ok := strings.Cut(rest, "\n## ")
	if !ok {
		t.Fatal("the document has no section of keys")
	}
	known := map[string]bool{}
	var add func(reflect.Type)
	add = func(s reflect.Type) {
		for i := range s.NumField() {
			f := s.Field(i)
			key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if key == "" || key == "-" {
				continue
			}
			if f.Type.Kind() == reflect.Struct {
				add(f.Type)
			} else {
				known[key] = true
			}
		}
	}
	add(reflect.TypeFor[Config]())
	rows := regexp.MustCompile("(?m)^\\| `([a-z_]+)`").FindAllStringSubmatch(section, -1)
	listed := map[string]bool{}
	for _, row := range rows {
		listed[row[1]] = true
	}
	if diff := cmp.Diff(known, listed); diff != "" {
		t.Errorf("keys (-there are +listed):\n%s", diff)
	}
}
