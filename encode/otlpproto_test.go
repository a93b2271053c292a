package encode_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// compareProto reads out as LogsData, whose one field is that of the request
// (whose package needs gRPC), and compares it with want. Protobuf's own bytes
// come in another order, but ours must not be more.
func compareProto(t *testing.T, out []byte, want *logspb.LogsData) {
	t.Helper()
	var got logspb.LogsData
	if err := proto.Unmarshal(out, &got); err != nil {
		t.Fatalf("proto: %v\n%.5000x", err, out)
	}
	if !proto.Equal(want, &got) { // It takes NaN for equal to itself.
		t.Errorf("got  %.5000s\nwant %.5000s", got.String(), want)
		return
	}
	if n := proto.Size(want); len(out) != n {
		t.Errorf("the same message in %d bytes, want %d:\n%.5000x", len(out), n, out)
	}
}

func fuzzRecords(g *generator) []record.Record {
	recs := []record.Record{g.record(), g.record(), g.record(), g.record()}
	recs[1].Origin = recs[0].Origin
	if recs[0].Origin != nil && g.n(2) == 0 {
		recs[2].Origin = &record.Origin{Resource: recs[0].Origin.Resource, Scope: record.Scope{Name: "other", SchemaURL: g.str()}}
	}
	return recs
}

// FuzzOTLPProto compares with a message built field by field, the same that
// FuzzOTLPJSON compares with.
func FuzzOTLPProto(f *testing.F) {
	addSeeds(f)
	enc := encode.OTLPProto()
	f.Fuzz(func(t *testing.T, data []byte) {
		g := generator{data}
		recs := fuzzRecords(&g)
		before := []byte("before")
		one := &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{pbResourceLogs(&recs[0])}}
		compareProto(t, bytes.TrimPrefix(enc.Append(before, &recs[0]), before), one)
		compareProto(t, bytes.TrimPrefix(enc.AppendBatch(before, recs), before), pbBatch(recs))
	})
}

// Lengths of one to four bytes, of every message and string.
func TestOTLPProtoLengths(t *testing.T) {
	enc := encode.OTLPProto()
	for _, size := range []int{0, 10, 120, 127, 128, 16_000, 16_383, 16_384, 1 << 21} {
		if raceEnabled && size > 16_384 {
			break
		}
		s := strings.Repeat("s", size)
		small, large := scalars(), scalars()
		large.Body = attribute.StringValue(s)
		large.EventName = s
		large.Attributes = append(large.Attributes,
			attribute.String(s, s), attribute.ByteSlice("b", []byte(s)), attribute.Map(s, attribute.StringSlice("list", []string{s, "t"})))
		large.Origin = &record.Origin{Resource: &record.Resource{SchemaURL: s, Attributes: large.Attributes},
			Scope: record.Scope{Name: s, SchemaURL: s}}
		recs := []record.Record{small, large, large, small}
		compareProto(t, enc.AppendBatch(nil, recs), pbBatch(recs))
		checkUpTo(t, recs)
	}
}

func TestOTLPProtoHoldsWhatOTLPJSONHolds(t *testing.T) {
	var got logspb.LogsData
	if err := proto.Unmarshal(encode.OTLPProto().AppendBatch(nil, samples()), &got); err != nil {
		t.Fatal(err)
	}
	compareOTLP(t, encode.OTLPJSON().AppendBatch(nil, samples()), &got)
}

