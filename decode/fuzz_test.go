package decode_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/decode"
)

var fuzzSeeds = []string{
	`{"msg":"hi","level":"info","time":"2026-11-21T10:15:30.123456789Z","a":{"b":[1,2.5,"c",null,true]}}`,
	`{"message":"x","ts":1795256130.5,"severity":40,"name":"n","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","attr.msg":1,"attr.attr.msg":2}`,
	`{"a":"\ud83d\ude00\ud83d\u00e9\n","b":-0,"c":1e999,"d":12345678901234567890,"e":0.10}`,
	`level=info msg="a \"b\" \x41" n=1 f=1.5 t=true z= u=a=b`, `time=2026-11-21T10:15:30Z msg=x`,
	`{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}]},"scopeLogs":[{"scope":{"name":"n"},"logRecords":[{"timeUnixNano":"1795256130123456789","severityNumber":9,"body":{"kvlistValue":{"values":[{"key":"k","value":{"arrayValue":{"values":[{"intValue":"1"},{"doubleValue":"NaN"},{"bytesValue":"AAH/"}]}}}]}},"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"}]}]}]}`,
	`[]`, `{}`, `{"a":}`, "\xff\x00", `{"":""}`, `{ "a" : [ ] , "b" : { } } `, `{"a":01}`, `{"a":1.}`, `{"a":tru}`, "{\"a\":\"\t\"}", `{"a":"\u12"}`,
}

// FuzzDecode holds that every line becomes a record whatever the format, and
// that a JSON object is taken for one exactly where encoding/json takes it.
func FuzzDecode(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		isObject := json.Valid(data) && bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{"))
		for _, format := range []string{"auto", "json", "logfmt", "text", "otlp_json"} {
			all := decodeAll(t, format, decode.Options{}, decode.Line{Text: data})
			// Only OTLP may hold any number of records, 0 included.
			isOTLP := isObject && strings.Contains(string(data), `resource`) && (format == "otlp_json" || format == "auto")
			if len(all) != 1 && !isOTLP {
				t.Fatalf("%s: %d records", format, len(all))
			}
			if format != "json" {
				continue
			}
			r := all[0].Record
			asText := r.Body.Type() == attribute.STRING && r.Body.AsString() == string(data) && len(r.Attributes) == 0
			if asText == isObject {
				t.Errorf("taken for text: %v, an object for encoding/json: %v", asText, isObject)
			}
			if isObject {
				compareJSON(t, data, all[0])
			}
		}
	})
}

// compareJSON compares attributes with what encoding/json reads.
func compareJSON(t *testing.T, data []byte, g got) {
	if bytes.Contains(data, []byte("attr")) {
		return // Keys may be unescaped.
	}
	var want map[string]any
	if err := json.Unmarshal(data, &want); err != nil {
		return // A number beyond float64.
	}
	for _, kv := range g.Record.Attributes {
		w, ok := want[string(kv.Key)]
		if !ok {
			continue // Not UTF-8, which encoding/json replaces.
		}
		switch w := w.(type) {
		case string:
			if v := kv.Value; v.Type() != attribute.STRING || strings.ToValidUTF8(w, "") != strings.ToValidUTF8(v.AsString(), "") && !strings.Contains(w, "\ufffd") {
				t.Errorf("%s is %s, want %q", kv.Key, v.String(), w)
			}
		case bool:
			if kv.Value != attribute.BoolValue(w) {
				t.Errorf("%s is %s, want %v", kv.Key, kv.Value.String(), w)
			}
		case nil:
			if kv.Value.Type() != attribute.EMPTY {
				t.Errorf("%s is %s, want nothing", kv.Key, kv.Value.String())
			}
		case float64:
			switch v := kv.Value; v.Type() {
			case attribute.FLOAT64:
				if v.AsFloat64() != w {
					t.Errorf("%s is %v, want %v", kv.Key, v.AsFloat64(), w)
				}
			case attribute.INT64:
				if float64(v.AsInt64()) != w {
					t.Errorf("%s is %d, want %v", kv.Key, v.AsInt64(), w)
				}
			case attribute.STRING:
				if !bytes.Contains(data, []byte(v.AsString())) {
					t.Errorf("%s is %q, which is not in the line", kv.Key, v.AsString())
				}
			}
		}
	}
}
