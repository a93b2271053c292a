package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/processors"
)

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// under returns what stands under a heading, "" if there is none.
func under(text, title string) string {
	_, rest, _ := strings.Cut(text, "\n## "+title+"\n")
	part, _, _ := strings.Cut(rest, "\n## ")
	return part
}

// keysOf adds the keys of a struct, and of the structs and lists in it. Those
// of a match have a section of their own.
func keysOf(s reflect.Type, keys map[string]bool) {
	for i := range s.NumField() {
		f := s.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		inner := f.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		switch {
		case key == "-", key == "" && options != "inline":
			continue
		case key != "":
			keys[key] = true
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[processors.Match]() {
			keysOf(inner, keys)
		}
	}
}

// The document lists the processors that there are, and each one's keys, all
// of them. What is said of name holds for every step.
func TestDocumentedKeys(t *testing.T) {
	text := document(t, "processors.md")
	documented := func(title string, settings reflect.Type) {
		known, listed := map[string]bool{}, map[string]bool{}
		keysOf(settings, known)
		delete(known, "name")
		for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)`").FindAllStringSubmatch(under(text, title), -1) {
			listed[row[1]] = true
		}
		if diff := cmp.Diff(known, listed); diff != "" {
			t.Errorf("%s (-there are +listed):\n%s", title, diff)
		}
	}
	for _, typ := range processorTypes() {
		settings := typ.config(&decoder{}, &node{})
		documented(typ.name, reflect.TypeOf(settings).Elem())
		if !strings.Contains(text, "| [`"+typ.name+"`](#"+typ.name+") |") {
			t.Errorf("%s is not in the table of processors", typ.name)
		}
	}
	documented("match", reflect.TypeFor[processors.Match]())
}

// The document lists the metrics that there are, all of them.
func TestDocumentedMetrics(t *testing.T) {
	known := map[string]bool{"otel.sdk.exporter.operation.duration": true}
	for _, m := range (processors.Stats{}).Metrics() {
		known[m.Name] = true
	}
	listed := map[string]bool{}
	metrics := under(document(t, "operations.md"), "Metrics")
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z._]+)`").FindAllStringSubmatch(metrics, -1) {
		listed[row[1]] = true
	}
	if diff := cmp.Diff(known, listed); diff != "" {
		t.Errorf("metrics (-there are +listed):\n%s", diff)
	}
}