func TestOTLPProtoExtremes(t *testing.T) {
	enc := encode.OTLPProto()
	read := func(t *testing.T, r *record.Record) *logspb.LogRecord {
		t.Helper()
		var got logspb.LogsData
		if err := proto.Unmarshal(enc.Append(nil, r), &got); err != nil {
			t.Fatal(err)
		}
		return got.ResourceLogs[0].ScopeLogs[0].LogRecords[0]
	}
	t.Run("numbers", func(t *testing.T) {
		got := read(t, &record.Record{Severity: -1, Dropped: math.MaxInt - 5})
		if got.SeverityNumber != -1 || got.DroppedAttributesCount != math.MaxUint32 {
			t.Errorf("got %v, want a severity of -1 and the largest count", got)
		}
		if got := read(t, &record.Record{Dropped: -1}); got.DroppedAttributesCount != 0 {
			t.Errorf("got %v for a count of -1, want none", got)
		}
	})
	t.Run("no records", func(t *testing.T) {
		if out := enc.AppendBatch(nil, nil); len(out) != 0 {
			t.Errorf("got %x, want nothing", out)
		}
	})
	t.Run("two messages are one", func(t *testing.T) {
		recs := samples()[:2]
		out := enc.Append(enc.Append(nil, &recs[0]), &recs[1])
		compareProto(t, out, &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{pbResourceLogs(&recs[0]), pbResourceLogs(&recs[1])}})
	})
	t.Run("depth", func(t *testing.T) {
		deep := attribute.StringValue("bottom")
		for i := range 1000 {
			if i%2 == 0 {
				deep = attribute.MapValue(attribute.KeyValue{Key: "k", Value: deep})
			} else {
				deep = attribute.SliceValue(deep)
			}
		}
		v, depth := read(t, &record.Record{Body: deep}).Body, 0
		for ; v.GetStringValue() == ""; depth++ {
			if list := v.GetKvlistValue(); list != nil {
				v = list.Values[0].Value
			} else {
				v = v.GetArrayValue().Values[0]
			}
		}
		if depth != encode.MaxDepth || v.GetStringValue() != encode.TooDeep {
			t.Errorf("%q at depth %d, want %q at %d", v.GetStringValue(), depth, encode.TooDeep, encode.MaxDepth)
		}
	})
}

// Parsers in C++ and Java refuse messages nested more than 100 deep.
func TestOTLPProtoMessageDepth(t *testing.T) {
	deep := attribute.StringValue("bottom")
	for range 1000 {
		deep = attribute.MapValue(attribute.KeyValue{Key: "k", Value: deep})
	}
	attrs := []attribute.KeyValue{{Key: "deep", Value: deep}}
	r := record.Record{Body: deep, Attributes: attrs, Origin: &record.Origin{
		Resource: &record.Resource{Attributes: attrs}, Scope: record.Scope{Attributes: attrs},
	}}
	got := messageDepth(unmarshalLogs(t, encode.OTLPProto().Append(nil, &r)).ProtoReflect())
	if got > 100 || got+3 <= 100 {
		t.Errorf("messages are nested %d deep, want as many as fit into 100", got)
	}
}

// messageDepth is 1 for a message that holds no other.
func messageDepth(m protoreflect.Message) int {
	below := 0
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				below = max(below, messageDepth(v.List().Get(i).Message()))
			}
		default:
			below = max(below, messageDepth(v.Message()))
		}
		return true
	})
	return below + 1
}

func TestOTLPProtoAllocatesNothing(t *testing.T) {
	recs := []record.Record{scalars(), scalars(), scalars()}
	recs[1].Origin = payment
	recs[2].Attributes = append(recs[2].Attributes, attribute.ByteSlice("bytes", bytes.Repeat([]byte("b"), 100)), attribute.String("broken", "\xff"))
	enc := encode.OTLPProto()
	encoded := encodeEach(recs)
	encoded[0].UID = "0192"
	buf := make([]byte, 0, 1<<16)
	for what, call := range map[string]func(){
		"Append":      func() { buf = enc.Append(buf[:0], &recs[0]) },
		"AppendBatch": func() { buf = enc.AppendBatch(buf[:0], recs) },
		"AppendLog":   func() { buf = enc.AppendLog(buf[:0], &recs[0]) },
		"origin": func() {
			buf = enc.AppendScopeFields(enc.AppendResourceFields(buf[:0], cart), cart)
		},
		"AppendOTLPRecords": func() { buf, _ = encode.AppendOTLPRecords(buf[:0], encoded, 400) },
	} {
		if n := testing.AllocsPerRun(100, call); n != 0 {
			t.Errorf("%s: %v allocations, want 0", what, n)
		}
	}
}
