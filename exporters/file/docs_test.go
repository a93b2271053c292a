package file

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// The document lists keys that there are.
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
			known[key] = true
			if f.Type.Kind() == reflect.Struct {
				add(f.Type)
			}
		}
	}
	add(reflect.TypeFor[Config]())
	rows := regexp.MustCompile("(?m)^\\| `([a-z_]+)`").FindAllStringSubmatch(section, -1)
	if len(rows) < 5 {
		t.Fatalf("the document lists %d keys", len(rows))
	}
	for _, row := range rows {
		if !known[row[1]] {
			t.Errorf("there is no key %q", row[1])
		}
	}
}
