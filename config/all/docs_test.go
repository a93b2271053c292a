package all_test

import (
	"encoding"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp"
	"github.com/seed2f724858/sluice/exporters/otlp/otlpgrpc"
	"github.com/seed2f724858/sluice/spool"
)

var (
	// keyRow is a row of a table of keys: the key, one or more cells, a text.
	keyRow      = regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\|(.*)\\|[^|]*\\|$")
	nextHeading = regexp.MustCompile("(?m)^##+ ")
)

// tableOf returns what the document says of the keys of an exporter: the key
// and its cells.
func tableOf(t *testing.T, title string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "delivery.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n### "+title+"\n")
	if !ok {
		t.Fatalf("the document has no section %q", title)
	}
	section := nextHeading.Split(rest, 2)[0]
	table := map[string][]string{}
	for _, row := range keyRow.FindAllStringSubmatch(section, -1) {
		for cell := range strings.SplitSeq(row[2], "|") {
			table[row[1]] = append(table[row[1]], strings.TrimSpace(cell))
		}
	}
	return table
}

// keysOf returns the keys that the parser knows of an exporter, those of a map
// in it behind a dot.
func keysOf(t *testing.T, exporter string) map[string]bool {
	t.Helper()
	keys := map[string]bool{}
	ask := func(settings, at, prefix string) {
		_, err := parse(`logger_provider: {processors: [{simple: {exporter: {` + exporter + `: ` + settings + `}}}]}`)
		asked := regexp.MustCompile(regexp.QuoteMeta(at) + `.*unknown key "xyzzy"; hint: keys here: (.*)`).FindStringSubmatch(fmt.Sprint(err))
		if asked == nil {
			t.Fatalf("%s: %v", exporter, err)
		}
		for key := range strings.SplitSeq(asked[1], ", ") {
			keys[prefix+key] = true
		}
	}
	ask("{xyzzy: 1}", exporter+".xyzzy: ", "")
	if keys["tls"] {
		delete(keys, "tls")
		ask("{tls: {xyzzy: 1}}", exporter+".tls.xyzzy: ", "tls.")
	}
	return keys
}

// The document lists the keys that there are, and all of them.
func TestDocumentedKeys(t *testing.T) {
	for _, c := range []struct {
		exporter, title string
		column          int // an empty field there: the exporter has no such key
	}{
		{"spool", "spool", 0},
		{"retry", "retry", 0},
		{"failover", "failover", 0},
		{"otlp_http", "otlp_http and otlp_grpc", 0},
		{"otlp_grpc", "otlp_http and otlp_grpc", 1},
	} {
		listed := map[string]bool{}
		for key, cells := range tableOf(t, c.title) {
			if len(cells) > c.column && cells[c.column] == "" {
				continue
			}
			listed[key] = true
		}
		if diff := cmp.Diff(keysOf(t, c.exporter), listed); diff != "" {
			t.Errorf("%s (-there are +listed):\n%s", c.exporter, diff)
		}
	}
}

// The defaults that the document tells are those that there are.
func TestDocumentedDefaults(t *testing.T) {
	for title, settings := range map[string]any{"spool": spool.DefaultConfig(), "retry": exporters.DefaultRetryConfig()} {
		v := reflect.ValueOf(settings)
		table := tableOf(t, title)
		for i := range v.NumField() {
			key := v.Type().Field(i).Tag.Get("yaml")
			told, want := table[key][0], "–"
			if !v.Field(i).IsZero() || key != "directory" {
				want = text(t, v.Field(i))
				// Of several ways to write it the document may choose.
				read := reflect.New(v.Field(i).Type())
				if u, ok := read.Interface().(encoding.TextUnmarshaler); ok {
					if err := u.UnmarshalText([]byte(strings.Trim(told, "`"))); err != nil {
						t.Errorf("%s.%s: %v", title, key, err)
					}
					told = "`" + text(t, read.Elem()) + "`"
				}
				want = "`" + want + "`"
			}
			if told != want {
				t.Errorf("%s.%s: the document says %s, it is %s", title, key, told, want)
			}
		}
	}
	http, grpc := otlp.DefaultConfig(), otlpgrpc.DefaultConfig()
	milliseconds := func(d exporters.Duration) string { return strconv.FormatInt(d.Std().Milliseconds(), 10) }
	table := tableOf(t, "otlp_http and otlp_grpc")
	for key, want := range map[string][]string{
		"endpoint":     {otlp.DefaultEndpoint, otlpgrpc.DefaultEndpoint},
		"encoding":     {http.Encoding, ""},
		"compression":  {http.Compression, grpc.Compression},
		"timeout":      {milliseconds(http.Timeout), milliseconds(grpc.Timeout)},
		"tls.insecure": {"", strconv.FormatBool(grpc.Insecure)},
	} {
		var told []string
		for _, cell := range table[key] {
			told = append(told, strings.Trim(cell, "`"))
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("%s (-is +told):\n%s", key, diff)
		}
	}
}

// text returns a setting as a file would have it.
func text(t *testing.T, v reflect.Value) string {
	t.Helper()
	m, ok := v.Interface().(encoding.TextMarshaler)
	if !ok {
		return fmt.Sprint(v.Interface())
	}
	b, err := m.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
