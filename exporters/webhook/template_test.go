package webhook

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// with returns the body that a template makes of recs.
func with(t testing.TB, c Config, recs ...record.Record) string {
	t.Helper()
	tmpl, err := parseTemplate(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(tmpl.append(nil, recs))
}

func of(text string) Config {
	c := DefaultConfig()
	c.Template = exporters.Secret(text)
	return c
}

func failure() record.Record {
	return record.Record{
		Timestamp: time.Date(2026, 11, 21, 10, 15, 30, 0, time.UTC), Severity: log.SeverityError,
		Body: attribute.StringValue("payment \"refused\"\nby <bank> & co"),
		Attributes: []attribute.KeyValue{
			attribute.Int("order.id", 7), attribute.Map("user", attribute.String("name", "ann")),
			attribute.String("exception.stacktrace", "main.pay()\r\n\tpay.go:7\n"),
			attribute.String("evil", "\x1b[31m\u202e\xff\\n"),
		},
		Origin: &record.Origin{Scope: record.Scope{Name: "shop"}},
	}
}

func TestTemplate(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": [1, 2.50, true, null, "x", {}], "b": []}`:                   `{"a":[1,2.50,true,null,"x",{}],"b":[]}`,
		`"{level} {logger}"`:                                               `"ERROR shop"`,
		`"{message}"`:                                                      `"payment \"refused\"\nby <bank> & co"`,
		`"{{{level}}} {{}}"`:                                               `"{ERROR} {}"`,
		`"<{trace_id}> [{event}] x {attr:no}"`:                             `"<> [] x"`,
		`"a\n\t\"{level}\u0001\u2028"`:                                     "\"a\\n\\t\\\"ERROR\\u0001\u2028\"",
		`"{attr:order.id} {attr:user.name}"`:                               `"7 ann"`,
		`"{level<7}|{attr:order.id>3}|"`:                                   `"ERROR  |  7|"`,
		`["{attributes}", "{attr:evil} {exception:stack}{attr:order.id}"]`: `["user.name=ann","\\x1b[31m\\u202e\\xff\\n main.pay()\n\tpay.go:7\n7"]`,
		`"{exception:stack}"`:                                              `"main.pay()\n\tpay.go:7\n"`,
		`"{attr:evil}"`:                                                    `"\\x1b[31m\\u202e\\xff\\n"`,
		`{"{level}": 1}`:                                                   `{"{level}":1}`,
		`{"$severity": {"info": "i", "warn": {"w": "{level}"}, "fatal": 3}}`: `{"w":"ERROR"}`,
		`{"$severity": {"fatal": "f", "fatal2": "g"}}`:                       `"f"`,
		`{"$severity": {"error2": "g", "error": "f", "trace": "e"}}`:         `"f"`,
		`{"all": {"$records": ["{level}"]}, "one": "{level}"}`:               `{"all":[["ERROR"]],"one":"ERROR"}`,
		`"{time:15:04}"`: `"10:15"`,
	} {
		if got := with(t, of(text), failure()); got != want {
			t.Errorf("%s\n%s, want\n%s", text, got, want)
		}
	}
	got := with(t, of(`{"r": "{record}"}`), failure())
	if !strings.HasPrefix(got, `{"r":{"time":"2026-11-21T10:15:30.000000000Z","level":"ERROR"`) || !json.Valid([]byte(got)) {
		t.Errorf("{record}: %s", got)
	}
	c := of(`"<b>{message}</b>"`)
	c.Escape = "html"
	if got, want := with(t, c, failure()), `"<b>payment \"refused\"\nby &lt;bank&gt; &amp; co</b>"`; got != want {
		t.Errorf("html: %s, want %s", got, want)
	}
}

func TestManyRecords(t *testing.T) {
	recs := sinktest.Records("seq", 0, 3)
	recs[1].Severity, recs[2].Severity = log.SeverityError2, log.SeverityError2
	got := with(t, of(`{"worst": "{message}", "all": {"$records": {"m": "{message}", "s": {"$severity": {"info": 1, "error": 2}}}}, "again": "{level}"}`), recs...)
	want := `{"worst":"id-seq-000001.","all":[{"m":"id-seq-000000.","s":1},{"m":"id-seq-000001.","s":2},{"m":"id-seq-000002.","s":2}],"again":"ERROR2"}`
	if got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
}

