package decode_test

import (
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/record"
)

func benchMessage(t testing.TB, records int) []byte {
	recs := make([]*logspb.LogRecord, records)
	for i := range recs {
		recs[i] = &logspb.LogRecord{
			TimeUnixNano: uint64(when.UnixNano()), SeverityNumber: 9, SeverityText: "INFO", Body: pbString("order placed and waiting for payment"),
			TraceId: []byte("0123456789abcdef"), SpanId: []byte("01234567"),
			Attributes: []*commonpb.KeyValue{
				pbKV("user", pbString("alice@example.com")), pbKV("order.id", pbInt(123456)), pbKV("amount", pbDouble(99.95)),
				pbKV("express", pbBool(true)), pbKV("currency", pbString("EUR")),
			},
		}
	}
	m := everyField()
	m.ResourceLogs = m.ResourceLogs[:1]
	m.ResourceLogs[0].ScopeLogs = m.ResourceLogs[0].ScopeLogs[:1]
	m.ResourceLogs[0].ScopeLogs[0].LogRecords = recs
	return marshal(t, m)
}

// A record costs the copy of its text and nothing per scalar, a known origin
// nothing.
func TestOTLPProtoAllocations(t *testing.T) {
	const records = 100
	var d decode.OTLPProto
	msg := benchMessage(t, records)
	yield := func(*record.Record) {}
	if n := testing.AllocsPerRun(100, func() {
		if err := d.Decode(msg, yield); err != nil {
			t.Fatal(err)
		}
	}); n > records {
		t.Errorf("%v allocations for %d records", n, records)
	}
}

// BenchmarkOTLPProto decodes a message of 512 records, and these one by one;
// generated is what the generated code takes for the same.
func BenchmarkOTLPProto(b *testing.B) {
	msg := benchMessage(b, 512)
	b.Run("own", func(b *testing.B) {
		var d decode.OTLPProto
		b.SetBytes(int64(len(msg)))
		b.ReportAllocs()
		for b.Loop() {
			if err := d.Decode(msg, func(*record.Record) {}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("apart", func(b *testing.B) {
		var whole logspb.LogsData
		if err := proto.Unmarshal(msg, &whole); err != nil {
			b.Fatal(err)
		}
		var logs [][]byte
		for _, r := range whole.ResourceLogs[0].ScopeLogs[0].LogRecords {
			logs = append(logs, marshal(b, r))
		}
		var d decode.OTLPProto
		b.SetBytes(int64(len(msg)))
		b.ReportAllocs()
		for b.Loop() {
			for _, log := range logs {
				if _, err := d.Log(log, nil); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("generated", func(b *testing.B) {
		b.SetBytes(int64(len(msg)))
		b.ReportAllocs()
		for b.Loop() {
			var m logspb.LogsData
			if err := proto.Unmarshal(msg, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
}
