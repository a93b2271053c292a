package decode_test

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

func pbString(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}

func pbInt(n int64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: n}}
}

func pbDouble(f float64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: f}}
}

func pbBool(b bool) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: b}}
}

func pbBytes(b ...byte) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: b}}
}

func pbArray(values ...*commonpb.AnyValue) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: values}}}
}

func pbMap(kvs ...*commonpb.KeyValue) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: kvs}}}
}

func pbKV(key string, v *commonpb.AnyValue) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: v}
}

// everyField has every field and every kind of value that a record can hold.
func everyField() *logspb.LogsData {
	return &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{
		{
			Resource:  &resourcepb.Resource{Attributes: []*commonpb.KeyValue{pbKV("service.name", pbString("shop")), pbKV("a", pbInt(1)), pbKV("a", pbInt(2))}, DroppedAttributesCount: 3},
			SchemaUrl: "resource/1",
			ScopeLogs: []*logspb.ScopeLogs{
				{
					Scope:     &commonpb.InstrumentationScope{Name: "shop.cart", Version: "1.2", Attributes: []*commonpb.KeyValue{pbKV("s", pbBool(true))}},
					SchemaUrl: "scope/1",
					LogRecords: []*logspb.LogRecord{
						{
							TimeUnixNano: uint64(when.UnixNano()), ObservedTimeUnixNano: uint64(when.UnixNano()) + 1,
							SeverityNumber: logspb.SeverityNumber_SEVERITY_NUMBER_ERROR2, SeverityText: "CRIT", EventName: "pay",
							Body:    pbMap(pbKV("k", pbArray(pbInt(-1), pbString("zwölf"))), pbKV("k", pbInt(7)), pbKV("", nil), pbKV("m", pbMap())),
							TraceId: []byte("0123456789abcdef"), SpanId: []byte("01234567"), Flags: 0x101, DroppedAttributesCount: math.MaxUint32,
							Attributes: []*commonpb.KeyValue{
								pbKV("string", pbString("")), pbKV("int", pbInt(math.MinInt64)), pbKV("double", pbDouble(math.Inf(-1))),
								pbKV("bool", pbBool(false)), pbKV("bytes", pbBytes(0, 0xff)), pbKV("none", &commonpb.AnyValue{}), pbKV("nil", nil),
								pbKV("strings", pbArray(pbString("a"), pbString("b"))), pbKV("ints", pbArray(pbInt(1), pbInt(math.MaxInt64))),
								pbKV("doubles", pbArray(pbDouble(1.5))), pbKV("bools", pbArray(pbBool(true))), pbKV("empty", pbArray()),
								pbKV("mixed", pbArray(pbInt(1), pbArray(pbBytes(1)), &commonpb.AnyValue{})), pbKV("map", pbMap(pbKV("x", pbDouble(-0.5)))),
								pbKV("twice", pbInt(1)), pbKV("twice", pbInt(2)),
							},
						},
						{Body: pbString("second")},
					},
				},
				{SchemaUrl: "scope/2", LogRecords: []*logspb.LogRecord{{}, {SeverityNumber: -5, TimeUnixNano: math.MaxUint64}}},
			},
		},
		{ScopeLogs: []*logspb.ScopeLogs{{LogRecords: []*logspb.LogRecord{{Body: pbBytes()}}}, {Scope: &commonpb.InstrumentationScope{}, LogRecords: []*logspb.LogRecord{{}}}}},
		{Resource: &resourcepb.Resource{}, ScopeLogs: []*logspb.ScopeLogs{{LogRecords: []*logspb.LogRecord{{Body: pbString("last")}}}, {}}},
		{},
	}}
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// decodeProto returns copies of the records, with the observed time that the
// JSON decoder gives those without one.
func decodeProto(d *decode.OTLPProto, msg []byte) (all []got, err error) {
	err = d.Decode(msg, func(r *record.Record) {
		c := r.Clone()
		if c.Observed.IsZero() {
			c.Observed = now
		}
		all = append(all, got{c, c.Logger()})
	})
	return all, err
}

var idPattern = regexp.MustCompile(`"(traceId|spanId)":\s*"([^"]*)"`)

