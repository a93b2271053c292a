package encode

import (
	"encoding/base64"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
)

func (e *OTLPJSONEncoder) appendKeyValues(dst []byte, kvs []attribute.KeyValue, depth int) []byte {
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
func (e *OTLPJSONEncoder) appendValue(dst []byte, v attribute.Value, depth int) []byte {
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
