package encode_test

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// normal returns r as OTLP JSON, which is blind to the difference between
// slices of mixed type that happen to be of one and such of that type, and
// between bytes that are not UTF-8 and U+FFFD, and to nothing else.
func normal(r *record.Record) string {
	n := *r
	n.Body = validKeys(n.Body)
	n.Attributes = validMembers(n.Attributes)
	if n.Origin != nil {
		o := *n.Origin
		o.Scope.Attributes = validMembers(o.Scope.Attributes)
		if o.Resource != nil {
			o.Resource = &record.Resource{SchemaURL: o.Resource.SchemaURL, Attributes: validMembers(o.Resource.Attributes)}
		}
		n.Origin = &o
	}
	return string(encode.OTLPJSON().Append(nil, &n))
}

// validKeys returns v with keys in UTF-8, because the order of maps depends on
// the bytes of their keys.
func validKeys(v attribute.Value) attribute.Value {
	switch v.Type() {
	case attribute.SLICE:
		elems := v.AsSlice()
		for i := range elems {
			elems[i] = validKeys(elems[i])
		}
		return attribute.SliceValue(elems...)
	case attribute.MAP:
		return attribute.MapValue(validMembers(v.AsMap())...)
	}
	return v
}

func validMembers(kvs []attribute.KeyValue) []attribute.KeyValue {
	kvs = slices.Clone(kvs)
	for i, kv := range kvs {
		kvs[i] = attribute.KeyValue{Key: attribute.Key(valid(string(kv.Key))), Value: validKeys(kv.Value)}
	}
	return kvs
}

func decodeLines(t *testing.T, format string, out []byte) (recs []record.Record, loggers []string) {
	t.Helper()
	d, err := decode.New(format, decode.Options{Now: func() time.Time { return time.Time{} }})
	if err != nil {
		t.Fatal(err)
	}
	lines := decode.NewLines(strings.NewReader(string(out)), decode.MaxLine)
	for {
		line, err := lines.Next()
		if err != nil {
			return recs, loggers
		}
		d.Decode(line, func(r *record.Record, logger string) {
			recs = append(recs, r.Clone())
			loggers = append(loggers, logger)
		})
	}
}

func FuzzRoundTripOTLPJSON(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		g := generator{data}
		recs := []record.Record{g.record(), g.record(), g.record()}
		recs[2].Origin = recs[0].Origin
		out := encode.OTLPJSON().AppendBatch(nil, recs)
		out = encode.OTLPJSON().Append(out, &recs[0])
		for _, format := range []string{"otlp_json", "auto"} {
			got, _ := decodeLines(t, format, out)
			if len(got) != 4 {
				t.Fatalf("%s: %d records, want 4:\n%s", format, len(got), out)
			}
			for i, want := range []*record.Record{&recs[0], &recs[1], &recs[2], &recs[0]} {
				if w, g := normal(want), normal(&got[i]); w != g {
					t.Errorf("%s: record %d\nwant %sgot  %s", format, i, w, g)
				}
			}
			if got[0].Origin != got[3].Origin {
				t.Errorf("%s: one origin in two lines is not the same pointer", format)
			}
		}
	})
}

// FuzzRoundTripJSON compares with the record as the json format can hold it.
func FuzzRoundTripJSON(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		g := generator{data}
		r := g.record()
		out := encode.JSON(encode.Options{}).Append(nil, &r)
		for _, format := range []string{"json", "auto"} {
			got, loggers := decodeLines(t, format, out)
			if len(got) != 1 {
				t.Fatalf("%s: %d records", format, len(got))
			}
			if loggers[0] != valid(r.Logger()) {
				t.Errorf("%s: logger %q, want %q", format, loggers[0], r.Logger())
			}
			want := asJSON(r)
			if !want.TraceID.IsValid() {
				want.TraceID = trace.TraceID{}
			}
			got[0].SeverityText = got[0].Level()
			if strings.Trim(r.Level(), "0123456789") == "" {
				got[0].SeverityText = r.Level() // Digits are read as a number.
			}
			if got[0].Severity != want.Severity && !levelIsOwn(r) {
				t.Errorf("%s: severity %d, want %d", format, got[0].Severity, want.Severity)
			}
			got[0].Severity = want.Severity
			if w, g := normal(&want), normal(&got[0]); w != g {
				t.Errorf("%s:\nline %swant %sgot  %s", format, out, w, g)
			}
		}
	})
}

