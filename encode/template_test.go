package encode_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

func template(t testing.TB, text string) encode.Encoder {
	t.Helper()
	enc, err := encode.New("text", encode.Options{Template: text, Location: time.FixedZone("", -5*3600)})
	if err != nil {
		t.Fatal(err)
	}
	return enc
}

func TestTemplate(t *testing.T) {
	r := record.Record{
		Timestamp: when, Severity: log.SeverityWarn2, Body: attribute.StringValue("refused\nagain"),
		Attributes: []attribute.KeyValue{
			attribute.Int("n", 1), attribute.String("user", "ann b"), attribute.Int("n", 7), attribute.Float64("f", 2),
			attribute.Map("order", attribute.Int("id", 7), attribute.Map("item", attribute.String("name", "tea"))),
			attribute.Map("a", attribute.Int("b.c", 1)), attribute.Map("a.b", attribute.Int("c", 2)),
			attribute.String("level", "gold"), attribute.String("esc", "\x1b[2J\u202e\xff"),
			attribute.String("exception.message", "no route"), attribute.String("pid", "p"), attribute.String("ü", "ü"),
		},
		Origin: cart,
	}
	for _, tc := range []struct{ template, want string }{
		{"{message}", `refused\nagain`},
		{"{time}", "2026-11-21T10:15:30.123Z"},
		{"{time:15:04:05.000}", "10:15:30.123"},
		{"{local_time:15:04:05.000000}", "05:15:30.123456"},
		{"{local_time}", "2026-11-21T05:15:30.123-05:00"},
		{"{level}", "WARN2"},
		{"{level<7}|{level>7}|{level<2}|{level>2}", "WARN2  |  WARN2|WARN2|WARN2"},
		{"{attr:ü<3}|{attr:ü>3}|", "ü  |  ü|"},
		{"{{{level}}}{{}}", "{WARN2}{}"},
		{"{attr:n}{attr:f} {attr:user}", "72.0 ann b"},
		{"{attr:esc}", `\x1b[2J\u202e\xff`},
		{"{attr:order}", `{"id":7,"item":{"name":"tea"}}`},
		{"{attr:order.item.name} {attr:order.item}", `tea {"name":"tea"}`},
		// Nothing is shown twice, and nothing that is not shown is left out.
		{"{attr:a.b.c} {attr:order.id} {attr:esc}{attr:ü} {attributes}",
			`2 7 \x1b[2J\u202e\xffü user="ann b" n=7 f=2.0 order.item.name=tea a.b.c=1 attr.level=gold exception.message="no route" pid=p`},
		{"{attr:order.id}{attr:order.item.name}{attr:user}{attr:n}{attr:esc}{attr:f}{attr:a}{attr:a.b}{attr:level}{exception} {attributes}",
			`7teaann b7\x1b[2J\u202e\xff2.0{"b.c":1}{"c":2}goldno route pid=p ü=ü`},
		// What is absent takes the space before it along, unless it has a width.
		{"a {trace_id} {span_id} {event} {attr:order.none} {attr:order.item.name.x} z", "a z"},
		{"a {trace_id<3} z", "a     z"},
		{"a {attr:n} z", "a 7 z"},
		{"{trace_id} z", " z"},
		{"{resource} {level}", "resource.service.name=shop resource.service.instance=3 WARN2"},
		{"tab\there {level}", "tab\there WARN2"},
		{"{attr:x<y}{attr:user<6}", "ann b "},
	} {
		if got := string(template(t, tc.template).Append(nil, &r)); got != tc.want+"\n" {
			t.Errorf("%s:\ngot  %swant %s", tc.template, got, tc.want)
		}
	}
	none := record.Record{}
	if got := string(template(t, "{time}{local_time}{level}{logger}{message}{exception}{source}{service}{attributes}").Append(nil, &none)); got != "-\n" {
		t.Errorf("a record with nothing in it: %q", got)
	}
}

func TestTemplateShowsTheProcess(t *testing.T) {
	r := record.Record{Origin: cart, Attributes: []attribute.KeyValue{attribute.String("pid", "mine")}}
	got := string(template(t, "{pid} {host} {service} {attributes}").Append(nil, &r))
	parts := strings.Fields(got)
	if len(parts) != 4 || strings.Trim(parts[0], "0123456789") != "" || parts[2] != "shop" || parts[3] != "attr.pid=mine" {
		t.Errorf("got %q", got)
	}
}

