package encode

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
)

type otlpJSONEncoder struct{ distinct }

// OTLPJSON returns the encoder of OTLP JSON lines as the OTLP file exporter
// writes them (https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/):
// each line is one LogsData message in the JSON mapping of protobuf, with the
// deviations of OTLP: lowerCamelCase keys, enums as numbers, trace and span ids
// in hexadecimal
// (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). Fields
// that have their default are left out. AppendBatch groups neighbours by
// resource and scope into one line.
func OTLPJSON() BatchEncoder { return &otlpJSONEncoder{} }

// Append implements [Encoder].
func (e *otlpJSONEncoder) Append(dst []byte, r *record.Record) []byte {
	dst = append(dst, `{"resourceLogs":[`...)
	dst = e.openResource(dst, r.Origin)
	dst = e.openScope(dst, r.Origin)
	dst = e.appendRecord(dst, r)
	dst = closeScope(dst, r.Origin)
	dst = closeResource(dst, r.Origin)
	return append(dst, ']', '}', '\n')
}

// AppendBatch implements [BatchEncoder].
func (e *otlpJSONEncoder) AppendBatch(dst []byte, recs []record.Record) []byte {
	if len(recs) == 0 {
		return dst
	}
	dst = append(dst, `{"resourceLogs":[`...)
	origin := recs[0].Origin
	dst = e.openResource(dst, origin)
	dst = e.openScope(dst, origin)
	for i := range recs {
		r := &recs[i]
		switch {
		case i == 0:
		case r.Origin == origin:
			dst = append(dst, ',')
		case resourceOf(r.Origin) == resourceOf(origin):
			dst = append(closeScope(dst, origin), ',')
			dst = e.openScope(dst, r.Origin)
		default:
			dst = closeScope(dst, origin)
			dst = append(closeResource(dst, origin), ',')
			dst = e.openResource(dst, r.Origin)
			dst = e.openScope(dst, r.Origin)
		}
		origin = r.Origin
		dst = e.appendRecord(dst, r)
	}
	dst = closeScope(dst, origin)
	dst = closeResource(dst, origin)
	return append(dst, ']', '}', '\n')
}

func resourceOf(o *record.Origin) *record.Resource {
	if o == nil {
		return nil
	}
	return o.Resource
}

func (e *otlpJSONEncoder) openResource(dst []byte, o *record.Origin) []byte {
	dst = append(dst, '{')
	if res := resourceOf(o); res != nil {
		dst = append(dst, `"resource":{`...)
		if len(res.Attributes) > 0 {
			dst = append(dst, `"attributes":`...)
			dst = e.appendKeyValues(dst, res.Attributes, 1)
		}
		dst = append(dst, '}', ',')
	}
	return append(dst, `"scopeLogs":[`...)
}

func closeResource(dst []byte, o *record.Origin) []byte {
	dst = append(dst, ']')
	if res := resourceOf(o); res != nil && res.SchemaURL != "" {
		dst = append(dst, `,"schemaUrl":`...)
		dst = appendQuoted(dst, res.SchemaURL)
	}
	return append(dst, '}')
}

func (e *otlpJSONEncoder) openScope(dst []byte, o *record.Origin) []byte {
	dst = append(dst, '{')
	if o != nil {
		dst = append(dst, `"scope":{`...)
		if o.Scope.Name != "" {
			dst = append(dst, `"name":`...)
			dst = append(appendQuoted(dst, o.Scope.Name), ',')
		}
		if o.Scope.Version != "" {
			dst = append(dst, `"version":`...)
			dst = append(appendQuoted(dst, o.Scope.Version), ',')
		}
		if len(o.Scope.Attributes) > 0 {
			dst = append(dst, `"attributes":`...)
			dst = append(e.appendKeyValues(dst, o.Scope.Attributes, 1), ',')
		}
		dst = append(closeObject(dst), ',')
	}
	return append(dst, `"logRecords":[`...)
}

func closeScope(dst []byte, o *record.Origin) []byte {
	dst = append(dst, ']')
	if o != nil && o.Scope.SchemaURL != "" {
		dst = append(dst, `,"schemaUrl":`...)
		dst = appendQuoted(dst, o.Scope.SchemaURL)
	}
	return append(dst, '}')
}

// closeObject ends an object whose members have a comma behind each.
func closeObject(dst []byte) []byte {
	if n := len(dst) - 1; dst[n] == ',' {
		dst[n] = '}'
		return dst
	}
	return append(dst, '}')
}

