package decode_test

import (
	"bytes"
	"testing"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// FuzzOTLPProto holds that what the generated code reads is read alike, by
// way of JSON, and that nothing is yielded for what is refused.
func FuzzOTLPProto(f *testing.F) {
	f.Add(marshal(f, everyField()))
	f.Add([]byte(inRecord(pb{}.msg(5, pb{}.msg(5, pb{}.msg(1, pb{}.str(1, "a")))).msg(5, pb{}.msg(5, pb{}.msg(1, pb{}.uint(3, 1)))))))
	f.Add([]byte(inRecord(pb{}.msg(6, pb{}.str(1, "k").msg(2, pb{}.fixed64(4, 1<<62))).uint(7, 3).fixed32(8, 1).str(9, "0123456789abcdef").str(12, "e"))))
	f.Add([]byte(pb{}.msg(1, pb{}.msg(1, pb{}.msg(1, pb{}.str(1, "r"))).msg(2, pb{}.msg(2, nil).msg(1, pb{}.str(1, "s"))).str(3, "u")).uint(9, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		var d decode.OTLPProto
		all, err := decodeProto(&d, data)
		if err != nil && len(all) != 0 {
			t.Fatalf("%d records and %v", len(all), err)
		}
		var m logspb.LogsData
		if (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, &m) != nil {
			return // Perhaps not UTF-8 only.
		}
		canonical := marshal(t, &m)
		plain, plainErr := decodeProto(&d, canonical)
		if plainErr != nil {
			t.Fatalf("of what generated code has written: %v", plainErr)
		}
		text := lines(plain)
		// The generated code takes wrong wire types and groups for unknown
		// fields.
		if err == nil && !bytes.Equal(lines(all), text) {
			t.Errorf("got %s\nwant %s", lines(all), text)
		}
		if bytes.Contains(text, []byte(encode.TooDeep)) {
			return // JSON keeps the text there.
		}
		dropBadIDs(&m)
		if want := lines(decodeAsJSON(t, &m)); !bytes.Equal(text, want) {
			t.Errorf("got %s\nfrom JSON %s", text, want)
		}
	})
}

// lines are the records in JSON: NaN, which is not equal to itself, can so be
// compared.
func lines(all []got) (out []byte) {
	enc := encode.OTLPJSON()
	for i := range all {
		out = enc.Append(out, &all[i].Record)
	}
	return out
}

// dropBadIDs drops ids of a wrong length, which are an error in JSON.
func dropBadIDs(m *logspb.LogsData) {
	for _, rl := range m.ResourceLogs {
		for _, sl := range rl.ScopeLogs {
			for _, r := range sl.LogRecords {
				if len(r.TraceId) != len(record.Record{}.TraceID) {
					r.TraceId = nil
				}
				if len(r.SpanId) != len(record.Record{}.SpanID) {
					r.SpanId = nil
				}
			}
		}
	}
}
