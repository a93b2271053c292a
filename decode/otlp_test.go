package decode_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/record"
)

// What other writers of OTLP JSON do: schemaUrl and scope behind the records,
// numbers where ours are strings, nulls, unknown fields, URL-safe base64.
const foreignOTLP = `{ "resourceLogs" : [ {
	"scopeLogs": [ {
		"logRecords": [
			{"timeUnixNano": 1795256130123456789, "observedTimeUnixNano": "0", "severityNumber": 9, "body": null, "unknown": {"a": [1, {}]},
			 "attributes": [
				{"value": {"intValue": 5}, "key": "i"}, {"key": "d", "value": {"doubleValue": "1.5"}}, {"key": "n", "value": {"doubleValue": 2}},
				{"key": "b", "value": {"bytesValue": "-_8"}}, {"key": "none"}, {"key": "i", "value": {"intValue": "6"}}
			 ], "traceId": "", "spanId": "00F067AA0BA902B7", "flags": 257, "droppedAttributesCount": 3 },
			{"body": {"stringValue": "second"}}
		],
		"scope": {"name": "shop.cart", "droppedAttributesCount": 1}, "schemaUrl": "scope/1"
	} ],
	"schemaUrl": "resource/1", "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
} ], "other": 1 }`

func TestForeignOTLP(t *testing.T) {
	origin := &record.Origin{
		Resource: &record.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "shop")}, SchemaURL: "resource/1"},
		Scope:    record.Scope{Name: "shop.cart", SchemaURL: "scope/1"},
	}
	want := []got{
		{record.Record{
			Timestamp: when, Observed: now, Severity: log.SeverityInfo, Dropped: 3, TraceFlags: 1, Origin: origin,
			SpanID: [8]byte{0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7},
			Attributes: []attribute.KeyValue{
				attribute.Float64("d", 1.5), attribute.Float64("n", 2), attribute.ByteSlice("b", []byte{0xfb, 0xff}), {Key: "none"}, attribute.Int("i", 6),
			},
		}, "shop.cart"},
		{record.Record{Observed: now, Body: attribute.StringValue("second"), Origin: origin}, "shop.cart"},
	}
	for _, format := range []string{"auto", "otlp_json"} {
		all := decodeAll(t, format, decode.Options{}, decode.Line{Text: []byte(foreignOTLP)})
		if diff := cmp.Diff(want, all, sameValue, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

// An id that is none costs neither the record nor its other id.
func TestOTLPInvalidIDs(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for _, bad := range []string{
		"", "0", trace[1:], span[1:], trace + "0", trace + trace, "S/kvNXezTaajzpKdDg5HNg==", "AAAAAAAAAAE=",
		strings.Repeat("0", 32), strings.Repeat("0", 16), strings.Repeat("x", 32), strings.Repeat("x", 16), strings.Repeat("4b", 15) + "4x",
	} {
		for _, ids := range [][2]string{{trace, bad}, {bad, span}} {
			line := `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"` + ids[0] + `","spanId":"` + ids[1] + `","body":{"stringValue":"kept"}}]}]}]}`
			all := decodeAll(t, "otlp_json", decode.Options{}, decode.Line{Text: []byte(line)})
			if len(all) != 1 || all[0].Record.Body.AsString() != "kept" {
				t.Fatalf("ids %q: got %v, want the record", ids, all)
			}
			r := all[0].Record
			if r.TraceID.IsValid() != (ids[0] == trace) || r.SpanID.IsValid() != (ids[1] == span) {
				t.Errorf("ids %q: got %s and %s", ids, r.TraceID, r.SpanID)
			}
		}
	}
}

func TestOTLPWithoutRecords(t *testing.T) {
	for _, line := range []string{`{"resourceLogs":[]}`, `{"resourceLogs":[{"scopeLogs":[{}]}]}`} {
		if all := decodeAll(t, "otlp_json", decode.Options{}, decode.Line{Text: []byte(line)}); len(all) != 0 {
			t.Errorf("%s: %d records, want none", line, len(all))
		}
	}
}

// More origins than a decoder remembers are all right, too.
func TestManyOrigins(t *testing.T) {
	d, err := decode.New("auto", decode.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		name := strings.Repeat("x", i)
		line := `{"resourceLogs":[{"resource":{"attributes":[{"key":"k","value":{"stringValue":"` + name + `"}}]},"scopeLogs":[{"scope":{"name":"` + name + `"},"logRecords":[{}]}]}]}`
		n := 0
		d.Decode(decode.Line{Text: []byte(line)}, func(r *record.Record, logger string) {
			n++
			if v := r.ResourceAttributes()[0].Value.AsString(); v != name || logger != name {
				t.Errorf("line %d: resource %q, logger %q", i, v, logger)
			}
		})
		if n != 1 {
			t.Fatalf("line %d: %d records", i, n)
		}
	}
}

// A decoder reuses its record; nothing of one line may be left in the next.
func TestNothingIsLeftOver(t *testing.T) {
	lines := []string{
		`{"msg":"a","level":"error","time":"2026-11-21T10:15:30Z","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","event":"e","x":1,"y":2,"dropped_attributes":3,"logger":"l"}`,
		`plain`, `{"z":1}`, `{"a":1,"b":2`, `level=warn msg=m k=v`, `a=1 b="`, foreignOTLP, `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{},5]}]}]}`, ``,
	}
	fixed := func() time.Time { return now }
	shared, err := decode.New("auto", decode.Options{Now: fixed})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, text := range lines {
			want := decodeAll(t, "auto", decode.Options{}, decode.Line{Text: []byte(text)})
			var all []got
			shared.Decode(decode.Line{Text: []byte(text)}, func(r *record.Record, logger string) {
				all = append(all, got{r.Clone(), logger})
			})
			if diff := cmp.Diff(want, all, sameValue, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-fresh +reused):\n%s", text, diff)
			}
		}
	}
}
