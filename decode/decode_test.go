package decode_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/record"
)

var (
	now  = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	when = time.Date(2026, 11, 21, 10, 15, 30, 123456789, time.UTC)
)

// got is one decoded record with its logger.
type got struct {
	Record record.Record
	Logger string
}

// sameValue compares values as == does: kind and content.
var sameValue = cmp.Comparer(func(a, b attribute.Value) bool { return a == b })

func decodeAll(t testing.TB, format string, o decode.Options, line decode.Line) []got {
	t.Helper()
	o.Now = func() time.Time { return now }
	d, err := decode.New(format, o)
	if err != nil {
		t.Fatal(err)
	}
	var all []got
	d.Decode(line, func(r *record.Record, logger string) {
		all = append(all, got{r.Clone(), logger})
	})
	return all
}

func TestDecode(t *testing.T) {
	str, num := attribute.String, attribute.Int
	body := attribute.StringValue
	type kvs = []attribute.KeyValue
	text := func(line string) got { return got{Record: record.Record{Body: body(line)}} }
	hi := func(attrs ...attribute.KeyValue) got {
		return got{Record: record.Record{Body: body("hi"), Attributes: attrs}}
	}
	level := func(sev log.Severity, name string) got {
		return got{Record: record.Record{Body: body("hi"), Severity: sev, SeverityText: name}}
	}
	at := func(t time.Time) got { return got{Record: record.Record{Body: body("hi"), Timestamp: t}} }
	for _, tc := range []struct {
		name, format, line string
		want               got
	}{
		{"our own", "json", `{"time":"2026-11-21T10:15:30.123456789Z","level":"ERROR","logger":"shop.cart","msg":"payment refused","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","event":"pay","order":{"id":7},"attr.level":"gold","attr.attr.msg":"m","dropped_attributes":2}`,
			got{record.Record{
				Timestamp: when, Severity: log.SeverityError, SeverityText: "ERROR", Body: body("payment refused"), EventName: "pay", Dropped: 2,
				TraceID:    trace.TraceID{0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36},
				SpanID:     trace.SpanID{0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7},
				Attributes: kvs{attribute.Map("order", num("id", 7)), str("level", "gold"), str("attr.msg", "m")},
			}, "shop.cart"}},
		{"pino", "json", `{"level":30,"time":1795256130123,"pid":7,"hostname":"h","name":"app","msg":"hi"}`,
			got{record.Record{Timestamp: when.Truncate(time.Millisecond), Severity: log.SeverityInfo, Body: body("hi"), Attributes: kvs{num("pid", 7), str("hostname", "h")}}, "app"}},
		{"python", "json", `{"levelno":30,"levelname":"WARNING","message":"hi","logger_name":"app"}`,
			got{record.Record{Severity: log.SeverityWarn, SeverityText: "WARNING", Body: body("hi"), Attributes: kvs{num("levelno", 30)}}, "app"}},
		{"elastic", "json", `{"@timestamp":"2026-11-21T10:15:30.123456789Z","log.level":"warn","message":"hi","log.logger":"app"}`,
			got{record.Record{Timestamp: when, Severity: log.SeverityWarn, SeverityText: "warn", Body: body("hi")}, "app"}},
		{"structlog", "json", `{"event":"hi","level":"info"}`, level(log.SeverityInfo, "info")},
		{"docker", "json", `{"log":"hi\n","stream":"stdout"}`, hi(str("stream", "stdout"))},
		{"kinds", "json", ` { "msg" : "hi" , "s":"a\"\\\/\b\f\n\r\tö\u00f6\ud83d\ude00\ud83d","i":-5,"f":1.50,"e":1e3,"t":true,"n":null,"a":[],"o":{} } `,
			hi(str("s", "a\"\\/\b\f\n\r\töö😀\ufffd"), num("i", -5), attribute.Float64("f", 1.5), attribute.Float64("e", 1000), attribute.Bool("t", true), attribute.KeyValue{Key: "n"}, attribute.Slice("a"), attribute.Map("o"))},
		{"slices", "json", `{"msg":"hi","s":["a"],"i":[1,2],"f":[1.5],"b":[true],"m":[1,"a",null],"n":[[1],{"k":[2]}]}`,
			hi(attribute.StringSlice("s", []string{"a"}), attribute.Int64Slice("i", []int64{1, 2}), attribute.Float64Slice("f", []float64{1.5}), attribute.BoolSlice("b", []bool{true}),
				attribute.Slice("m", attribute.IntValue(1), body("a"), attribute.Value{}),
				attribute.Slice("n", attribute.Int64SliceValue([]int64{1}), attribute.MapValue(attribute.Int64Slice("k", []int64{2}))))},
		{"digits are kept", "json", `{"msg":"hi","big":18446744073709551615,"long":0.12345678901234567890,"huge":1e999,"zero":-0,"max":9223372036854775807}`,
			hi(str("big", "18446744073709551615"), str("long", "0.12345678901234567890"), str("huge", "1e999"), attribute.Float64("zero", negativeZero), attribute.Int64("max", 1<<63-1))},
		{"last of equal keys", "json", `{"a":1,"msg":"no","b":{"k":1,"k":2},"a":2,"msg":"hi"}`, hi(attribute.Map("b", num("k", 2)), num("a", 2))},
		{"rank of keys", "json", `{"message":"other","msg":"hi","name":"n","logger":"l"}`, got{record.Record{Body: body("hi"), Attributes: kvs{str("message", "other"), str("name", "n")}}, "l"}},
		{"body of any kind", "json", `{"msg":{"a":[1]}}`, got{Record: record.Record{Body: attribute.MapValue(attribute.Int64Slice("a", []int64{1}))}}},
		{"unreadable stay attributes", "json", `{"msg":"hi","time":"yesterday","ts":0.25,"level":{"a":1},"trace_id":"xyz","span_id":"0000000000000000","logger":5,"dropped_attributes":-1,"severity_number":25}`,
			hi(str("time", "yesterday"), attribute.Float64("ts", 0.25), attribute.Map("level", num("a", 1)), str("trace_id", "xyz"), str("span_id", "0000000000000000"), num("logger", 5), num("dropped_attributes", -1), num("severity_number", 25))},
		{"next time that reads", "json", `{"msg":"hi","time":"soon","ts":1795256130.123456789}`, got{Record: record.Record{Timestamp: when, Body: body("hi"), Attributes: kvs{str("time", "soon")}}}},
		{"severity number", "json", `{"msg":"hi","severity_number":18,"severity_text":"critical"}`, level(log.SeverityError2, "critical")},
		{"level of its own", "json", `{"msg":"hi","level":"gold"}`, got{Record: record.Record{Body: body("hi"), SeverityText: "gold"}}},
		{"level as digits", "json", `{"msg":"hi","level":"50"}`, level(log.SeverityError, "")},
		{"level between", "json", `{"msg":"hi","level":35}`, level(log.SeverityInfo3, "")},
		{"level out of range", "json", `{"msg":"hi","level":70}`, hi(num("level", 70))},

		{"milliseconds as text", "json", `{"msg":"hi","ts":"1795256130123"}`, at(when.Truncate(time.Millisecond))},
		{"microseconds", "json", `{"msg":"hi","ts":1795256130123456}`, at(when.Truncate(time.Microsecond))},
		{"fraction of milliseconds", "json", `{"msg":"hi","ts":1795256130123.456789}`, at(when)},
		{"nanoseconds", "json", `{"msg":"hi","ts":1795256130123456789}`, at(when)},
		{"seconds", "json", `{"msg":"hi","ts":1795256130}`, at(when.Truncate(time.Second))},
		{"other zone", "json", `{"msg":"hi","ts":"2026-11-21T12:15:30.123456789+02:00"}`, at(when)},
		{"zone without colon", "json", `{"msg":"hi","ts":"2026-11-21 12:15:30.123456789+0200"}`, at(when)},

		{"no object", "json", `["a"]`, text(`["a"]`)},
		{"broken", "json", `{"msg":"hi"`, text(`{"msg":"hi"`)},
		{"trailing", "json", `{"msg":"hi"} x`, text(`{"msg":"hi"} x`)},
		{"raw control", "json", "{\"msg\":\"a\tb\"}", text("{\"msg\":\"a\tb\"}")},
		{"empty", "json", ``, text("")},
		{"NUL and broken UTF-8", "auto", "a\x00\xff", text("a\x00\xff")},

		{"logfmt", "logfmt", `time=2026-11-21T10:15:30.123456789Z level=warn logger=app msg="hi" a=1 b=1.5 c=true d=null e="1" f= g=007 h=1.10 i=a=b min=-9223372036854775808 j="q\" \\ \u00f6" k="\x41"`,
			got{record.Record{Timestamp: when, Severity: log.SeverityWarn, SeverityText: "warn", Body: body("hi"),
				Attributes: kvs{num("a", 1), attribute.Float64("b", 1.5), attribute.Bool("c", true), {Key: "d"}, str("e", "1"), str("f", ""), str("g", "007"), str("h", "1.10"), str("i", "a=b"), attribute.Int64("min", -1<<63), str("j", `q" \ ö`), str("k", "A")}}, "app"}},
		{"logfmt ids of digits", "logfmt", `msg=hi span_id=1234567890123456`, got{Record: record.Record{Body: body("hi"), SpanID: trace.SpanID{0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56}}}},
		{"logfmt with words", "logfmt", `hello level=info a=b`, text(`hello level=info a=b`)},
		{"logfmt unclosed", "logfmt", `msg="hi level=info`, text(`msg="hi level=info`)},

		{"auto json", "auto", ` {"msg":"hi"}`, hi()},
		{"auto broken json", "auto", `{"msg":`, text(`{"msg":`)},
		{"auto logfmt", "auto", `level=info msg=hi`, level(log.SeverityInfo, "info")},
		{"auto one pair", "auto", `msg=hi`, text(`msg=hi`)},
		{"auto no known key", "auto", `a=1 b=2`, text(`a=1 b=2`)},
		{"auto text", "auto", `user=7 logged in`, text(`user=7 logged in`)},
		{"auto bad otlp is json", "auto", `{"resourceLogs":"none","msg":"hi"}`, hi(str("resourceLogs", "none"))},
		{"text", "text", `{"msg":"hi"}`, text(`{"msg":"hi"}`)},
		{"otlp broken", "otlp_json", `{"resourceLogs":[{]}`, text(`{"resourceLogs":[{]}`)},
		{"otlp wrong type", "otlp_json", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityText":5}]}]}]}`, text(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityText":5}]}]}]}`)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.want.Record.Observed = now
			all := decodeAll(t, tc.format, decode.Options{}, decode.Line{Text: []byte(tc.line)})
			if diff := cmp.Diff([]got{tc.want}, all, sameValue, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

var negativeZero = func() float64 { z := 0.0; return -z }()

func TestLevelNames(t *testing.T) {
	for name, want := range map[string]log.Severity{
		"trace": 1, "DEBUG": 5, "Info": 9, "notice": 10, "warn": 13, "Warning": 13, "error": 17, "err": 17, "critical": 18, "alert": 19,
		"fatal": 21, "panic": 21, "emerg": 21, "info3": 11, "FATAL4": 24, "INFO+2": 11, "DEBUG-4": 1, "DEBUG-400": 1, "ERROR+4": 21, "error+99": 24,
	} {
		all := decodeAll(t, "json", decode.Options{}, decode.Line{Text: []byte(`{"level":"` + name + `"}`)})
		if r := all[0].Record; r.Severity != want || r.SeverityText != name {
			t.Errorf("%s: severity %d with text %q, want %d with the name", name, r.Severity, r.SeverityText, want)
		}
	}
}

func TestNumberedLevels(t *testing.T) {
	for _, tc := range []struct {
		line   string
		python bool
		want   log.Severity
	}{
		{`{"level":10}`, false, 1}, {`{"level":20}`, false, 5}, {`{"level":30}`, false, 9}, {`{"level":40}`, false, 13}, {`{"level":50}`, false, 17}, {`{"level":60}`, false, 21},
		{`{"level":5}`, false, 0}, {`{"level":-30}`, false, 0}, {`{"level":1e1}`, false, 0},
		{`{"levelno":10}`, false, 5}, {`{"levelno":20}`, false, 9}, {`{"levelno":30}`, false, 13}, {`{"levelno":40}`, false, 17}, {`{"levelno":50}`, false, 18},
		{`{"level":30}`, true, 13}, {`{"level":5}`, true, 3}, {`{"level":60}`, true, 0},
	} {
		all := decodeAll(t, "json", decode.Options{PythonLevels: tc.python}, decode.Line{Text: []byte(tc.line)})
		if got := all[0].Record.Severity; got != tc.want {
			t.Errorf("%s, Python %v: severity %d, want %d", tc.line, tc.python, got, tc.want)
		}
	}
}

func TestDefaultSeverity(t *testing.T) {
	for line, want := range map[string]log.Severity{
		"plain": log.SeverityWarn, `{"a":1}`: log.SeverityWarn, `{"level":"gold"}`: log.SeverityWarn, `{"level":"debug"}`: log.SeverityDebug,
		`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}`: log.SeverityWarn,
	} {
		all := decodeAll(t, "auto", decode.Options{Severity: log.SeverityWarn}, decode.Line{Text: []byte(line)})
		if len(all) != 1 || all[0].Record.Severity != want {
			t.Errorf("%s: got %v, want one record of severity %d", line, all, want)
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	const depth = 100_000
	inner := strings.Repeat("[", depth) + strings.Repeat("]", depth)
	for _, line := range []string{
		`{"msg":"hi","a":` + inner + `}`,
		`{"msg":"hi","a":` + strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth) + `}`,
	} {
		r := decodeAll(t, "auto", decode.Options{}, decode.Line{Text: []byte(line)})[0].Record
		v, ok := r.Attr("a")
		if !ok || r.Body.AsString() != "hi" {
			t.Fatalf("got no attribute, body %.40q", r.Body.String())
		}
		levels := 0
		for ; v.Type() == attribute.SLICE || v.Type() == attribute.MAP; levels++ {
			if v.Type() == attribute.SLICE {
				v = v.AsSlice()[0]
			} else {
				v = v.AsMap()[0].Value
			}
		}
		// The value at the limit is a slice whose one element is text.
		if levels == 0 || levels > 64 || len(v.String()) < depth {
			t.Errorf("%d levels around %d bytes of text", levels, len(v.String()))
		}
	}
}

func TestNewRejectsUnknownFormat(t *testing.T) {
	_, err := decode.New("xml", decode.Options{})
	if err == nil || !strings.Contains(err.Error(), "auto, json, logfmt, text, otlp_json") {
		t.Errorf("got %v, want an error that names the known formats", err)
	}
}