// decodeAsJSON returns what the JSON decoder makes of m in JSON, where ids are
// hexadecimal and not base64 as in protobuf's own mapping.
func decodeAsJSON(t testing.TB, m *logspb.LogsData) []got {
	t.Helper()
	if len(m.ResourceLogs) == 0 {
		return nil // No field is left by which to tell that this is OTLP.
	}
	line, err := protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	line = idPattern.ReplaceAllFunc(line, func(m []byte) []byte {
		parts := idPattern.FindSubmatch(m)
		id, err := base64.StdEncoding.DecodeString(string(parts[2]))
		if err != nil {
			t.Fatal(err)
		}
		return []byte(`"` + string(parts[1]) + `":"` + hex.EncodeToString(id) + `"`)
	})
	return decodeAll(t, "otlp_json", decode.Options{}, decode.Line{Text: line})
}

func TestOTLPProtoIsJSON(t *testing.T) {
	m := everyField()
	all, err := decodeProto(new(decode.OTLPProto), marshal(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 7 {
		t.Errorf("%d records, want 7", len(all))
	}
	if diff := cmp.Diff(decodeAsJSON(t, m), all, sameValue, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-JSON +protobuf):\n%s", diff)
	}
}

// Not all the truth is in the other decoder.
func TestOTLPProtoRecord(t *testing.T) {
	all, err := decodeProto(new(decode.OTLPProto), marshal(t, everyField()))
	if err != nil {
		t.Fatal(err)
	}
	r := all[0].Record
	want := record.Record{
		Timestamp: when, Observed: when.Add(1), Severity: log.SeverityError2, SeverityText: "CRIT", EventName: "pay",
		Dropped: math.MaxInt32, TraceFlags: 1, TraceID: [16]byte([]byte("0123456789abcdef")), SpanID: [8]byte([]byte("01234567")),
		Body: attribute.MapValue(attribute.Int("k", 7), attribute.KeyValue{}, attribute.Map("m")),
		Attributes: []attribute.KeyValue{
			attribute.String("string", ""), attribute.Int64("int", math.MinInt64), attribute.Float64("double", math.Inf(-1)),
			attribute.Bool("bool", false), attribute.ByteSlice("bytes", []byte{0, 0xff}), {Key: "none"}, {Key: "nil"},
			attribute.StringSlice("strings", []string{"a", "b"}), attribute.Int64Slice("ints", []int64{1, math.MaxInt64}),
			attribute.Float64Slice("doubles", []float64{1.5}), attribute.BoolSlice("bools", []bool{true}), attribute.Slice("empty"),
			attribute.Slice("mixed", attribute.Int64Value(1), attribute.SliceValue(attribute.ByteSliceValue([]byte{1})), attribute.Value{}),
			attribute.Map("map", attribute.Float64("x", -0.5)), attribute.Int("twice", 2),
		},
		Origin: &record.Origin{
			Resource: &record.Resource{SchemaURL: "resource/1", Attributes: []attribute.KeyValue{attribute.String("service.name", "shop"), attribute.Int("a", 2)}},
			Scope:    record.Scope{Name: "shop.cart", Version: "1.2", SchemaURL: "scope/1", Attributes: []attribute.KeyValue{attribute.Bool("s", true)}},
		},
	}
	if diff := cmp.Diff(want, r, sameValue); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if o := all[4].Record.Origin; o != nil {
		t.Errorf("origin %+v of a record without one", o)
	}
}

// What was encoded comes back as it was.
func TestOTLPProtoRoundTrip(t *testing.T) {
	want, err := decodeProto(new(decode.OTLPProto), marshal(t, everyField()))
	if err != nil {
		t.Fatal(err)
	}
	recs := make([]record.Record, len(want))
	for i := range want {
		recs[i] = want[i].Record
	}
	all, err := decodeProto(new(decode.OTLPProto), encode.OTLPProto().AppendBatch(nil, recs))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, all, sameValue, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Encoders group neighbours by comparing pointers.
func TestOTLPProtoSharesOrigins(t *testing.T) {
	var d decode.OTLPProto
	msg := marshal(t, everyField())
	first, err := decodeProto(&d, msg)
	if err != nil {
		t.Fatal(err)
	}
	again, err := decodeProto(&d, msg)
	if err != nil {
		t.Fatal(err)
	}
	origin := func(i int) *record.Origin { return first[i].Record.Origin }
	if origin(0) != origin(1) || origin(2) != origin(3) {
		t.Error("records of one scope have different origins")
	}
	if origin(1) == origin(2) || origin(1).Resource != origin(2).Resource {
		t.Error("want two scopes of one resource")
	}
	for i := range again {
		if again[i].Record.Origin != origin(i) {
			t.Errorf("record %d has another origin in the second message", i)
		}
	}
}

func TestOTLPProtoManyOrigins(t *testing.T) {
	var d decode.OTLPProto
	for i := range 1000 {
		name := string(make([]byte, 40*i)) // Some are longer than what is remembered.
		msg := marshal(t, &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{{
			Resource:  &resourcepb.Resource{Attributes: []*commonpb.KeyValue{pbKV("k", pbString(name))}},
			ScopeLogs: []*logspb.ScopeLogs{{Scope: &commonpb.InstrumentationScope{Name: name}, LogRecords: []*logspb.LogRecord{{}}}},
		}}})
		all, err := decodeProto(&d, msg)
		if err != nil || len(all) != 1 {
			t.Fatalf("message %d: %d records, %v", i, len(all), err)
		}
		if v := all[0].Record.ResourceAttributes()[0].Value.AsString(); v != name || all[0].Logger != name {
			t.Fatalf("message %d has the origin of another", i)
		}
	}
}

// The parts of a message may come in any order and in pieces, unknown fields
// anywhere; of what may be there only once the last counts.
func TestOTLPProtoForeign(t *testing.T) {
	str := func(s string) pb { return pb{}.str(1, s) }
	unknown := pb{}.uint(99, 7).fixed64(100, 8).fixed32(101, 9).str(102, "x")
	list := func(s string) pb { return pb{}.msg(5, pb{}.msg(1, str(s))) }
	rec := unknown.msg(5, list("a")).msg(6, str("k").uint(3, 1).msg(2, str("old")).msg(2, pb{}.uint(3, 5))).
		msg(5, list("b")).str(9, "short").str(10, "longer than it is").uint(2, 9).uint(2, 1<<32|17)
	replaced := pb{}.msg(5, list("a").msg(1, str("ignored"))).msg(5, str("x")).msg(5, list("b"))
	profile := pb{}.msg(5, str("x").uint(8, 3))
	kvlist := pb{}.msg(5, pb{}.msg(6, pb{}.msg(1, str("x"))).msg(6, pb{}.msg(1, str("y"))))
	scopeLogs := unknown.msg(2, rec).msg(1, str("a")).msg(2, replaced).str(3, "s").msg(1, pb{}.str(2, "v")).msg(2, profile).msg(2, kvlist)
	msg := unknown.msg(1, pb{}.msg(2, scopeLogs).msg(1, pb{}.msg(1, str("p"))).str(3, "r").msg(1, unknown.msg(1, str("q"))))

	origin := &record.Origin{
		Resource: &record.Resource{SchemaURL: "r", Attributes: []attribute.KeyValue{{Key: "p"}, {Key: "q"}}},
		Scope:    record.Scope{Name: "a", Version: "v", SchemaURL: "s"},
	}
	want := []got{
		{record.Record{
			Observed: now, Severity: log.SeverityError, Origin: origin,
			Body: attribute.StringSliceValue([]string{"a", "b"}), Attributes: []attribute.KeyValue{attribute.Int("k", 5)},
		}, "a"},
		{record.Record{Observed: now, Origin: origin, Body: attribute.StringSliceValue([]string{"b"})}, "a"},
		{record.Record{Observed: now, Origin: origin}, "a"},
		{record.Record{Observed: now, Origin: origin, Body: attribute.MapValue(attribute.KeyValue{Key: "x"}, attribute.KeyValue{Key: "y"})}, "a"},
	}
	before := string(msg)
	all, err := decodeProto(new(decode.OTLPProto), msg)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, all, sameValue, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if string(msg) != before {
		t.Error("the input was written to")
	}
}
