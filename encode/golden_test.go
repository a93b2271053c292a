package encode_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

var (
	when    = time.Date(2026, 11, 21, 10, 15, 30, 123456789, time.UTC)
	traceID = trace.TraceID{0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36}
	spanID  = trace.SpanID{0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7}
	shop    = &record.Resource{
		Attributes: []attribute.KeyValue{
			attribute.String("service.name", "shop"),
			attribute.Int("service.instance", 3),
		},
		SchemaURL: "https://opentelemetry.io/schemas/1.43.0",
	}
	cart    = &record.Origin{Resource: shop, Scope: record.Scope{Name: "shop.cart", Version: "1.2.0"}}
	payment = &record.Origin{Resource: shop, Scope: record.Scope{
		Name: "shop.payment", SchemaURL: "https://example.com/schema",
		Attributes: []attribute.KeyValue{attribute.Bool("beta", true)},
	}}
)

// samples are the records of the golden files, in order.
func samples() []record.Record {
	return []record.Record{
		{
			Timestamp: when, Severity: log.SeverityError, SeverityText: "ERROR",
			Body: attribute.StringValue("payment refused"), TraceID: traceID, SpanID: spanID, TraceFlags: trace.FlagsSampled,
			Attributes: []attribute.KeyValue{
				attribute.Map("order", attribute.Int("id", 7)),
				attribute.String("level", "gold"),
				attribute.String("exception.type", "*net.OpError"),
			},
			Origin: cart,
		},
		{ // Every kind of value; only an observed time; no severity.
			Observed: when, EventName: "cart.checkout",
			Body: attribute.MapValue(attribute.Int("total", 12), attribute.Slice("tags", attribute.StringValue("a"), attribute.IntValue(1))),
			Attributes: []attribute.KeyValue{
				attribute.String("s", "two words"), attribute.String("number", "42"), attribute.String("empty", ""),
				attribute.Int64("i", -9223372036854775808), attribute.Float64("f", 3), attribute.Float64("tiny", 1e-9),
				attribute.Bool("b", true), {Key: "none"},
				attribute.ByteSlice("bytes", []byte{0, 1, 0xff}),
				attribute.StringSlice("ss", []string{"x", "y z"}), attribute.Int64Slice("is", []int64{1, 2}),
				attribute.Float64Slice("fs", []float64{0.5, 2}), attribute.BoolSlice("bs", []bool{true, false}),
				attribute.Map("deep", attribute.Map("er", attribute.String("k", "v")), attribute.Map("void")),
			},
			Dropped: 2, Origin: payment,
		},
		{ // Nothing at all.
		},
		{ // Clashes, duplicates, and keys that look escaped.
			Timestamp: when, Severity: log.SeverityWarn2, Body: attribute.StringValue("clash"),
			Attributes: []attribute.KeyValue{
				attribute.Int("dup", 1), attribute.String("msg", "m"), attribute.String("attr.msg", "am"),
				attribute.String("pid", "p"), attribute.String("attr.pid", "ap"), attribute.String("attr.other", "ao"),
				attribute.String("trace_id", "t"), attribute.String("dropped_attributes", "d"),
				attribute.Int("dup", 2), attribute.String("", "empty key"),
			},
			Origin: cart,
		},
		{ // Hostile text.
			Timestamp: when, Severity: log.SeverityFatal, SeverityText: "FA\x1b[0mTAL\n",
			Body:      attribute.StringValue("a\nb\r\x00\x1b[31m\x7f\u009b\u202eevil\u2028]\"\\ \xff\xfe ö\ufffd\t"),
			EventName: "ev\nent",
			Attributes: []attribute.KeyValue{
				attribute.String("k\ne=y \"\x1b\u202e\xff", "v\n\"\x1b]0;title\x07\u202e\xff"),
				attribute.Float64("nan", nan), attribute.Float64("inf", inf), attribute.Float64("-inf", -inf),
				attribute.Map("m\n", attribute.String("\x1b", "\x1b")),
			},
			Origin: &record.Origin{Scope: record.Scope{Name: "log\nger\x1b"}},
		},
		{ // An exception, with the place of the call.
			Timestamp: when, Severity: log.SeverityError, SeverityText: "ERROR", Body: attribute.StringValue("request failed"),
			Attributes: []attribute.KeyValue{
				attribute.String("code.file.path", "/app/cart.go"), attribute.Int("code.line.number", 42),
				attribute.String("code.function.name", "shop.Pay"),
				attribute.String("exception.type", "*net.OpError"),
				attribute.String("exception.message", "dial tcp:\nrefused"),
				attribute.String("exception.stacktrace", "main.pay(...)\n\t/app/cart.go:42\r\n\x1b[2Jmain.main()\n\t\t/app/main.go:7\n"),
				attribute.String("user", "ann"),
			},
			Origin: cart,
		},
	}
}

func TestGolden(t *testing.T) {
	all := []encode.Field{"resource", "source", "host", "pid", "service"}
	for _, tc := range []struct {
		name, format string
		o            encode.Options
	}{
		{"json", "json", encode.Options{}},
		{"json_include", "json", encode.Options{Include: []encode.Field{"source", "service", "resource"}}},
		{"logfmt", "logfmt", encode.Options{}},
		{"logfmt_include", "logfmt", encode.Options{Include: []encode.Field{"source", "service", "resource"}}},
		{"text", "text", encode.Options{}},
		{"text_include", "text", encode.Options{Include: []encode.Field{"source", "service"}}},
		{"template", "text", encode.Options{Template: "{time} {level<5} {logger}: {message} {trace_id} {span_id} {event} {attributes} {exception}"}},
		{"template_columns", "text", encode.Options{Location: time.FixedZone("NZDT", 13*3600), Template: "" +
			"{local_time:Jan _2 15:04:05.000 MST}\t{time:20060102}|{level>7}|{logger<14}|{{{service}}} [{attr:order.id>4}] {attr:deep.er.k} {attr:deep.void} " +
			"{attr:bytes} {attr:ss} {attr:none} {attr:number} ({source}) {exception:type}/{exception:message}/{exception:stack} {attributes}"}},
		{"pretty", "pretty", encode.Options{Location: time.UTC}},
		{"pretty_color", "pretty", encode.Options{Location: time.UTC, Color: true, Include: []encode.Field{"source"}}},
		{"otlp_json", "otlp_json", encode.Options{Include: all}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			enc, err := encode.New(tc.format, tc.o)
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			for _, r := range samples() {
				got = enc.Append(got, &r)
			}
			if batch, ok := enc.(encode.BatchEncoder); ok {
				got = batch.AppendBatch(got, samples())
			}
			golden(t, tc.name, got)
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