func TestMaxText(t *testing.T) {
	c := of(`"{message}"`)
	for max, want := range map[int]string{0: `"héllo wörld"`, 11: `"héllo wörld"`, 10: `"héllo wör…"`, 2: `"h…"`, 1: `"…"`} {
		c.MaxText = max
		if got := with(t, c, record.Record{Body: attribute.StringValue("héllo wörld")}); got != want {
			t.Errorf("%d: %s, want %s", max, got, want)
		}
	}
	c.MaxText = 1000
	got := with(t, c, record.Record{Body: attribute.StringValue(strings.Repeat("\"\xff\n", 4<<20))})
	if !json.Valid([]byte(got)) || len(got) > 3000 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestTemplateErrors(t *testing.T) {
	for text, want := range map[string]string{
		"  ":                                   "line 1: the JSON document ends too early",
		`{"a": `:                               "line 1: the JSON document ends too early",
		"{\n\"a\": 1,\n}":                      "line 3: invalid character '}'",
		`{"a": 1} 2`:                           "line 1: something stands behind",
		`{"a": "{"}`:                           "line 1: $.a: a single {",
		`["}"]`:                                "line 1: $[0]: a single }",
		`"{message"`:                           "line 1: $: a single {",
		`"{msg}"`:                              "line 1: $: unknown field \"msg\": want one of",
		`"{}"`:                                 "line 1: $: {} names no field",
		`"{{message}"`:                         "line 1: $: a single }",
		`"x {record}"`:                         "line 1: $: {record} makes an object",
		`{"a": 1, "a": 2}`:                     "line 1: $: the key \"a\" stands there twice",
		`{"$severity": {"info": 1}, "b": 1}`:   "line 1: $: $severity must be the only key",
		`{"$severity": {}}`:                    "line 1: $: want an object of severities",
		`{"$severity": "x"}`:                   "line 1: $: want an object of severities",
		`{"$severity": {"critical": 1}}`:       "line 1: $: \"critical\" below $severity is no severity",
		`{"$records": [{"$records": 1}]}`:      "line 1: $.$records[0]: $records stands within another",
		strings.Repeat("[", 70):                "line 1: $[0][0]",
		`"` + strings.Repeat("x", 70000) + `"`: "has 70002 bytes",
	} {
		_, err := parseTemplate(of(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", text, err, want)
		} else if len(err.Error()) > 600 {
			t.Errorf("%.60s: an error of %d bytes", text, len(err.Error()))
		}
	}
}

// No record makes of a template anything but JSON of the template's own shape.
func FuzzTemplate(f *testing.F) {
	f.Add(`{"a": "{message} {attributes}", "b": {"$severity": {"info": ["{record}"]}}}`, "text\n\"", "key")
	f.Add(`{"$records": {"x": "{attr:key}{{{exception:stack}}}"}}`, "\xff\u202e\x00", "exception.stacktrace")
	f.Add(`["{exception} {resource} {level>9}", 1e400, "\ud800"]`, "</script>", "")
	f.Fuzz(func(t *testing.T, text, value, key string) {
		c := of(text)
		if len(value)%2 == 0 {
			c.Escape = "html"
		}
		tmpl, err := parseTemplate(c)
		if err != nil {
			return
		}
		calm, r := failure(), failure()
		r.Body, r.Severity = attribute.StringValue(value), calm.Severity
		r.SeverityText, r.EventName, r.Origin = value, value, &record.Origin{Scope: record.Scope{Name: value}}
		r.Attributes = append(r.Attributes, attribute.String(key, value), attribute.Map("m", attribute.String(key, value)))
		hostile := tmpl.append(nil, []record.Record{r, calm})
		if !json.Valid(hostile) || !utf8.Valid(hostile) {
			t.Errorf("no JSON: %q", hostile)
		}
		if strings.Contains(text, "{record}") {
			return // an object of the record's own shape
		}
		if a, b := shape(t, hostile), shape(t, tmpl.append(nil, []record.Record{calm, calm})); a != b {
			t.Errorf("%s and %s have another shape", a, b)
		}
	})
}

// shape is JSON with its strings, but for keys, emptied.
func shape(t *testing.T, data []byte) string {
	t.Helper()
	var v any
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v: %q", err, data)
	}
	var empty func(any) any
	empty = func(v any) any {
		switch v := v.(type) {
		case string:
			return ""
		case []any:
			for i := range v {
				v[i] = empty(v[i])
			}
		case map[string]any:
			for k := range v {
				v[k] = empty(v[k])
			}
		}
		return v
	}
	text, err := json.Marshal(empty(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
