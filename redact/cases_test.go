package redact_test

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/redact"
)

//go:embed testdata/cases.txt
var casesFile string

// testCase is a line of cases.txt.
type testCase struct {
	line     int
	presets  []string
	verdict  string // "", "miss" or "false"
	key      string // of an attribute; empty for a text
	in, want string
	positive bool // it holds what should be, or is, redacted
}

var blank = regexp.MustCompile(`\{([ahAd])(\d+)\}|\{b64:([^}]*)\}|\{jw[te]\}`)

// madeUp fills in what the file leaves open, so that no line of it looks like
// a secret to programs that search repositories for some.
func madeUp(s string) string {
	return blank.ReplaceAllStringFunc(s, func(m string) string {
		part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
		head := part(`{"alg":"HS256","typ":"JWT"}`)
		switch {
		case m == "{jwt}":
			return "«" + head + "." + part(`{"sub":"bob","exp":1}`) + "." + part("a signature") + "»"
		case m == "{jwe}":
			return "«" + head + ".." + part("vector") + "." + part("text") + "." + part("tag") + "»"
		case strings.HasPrefix(m, "{b64:"):
			return base64.StdEncoding.EncodeToString([]byte(m[len("{b64:") : len(m)-1]))
		}
		alphabet := map[byte]string{
			'a': "x7Kq2mWfR9tZbL4cVnY8sHd3GjP6", 'h': "7c9e1f4a0b8d2635", 'A': "Q7XK2MWR4TZBL3CVNY", 'd': "81940275361",
		}[m[1]]
		n, _ := strconv.Atoi(m[2 : len(m)-1])
		return strings.Repeat(alphabet, n/len(alphabet)+1)[:n]
	})
}

func cases(t testing.TB) []testCase {
	t.Helper()
	var list []testCase
	var presets []string
	n := 0
	for line := range strings.Lines(casesFile) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if names, ok := strings.CutPrefix(line, "= "); ok {
			presets = strings.Fields(names)
			continue
		}
		c := testCase{line: n, presets: presets}
		for _, verdict := range []string{"miss", "false"} {
			if rest, ok := strings.CutPrefix(line, verdict+": "); ok {
				c.verdict, line = verdict, rest
			}
		}
		if rest, ok := strings.CutPrefix(line, "attr: "); ok {
			c.key, line, _ = strings.Cut(rest, "=")
		}
		line = madeUp(strings.NewReplacer("⏎", "\n", "⇥", "\t", "␛", "\x1b").Replace(line))
		for i, piece := range strings.Split(line, "«") {
			if i == 0 {
				c.in, c.want = piece, piece
				continue
			}
			// What has no end goes to the end of the line.
			secret, rest, _ := strings.Cut(piece, "»")
			c.in += secret + rest
			c.want += redact.DefaultReplacement + rest
			c.positive = true
		}
		list = append(list, c)
	}
	return list
}

func newRedactor(t testing.TB, presets ...string) *redact.Redactor {
	t.Helper()
	cfg := redact.DefaultConfig()
	cfg.Presets = presets
	d, err := redact.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestCases holds what is found and what is not, mistakes included: the
// package's comment quotes their numbers.
func TestCases(t *testing.T) {
	var positives, negatives, missed, wrong int
	for _, c := range cases(t) {
		d := newRedactor(t, c.presets...)
		run := func(in string) (string, bool) {
			if c.key == "" {
				return d.String(in)
			}
			kvs := []attribute.KeyValue{attribute.String(c.key, in)}
			n := d.Attributes(kvs)
			return kvs[0].Value.AsString(), n > 0
		}
		got, changed := run(c.in)
		if changed != (got != c.in) {
			t.Errorf("line %d: changed is %t: %q", c.line, changed, got)
		}
		switch {
		case c.verdict == "miss":
			missed++
			positives++
			if got == c.want {
				t.Errorf("line %d: no miss any more: %q", c.line, c.in)
			}
		case got != c.want:
			t.Errorf("line %d: %q\n got %q\nwant %q", c.line, c.in, got, c.want)
		case c.verdict == "false":
			wrong++
			negatives++
			if !c.positive {
				t.Errorf("line %d: a false positive without a mark", c.line)
			}
		case c.positive:
			positives++
		default:
			negatives++
		}
		if again, ok := run(got); ok || again != got {
			t.Errorf("line %d: the second time %q becomes %q", c.line, got, again)
		}
	}
	told := fmt.Sprintf("%d texts and attributes with secrets, of which %d are missed, and %d without, of which %d are wrongly redacted.",
		positives, missed, negatives, wrong)
	t.Log(told)
	if doc, err := os.ReadFile("doc.go"); err != nil || !strings.Contains(string(doc), told) {
		t.Errorf("the package's comment does not say: %s (%v)", told, err)
	}
	if positives+negatives < 240 || negatives*10 < (positives+negatives)*4 {
		t.Error("want 240 cases or more, two fifths of them without a secret")
	}
}