func (e *otlpJSONEncoder) appendRecord(dst []byte, r *record.Record) []byte {
	dst = append(dst, '{')
	dst = appendNanos(dst, `"timeUnixNano":"`, r.Timestamp)
	dst = appendNanos(dst, `"observedTimeUnixNano":"`, r.Observed)
	if r.Severity != 0 {
		dst = append(dst, `"severityNumber":`...)
		dst = append(strconv.AppendInt(dst, int64(int32(r.Severity)), 10), ',')
	}
	if r.SeverityText != "" {
		dst = append(dst, `"severityText":`...)
		dst = append(appendQuoted(dst, r.SeverityText), ',')
	}
	if r.Body.Type() != attribute.EMPTY {
		dst = append(dst, `"body":`...)
		dst = append(e.appendValue(dst, r.Body, 1), ',')
	}
	if len(r.Attributes) > 0 {
		dst = append(dst, `"attributes":`...)
		dst = append(e.appendKeyValues(dst, r.Attributes, 1), ',')
	}
	if r.Dropped > 0 {
		dst = append(dst, `"droppedAttributesCount":`...)
		dst = append(strconv.AppendInt(dst, min(int64(r.Dropped), math.MaxUint32), 10), ',')
	}
	if r.TraceFlags != 0 {
		dst = append(dst, `"flags":`...)
		dst = append(strconv.AppendInt(dst, int64(r.TraceFlags), 10), ',')
	}
	if r.TraceID.IsValid() {
		dst = append(dst, `"traceId":"`...)
		dst = append(hex.AppendEncode(dst, r.TraceID[:]), '"', ',')
	}
	if r.SpanID.IsValid() {
		dst = append(dst, `"spanId":"`...)
		dst = append(hex.AppendEncode(dst, r.SpanID[:]), '"', ',')
	}
	if r.EventName != "" {
		dst = append(dst, `"eventName":`...)
		dst = append(appendQuoted(dst, r.EventName), ',')
	}
	return closeObject(dst)
}

// unixNanos returns a time in nanoseconds since 1970, as OTLP has it: 0 for an
// unset time, and for 1970 itself and before, which OTLP cannot tell from that.
// Times after 2554 become the last one there is.
func unixNanos(t time.Time) uint64 {
	sec := t.Unix()
	switch {
	case sec < 0:
		return 0
	case uint64(sec) >= math.MaxUint64/uint64(time.Second):
		return math.MaxUint64
	}
	return uint64(sec)*uint64(time.Second) + uint64(t.Nanosecond())
}

// appendNanos appends a fixed64 of [unixNanos], nothing for 0.
func appendNanos(dst []byte, key string, t time.Time) []byte {
	nanos := unixNanos(t)
	if nanos == 0 {
		return dst
	}
	dst = append(dst, key...)
	return append(strconv.AppendUint(dst, nanos, 10), '"', ',')
}

func (e *otlpJSONEncoder) appendKeyValues(dst []byte, kvs []attribute.KeyValue, depth int) []byte {
	last := e.of(kvs)
	dst = append(dst, '[')
	sep := false
	for i := range kvs {
		if shadowed(kvs, i, last) {
			continue
		}
		if sep {
			dst = append(dst, ',')
		}
		sep = true
		dst = append(dst, `{"key":`...)
		dst = appendQuoted(dst, string(kvs[i].Key))
		dst = append(dst, `,"value":`...)
		dst = append(e.appendValue(dst, kvs[i].Value, depth), '}')
	}
	e.done(last)
	return append(dst, ']')
}

// appendValue appends v as an AnyValue; an empty one has no field set.
func (e *otlpJSONEncoder) appendValue(dst []byte, v attribute.Value, depth int) []byte {
	switch v.Type() {
	case attribute.STRING:
		return appendStringValue(dst, v.AsString())
	case attribute.INT64:
		return appendIntValue(dst, v.AsInt64())
	case attribute.BOOL:
		return appendBoolValue(dst, v.AsBool())
	case attribute.FLOAT64:
		return appendDoubleValue(dst, v.AsFloat64())
	case attribute.EMPTY:
		return append(dst, '{', '}')
	case attribute.BYTESLICE:
		dst = append(dst, `{"bytesValue":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, v.AsByteSlice())
		return append(dst, '"', '}')
	}
	if depth > MaxDepth {
		return appendStringValue(dst, TooDeep)
	}
	if v.Type() == attribute.MAP {
		dst = append(dst, `{"kvlistValue":{"values":`...)
		dst = e.appendKeyValues(dst, v.AsMap(), depth+1)
		return append(dst, '}', '}')
	}
	dst = append(dst, `{"arrayValue":{"values":`...)
	switch v.Type() {
	case attribute.SLICE:
		dst = appendArray(dst, v.AsSlice(), func(dst []byte, v attribute.Value) []byte {
			return e.appendValue(dst, v, depth+1)
		})
	case attribute.STRINGSLICE:
		dst = appendArray(dst, v.AsStringSlice(), appendStringValue)
	case attribute.INT64SLICE:
		dst = appendArray(dst, v.AsInt64Slice(), appendIntValue)
	case attribute.FLOAT64SLICE:
		dst = appendArray(dst, v.AsFloat64Slice(), appendDoubleValue)
	case attribute.BOOLSLICE:
		dst = appendArray(dst, v.AsBoolSlice(), appendBoolValue)
	default:
		// A kind of value this version of the API does not know.
		dst = append(appendStringValue(append(dst, '['), v.String()), ']')
	}
	return append(dst, '}', '}')
}

func appendStringValue(dst []byte, s string) []byte {
	dst = append(dst, `{"stringValue":`...)
	return append(appendQuoted(dst, s), '}')
}

func appendIntValue(dst []byte, n int64) []byte {
	dst = append(dst, `{"intValue":"`...)
	return append(strconv.AppendInt(dst, n, 10), '"', '}')
}

func appendBoolValue(dst []byte, b bool) []byte {
	dst = append(dst, `{"boolValue":`...)
	return append(strconv.AppendBool(dst, b), '}')
}

func appendDoubleValue(dst []byte, f float64) []byte {
	dst = append(dst, `{"doubleValue":`...)
	return append(appendJSONFloat(dst, f), '}')
}
