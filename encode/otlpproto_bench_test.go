package encode_test

import (
	"math"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// BenchmarkOTLPProto encodes a batch of 512 records: with the encoder, from
// records that it encoded one by one before, with protobuf from messages that
// are there already, and from ones that are built first, as an exporter on
// generated messages has to.
func BenchmarkOTLPProto(b *testing.B) {
	recs := make([]record.Record, 512)
	for i := range recs {
		recs[i] = scalars()
	}
	enc := encode.OTLPProto()
	marshal := func(b *testing.B, buf []byte, data *logspb.LogsData) []byte {
		buf, err := proto.MarshalOptions{}.MarshalAppend(buf, data)
		if err != nil {
			b.Fatal(err)
		}
		return buf
	}
	built, encoded := lean(recs), encodeEach(recs)
	for _, way := range []struct {
		name   string
		append func(b *testing.B, buf []byte) []byte
	}{
		{"sluice", func(_ *testing.B, buf []byte) []byte { return enc.AppendBatch(buf, recs) }},
		{"encoded before", func(_ *testing.B, buf []byte) []byte {
			buf, _ = encode.AppendOTLPRecords(buf, encoded, math.MaxInt)
			return buf
		}},
		{"marshal", func(b *testing.B, buf []byte) []byte { return marshal(b, buf, built) }},
		{"build and marshal", func(b *testing.B, buf []byte) []byte { return marshal(b, buf, lean(recs)) }},
		{"otlp_json", func(_ *testing.B, buf []byte) []byte { return encode.OTLPJSON().AppendBatch(buf, recs) }},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				buf = way.append(b, buf[:0])
			}
			b.SetBytes(int64(len(buf)))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(recs)), "ns/record")
		})
	}
}

// BenchmarkOTLPProtoNested has strings at the bottom of maps as deep as they
// may be, which is where lengths are guessed wrong most.
func BenchmarkOTLPProtoNested(b *testing.B) {
	deep := attribute.StringValue(string(make([]byte, 1<<20)))
	for range encode.MaxDepth {
		deep = attribute.MapValue(attribute.KeyValue{Key: "k", Value: deep})
	}
	r := record.Record{Body: deep}
	for name, enc := range map[string]encode.Encoder{"sluice": encode.OTLPProto(), "otlp_json": encode.OTLPJSON()} {
		b.Run(name, func(b *testing.B) {
			var buf []byte
			for b.Loop() {
				buf = enc.Append(buf[:0], &r)
			}
			b.SetBytes(int64(len(buf)))
		})
	}
}

// lean builds the messages of recs, of one origin and with scalar attributes,
// with as little as that takes.
func lean(recs []record.Record) *logspb.LogsData {
	o := recs[0].Origin
	scope := &logspb.ScopeLogs{
		Scope:      &commonpb.InstrumentationScope{Name: o.Scope.Name, Version: o.Scope.Version},
		LogRecords: make([]*logspb.LogRecord, len(recs)),
	}
	for i := range recs {
		r := &recs[i]
		scope.LogRecords[i] = &logspb.LogRecord{
			TimeUnixNano: uint64(r.Timestamp.UnixNano()), SeverityNumber: logspb.SeverityNumber(r.Severity), SeverityText: r.SeverityText,
			Body: pbValue(r.Body), Attributes: leanKeyValues(r.Attributes),
			TraceId: r.TraceID[:], SpanId: r.SpanID[:], Flags: uint32(r.TraceFlags),
		}
	}
	return &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{{
		Resource:  &resourcepb.Resource{Attributes: leanKeyValues(o.Resource.Attributes)},
		ScopeLogs: []*logspb.ScopeLogs{scope},
		SchemaUrl: o.Resource.SchemaURL,
	}}}
}

func leanKeyValues(kvs []attribute.KeyValue) []*commonpb.KeyValue {
	out := make([]*commonpb.KeyValue, len(kvs))
	for i, kv := range kvs {
		value := &commonpb.AnyValue{}
		if kv.Value.Type() == attribute.STRING { // pbValue copies the string.
			value.Value = &commonpb.AnyValue_StringValue{StringValue: kv.Value.AsString()}
		} else {
			value = pbValue(kv.Value)
		}
		out[i] = &commonpb.KeyValue{Key: string(kv.Key), Value: value}
	}
	return out
}