// levelIsOwn reports whether r's level is not the name of its severity: then
// the line does not tell that.
func levelIsOwn(r record.Record) bool {
	sev, ok := record.ParseSeverity(r.Level())
	return !ok && r.Level() != "" || sev != r.Severity
}

// asJSON returns what the json format holds of r.
func asJSON(r record.Record) record.Record {
	want := record.Record{
		Timestamp: r.Time(), Severity: r.Severity, SeverityText: r.Level(), EventName: r.EventName,
		Body: asJSONValue(r.Body), TraceID: r.TraceID, SpanID: r.SpanID, Dropped: r.Dropped,
	}
	if y := want.Timestamp.UTC().Year(); y < 1 || y > 9999 {
		// The nearest time that RFC 3339 knows, with the fraction kept.
		want.Timestamp = time.Date(9999, 12, 31, 23, 59, 59, want.Timestamp.Nanosecond(), time.UTC)
		if y < 1 {
			want.Timestamp = time.Date(1, 1, 1, 0, 0, 0, want.Timestamp.Nanosecond(), time.UTC)
		}
	}
	for _, kv := range r.Attributes {
		want.Attributes = append(want.Attributes, attribute.KeyValue{Key: kv.Key, Value: asJSONValue(kv.Value)})
	}
	return want
}

func asJSONValue(v attribute.Value) attribute.Value {
	switch v.Type() {
	case attribute.BYTESLICE:
		return attribute.StringValue(base64.StdEncoding.EncodeToString(v.AsByteSlice()))
	case attribute.FLOAT64:
		switch f := v.AsFloat64(); {
		case math.IsNaN(f):
			return attribute.StringValue("NaN")
		case math.IsInf(f, 1):
			return attribute.StringValue("Infinity")
		case math.IsInf(f, -1):
			return attribute.StringValue("-Infinity")
		}
	case attribute.FLOAT64SLICE:
		var elems []attribute.Value
		for _, f := range v.AsFloat64Slice() {
			elems = append(elems, asJSONValue(attribute.Float64Value(f)))
		}
		return attribute.SliceValue(elems...)
	case attribute.SLICE:
		elems := v.AsSlice()
		for i := range elems {
			elems[i] = asJSONValue(elems[i])
		}
		return attribute.SliceValue(elems...)
	case attribute.MAP:
		kvs := v.AsMap()
		for i := range kvs {
			kvs[i].Value = asJSONValue(kvs[i].Value)
		}
		return attribute.MapValue(kvs...)
	}
	return v
}

// Scalars keep their kind in logfmt.
func TestRoundTripLogfmt(t *testing.T) {
	r := record.Record{
		Timestamp: when, Severity: log.SeverityError, SeverityText: "ERROR", Body: attribute.StringValue("two words\n"),
		TraceID: traceID, SpanID: trace.SpanID{0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56}, EventName: "e v", Dropped: 3,
		Attributes: []attribute.KeyValue{
			attribute.Int("i", -5), attribute.Float64("f", 2), attribute.Float64("small", 1e-9), attribute.Float64("nan", nan), attribute.Float64("inf", -inf),
			attribute.Bool("b", true), {Key: "none"}, attribute.String("level", "gold"), attribute.String("attr.level", "x"),
		},
		Origin: cart,
	}
	for i, w := range words {
		r.Attributes = append(r.Attributes, attribute.String(fmt.Sprintf("word.%d", i), w))
	}
	out := encode.Logfmt(encode.Options{}).Append(nil, &r)
	for _, format := range []string{"logfmt", "auto"} {
		got, loggers := decodeLines(t, format, out)
		if len(got) != 1 || loggers[0] != "shop.cart" {
			t.Fatalf("%s: %d records, loggers %q", format, len(got), loggers)
		}
		want := r
		want.Origin = nil
		if w, g := normal(&want), normal(&got[0]); w != g {
			t.Errorf("%s:\nline %swant %sgot  %s", format, out, w, g)
		}
	}
}