func TestTemplateErrors(t *testing.T) {
	for text, want := range map[string]string{
		"{levle}":                      `template: column 1: unknown field "levle": want one of time, local_time, level, `,
		"é {time} {order.id}":          `column 10: unknown field "order.id": want one of `,
		"{order.id}":                   "(an attribute is written {attr:order.id})",
		"{Time}":                       "unknown field",
		"{ level }":                    `unknown field " level "`,
		"{}":                           "column 1: {} names no field: want one of time",
		"a{time":                       "column 2: a { that is never closed: write {{",
		"{time}}":                      "column 7: a } that closes nothing: write }}",
		"{time:}":                      "nothing behind the colon of {time:}",
		"{attr}":                       "{attr} names no attribute: write {attr:NAME}",
		"{attr:}":                      "nothing behind the colon",
		"{level:5}":                    `the field "level" takes nothing behind a colon; a width is written {level<8}`,
		"{level<0}":                    "a width of 0: it goes from 1 to 200",
		"{level>201}":                  "a width of 201: it goes from 1 to 200",
		"{level<99999999999999999999}": "it goes from 1 to 200",
		"{time:HH:mm:ss}":              `the layout "HH:mm:ss" shows no part of a time`,
		"{time:%H:%M}":                 "shows no part of a time",
		"{exception:trace}":            `unknown part "trace" of an exception: want type, message or stack`,
		"%(message)s":                  `"%(message)s" shows no field: write it as in {time}`,
		"{{.Message}}":                 "shows no field",
		"{message}\n{time}":            "column 10: a line break: one record is one line",
		"\x1b[31m{message}":            "column 1: the control character U+001B",
		"{attr:a\u202eb}":              "column 8: the control character U+202E",
		"{level}\xff":                  "column 8: not valid UTF-8",
		strings.Repeat("x", 5000):      "has 5000 bytes, more than the 4096 allowed",
	} {
		_, err := encode.New("text", encode.Options{Template: text})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %v, want %s", text, err, want)
		}
	}
	if _, err := encode.New("json", encode.Options{Template: "{time}"}); err == nil || !strings.Contains(err.Error(), "template: the format json has none: write format: text") {
		t.Errorf("beside json: %v", err)
	}
}

func FuzzTemplate(f *testing.F) {
	seeds := []string{
		"{time:15:04:05.000} {level<5} {logger} {message} {attr:order.id} {attributes}", "{local_time:Jan _2 15:04:05 MST}\t{level>9}",
		"{exception} {exception:stack} {source} {pid} {host} {service} {event} {trace_id} {span_id}", "{{{attr:k<200}}}", "{attr:attr.x}{attr:level}{attributes}",
		"{", "}", "{}", "{:}", "{<5}", "{attr:\xff}", "{level<}", "\u2028{level}",
	}
	for i, s := range seeds {
		f.Add(s, bytes.Repeat([]byte{byte(i), 7, 9, 11}, 50))
	}
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		enc, err := encode.New("text", encode.Options{Template: text})
		if err != nil {
			if msg := err.Error(); strings.ContainsAny(msg, "\n\x1b") || len(msg) > 1000 {
				t.Errorf("error %q", msg)
			}
			return
		}
		if text == "" {
			return
		}
		g := generator{data}
		r := g.record()
		before, _ := encode.New("otlp_json", encode.Options{})
		was := before.Append(nil, &r)
		out := enc.Append([]byte("before "), &r)
		out, ok := bytes.CutPrefix(out, []byte("before "))
		if !ok {
			t.Fatalf("what stood before the line was changed: %q", out)
		}
		// Only the template's own tabs are left.
		if bytes.Count(out, []byte("\t")) > strings.Count(text, "\t") {
			t.Errorf("a tab from the data in %q", out)
		}
		if err := check("template", bytes.ReplaceAll(out, []byte("\t"), []byte(" "))); err != nil {
			t.Errorf("%q: %v\n%q", text, err, out)
		}
		if !bytes.Equal(was, before.Append(nil, &r)) {
			t.Error("the record was changed")
		}
	})
}
