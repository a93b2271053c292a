package encode_test

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// FuzzOTLPJSON reads the output with protobuf's own JSON decoder and compares
// it with a message built field by field.
func FuzzOTLPJSON(f *testing.F) {
	addSeeds(f)
	enc := encode.OTLPJSON()
	f.Fuzz(func(t *testing.T, data []byte) {
		g := generator{data}
		recs := []record.Record{g.record(), g.record(), g.record()}
		recs[1].Origin = recs[0].Origin
		if recs[0].Origin != nil && g.n(2) == 0 {
			recs[2].Origin = &record.Origin{Resource: recs[0].Origin.Resource, Scope: record.Scope{Name: "other"}}
		}
		one := &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{pbResourceLogs(&recs[0])}}
		compareOTLP(t, enc.Append(nil, &recs[0]), one)
		compareOTLP(t, enc.AppendBatch(nil, recs), pbBatch(recs))
	})
}

// Ids are hexadecimal in OTLP's JSON and base64 in protobuf's: the one
// difference that matters here.
var idPattern = regexp.MustCompile(`"(traceId|spanId)":"([0-9a-f]+)"`)

func compareOTLP(t *testing.T, out []byte, want *logspb.LogsData) {
	t.Helper()
	std := idPattern.ReplaceAllFunc(out, func(m []byte) []byte {
		parts := idPattern.FindSubmatch(m)
		id, err := hex.DecodeString(string(parts[2]))
		if err != nil {
			t.Fatal(err)
		}
		return []byte(`"` + string(parts[1]) + `":"` + base64.StdEncoding.EncodeToString(id) + `"`)
	})
	var got logspb.LogsData
	if err := protojson.Unmarshal(std, &got); err != nil {
		t.Fatalf("protojson: %v\n%s", err, out)
	}
	if !proto.Equal(want, &got) { // Unlike cmp it takes NaN for equal to itself.
		t.Errorf("(-want +got):\n%s\n%s", cmp.Diff(want, &got, protocmp.Transform()), out)
	}
}

func pbBatch(recs []record.Record) *logspb.LogsData {
	var data logspb.LogsData
	var origin *record.Origin
	for i := range recs {
		r := &recs[i]
		one := pbResourceLogs(r)
		var lastResource *logspb.ResourceLogs
		if i > 0 {
			lastResource = data.ResourceLogs[len(data.ResourceLogs)-1]
		}
		switch {
		case i > 0 && r.Origin == origin:
			scope := lastResource.ScopeLogs[len(lastResource.ScopeLogs)-1]
			scope.LogRecords = append(scope.LogRecords, one.ScopeLogs[0].LogRecords...)
		case i > 0 && resource(r.Origin) == resource(origin):
			lastResource.ScopeLogs = append(lastResource.ScopeLogs, one.ScopeLogs...)
		default:
			data.ResourceLogs = append(data.ResourceLogs, one)
		}
		origin = r.Origin
	}
	return &data
}

func resource(o *record.Origin) *record.Resource {
	if o == nil {
		return nil
	}
	return o.Resource
}

func pbResourceLogs(r *record.Record) *logspb.ResourceLogs {
	var rl logspb.ResourceLogs
	var sl logspb.ScopeLogs
	if r.Origin != nil {
		s := r.Origin.Scope
		sl.Scope = &commonpb.InstrumentationScope{Name: valid(s.Name), Version: valid(s.Version), Attributes: pbKeyValues(s.Attributes)}
		sl.SchemaUrl = valid(s.SchemaURL)
		if res := r.Origin.Resource; res != nil {
			rl.Resource = &resourcepb.Resource{Attributes: pbKeyValues(res.Attributes)}
			rl.SchemaUrl = valid(res.SchemaURL)
		}
	}
	rec := &logspb.LogRecord{
		TimeUnixNano: pbTime(r.Timestamp), ObservedTimeUnixNano: pbTime(r.Observed),
		SeverityNumber: logspb.SeverityNumber(r.Severity), SeverityText: valid(r.SeverityText),
		Attributes: pbKeyValues(r.Attributes), DroppedAttributesCount: uint32(r.Dropped),
		Flags: uint32(r.TraceFlags), EventName: valid(r.EventName),
	}
	if r.Body.Type() != attribute.EMPTY {
		rec.Body = pbValue(r.Body)
	}
	if r.TraceID.IsValid() {
		rec.TraceId = r.TraceID[:]
	}
	if r.SpanID.IsValid() {
		rec.SpanId = r.SpanID[:]
	}
	sl.LogRecords = []*logspb.LogRecord{rec}
	rl.ScopeLogs = []*logspb.ScopeLogs{&sl}
	return &rl
}

func pbTime(t time.Time) uint64 {
	switch {
	case t.Unix() < 0:
		return 0
	case uint64(t.Unix()) >= math.MaxUint64/uint64(time.Second):
		return math.MaxUint64
	}
	return uint64(t.Unix())*1e9 + uint64(t.Nanosecond())
}

// valid replaces each byte that is not UTF-8.
func valid(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}

func pbKeyValues(kvs []attribute.KeyValue) []*commonpb.KeyValue {
	var out []*commonpb.KeyValue
	for i, kv := range kvs {
		last := true
		for _, later := range kvs[i+1:] {
			last = last && valid(string(later.Key)) != valid(string(kv.Key))
		}
		if last {
			out = append(out, &commonpb.KeyValue{Key: valid(string(kv.Key)), Value: pbValue(kv.Value)})
		}
	}
	return out
}

func pbValue(v attribute.Value) *commonpb.AnyValue {
	switch v.Type() {
	case attribute.BOOL:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: v.AsBool()}}
	case attribute.INT64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v.AsInt64()}}
	case attribute.FLOAT64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: v.AsFloat64()}}
	case attribute.STRING:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: valid(v.AsString())}}
	case attribute.BYTESLICE:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: v.AsByteSlice()}}
	case attribute.MAP:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: pbKeyValues(v.AsMap())}}}
	case attribute.SLICE:
		return pbArray(v.AsSlice(), func(v attribute.Value) attribute.Value { return v })
	case attribute.STRINGSLICE:
		return pbArray(v.AsStringSlice(), attribute.StringValue)
	case attribute.INT64SLICE:
		return pbArray(v.AsInt64Slice(), attribute.Int64Value)
	case attribute.FLOAT64SLICE:
		return pbArray(v.AsFloat64Slice(), attribute.Float64Value)
	case attribute.BOOLSLICE:
		return pbArray(v.AsBoolSlice(), attribute.BoolValue)
	}
	return &commonpb.AnyValue{}
}

func pbArray[T any](elems []T, value func(T) attribute.Value) *commonpb.AnyValue {
	array := &commonpb.ArrayValue{}
	for _, e := range elems {
		array.Values = append(array.Values, pbValue(value(e)))
	}
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: array}}
}
