package encode

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
)

type jsonEncoder struct {
	fields fields
	distinct
}

// JSON returns the encoder of the json format: one object a line with the keys
// time, level, logger, msg, trace_id, span_id, event, then the included fields,
// then the attributes, dropped_attributes last. Keys without a value are left
// out, except msg, which is null for a record without a body.
//
// An attribute whose key is one of these, or of an included field, is written
// as "attr.KEY", whether or not this record shows that key; a key that looks
// escaped already gets another "attr.", so that keys never clash and can be
// read back. Times are RFC 3339 in UTC with nine digits of a second. Floats
// always have a point or an exponent; NaN and infinities are the strings "NaN",
// "Infinity", "-Infinity". Byte slices are base64 strings (RFC 4648 section 4).
func JSON(o Options) Encoder {
	return &jsonEncoder{fields: newFields(o)}
}

// Append implements [Encoder]. Every member is written with a comma behind it;
// the last comma then becomes the closing brace.
func (e *jsonEncoder) Append(dst []byte, r *record.Record) []byte {
	dst = append(dst, '{')
	if t := r.Time(); !t.IsZero() {
		dst = append(dst, `"time":"`...)
		dst = appendTime(dst, t)
		dst = append(dst, '"', ',')
	}
	if level := r.Level(); level != "" {
		dst = append(dst, `"level":"`...)
		dst = appendString(dst, level)
		dst = append(dst, '"', ',')
	}
	if logger := r.Logger(); logger != "" {
		dst = append(dst, `"logger":"`...)
		dst = appendString(dst, logger)
		dst = append(dst, '"', ',')
	}
	dst = append(dst, `"msg":`...)
	dst = e.appendValue(dst, &r.Body, 1)
	dst = append(dst, ',')
	if r.TraceID.IsValid() {
		dst = append(dst, `"trace_id":"`...)
		dst = hex.AppendEncode(dst, r.TraceID[:])
		dst = append(dst, '"', ',')
	}
	if r.SpanID.IsValid() {
		dst = append(dst, `"span_id":"`...)
		dst = hex.AppendEncode(dst, r.SpanID[:])
		dst = append(dst, '"', ',')
	}
	if r.EventName != "" {
		dst = append(dst, `"event":"`...)
		dst = appendString(dst, r.EventName)
		dst = append(dst, '"', ',')
	}
	if e.fields.any {
		dst = e.appendFields(dst, r)
	}
	dst = e.appendAttributes(dst, r)
	if r.Dropped > 0 {
		dst = append(dst, `"dropped_attributes":`...)
		dst = strconv.AppendInt(dst, int64(r.Dropped), 10)
		dst = append(dst, ',')
	}
	dst[len(dst)-1] = '}'
	return append(dst, '\n')
}

func (e *jsonEncoder) appendAttributes(dst []byte, r *record.Record) []byte {
	_, hasSource := e.fields.sourceOf(r)
	kvs, start := r.Attributes, len(dst)
	var last map[string]int
	if len(kvs) > fewKeys {
		last = e.index(kvs)
	}
	for i := 0; i < len(kvs); i++ {
		kv := &kvs[i]
		if shadowed(kvs, i, last) || hasSource && isSource(kv.Key) {
			continue
		}
		dst = append(dst, '"')
		if e.fields.clashes(string(kv.Key)) {
			dst = append(dst, escapePrefix...)
		}
		keyStart := len(dst)
		dst = appendString(dst, string(kv.Key))
		// Keys that are not valid UTF-8 get longer when written. They are rare
		// enough to start again, rather than to look at all keys first.
		if len(dst)-keyStart > len(kv.Key) && last == nil && !utf8.ValidString(string(kv.Key)) {
			last = e.index(kvs)
			dst, i = dst[:start], -1
			continue
		}
		dst = append(dst, '"', ':')
		dst = e.appendValue(dst, &kv.Value, 1)
		dst = append(dst, ',')
	}
	e.done(last)
	return dst
}

func (e *jsonEncoder) appendFields(dst []byte, r *record.Record) []byte {
	if e.fields.service {
		if name := serviceName(r); name != "" {
			dst = append(dst, `"service":`...)
			dst = appendQuoted(dst, name)
			dst = append(dst, ',')
		}
	}
	if e.fields.pid != "" {
		dst = append(dst, `"pid":`...)
		dst = append(dst, e.fields.pid...)
		dst = append(dst, ',')
	}
	if e.fields.host != "" {
		dst = append(dst, `"host":`...)
		dst = appendQuoted(dst, e.fields.host)
		dst = append(dst, ',')
	}
	if s, ok := e.fields.sourceOf(r); ok {
		dst = append(dst, `"source":"`...)
		dst = s.append(dst, appendString)
		dst = append(dst, '"', ',')
	}
	if e.fields.resource {
		dst = append(dst, `"resource":`...)
		dst = e.appendObject(dst, r.ResourceAttributes(), 1)
		dst = append(dst, ',')
	}
	return dst
}

// appendValue appends v as JSON. depth is v's own.
func (e *jsonEncoder) appendValue(dst []byte, v *attribute.Value, depth int) []byte {
	switch v.Type() {
	case attribute.STRING:
		dst = append(dst, '"')
		dst = appendString(dst, v.AsString())
		return append(dst, '"')
	case attribute.INT64:
		return strconv.AppendInt(dst, v.AsInt64(), 10)
	case attribute.BOOL:
		return strconv.AppendBool(dst, v.AsBool())
	case attribute.FLOAT64:
		return appendJSONFloat(dst, v.AsFloat64())
	case attribute.EMPTY:
		return append(dst, "null"...)
	case attribute.BYTESLICE:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.AsByteSlice())
		return append(dst, '"')
	}
	if depth > MaxDepth {
		return appendQuoted(dst, TooDeep)
	}
	switch v.Type() {
	case attribute.MAP:
		return e.appendObject(dst, v.AsMap(), depth)
	case attribute.SLICE:
		return appendArray(dst, v.AsSlice(), func(dst []byte, v attribute.Value) []byte {
			return e.appendValue(dst, &v, depth+1)
		})
	case attribute.STRINGSLICE:
		return appendArray(dst, v.AsStringSlice(), appendQuoted)
	case attribute.INT64SLICE:
		return appendArray(dst, v.AsInt64Slice(), func(dst []byte, n int64) []byte {
			return strconv.AppendInt(dst, n, 10)
		})
	case attribute.FLOAT64SLICE:
		return appendArray(dst, v.AsFloat64Slice(), appendJSONFloat)
	case attribute.BOOLSLICE:
		return appendArray(dst, v.AsBoolSlice(), strconv.AppendBool)
	}
	// A kind of value this version of the API does not know.
	return appendQuoted(dst, v.String())
}

// appendObject appends kvs, the members of a value at depth.
func (e *jsonEncoder) appendObject(dst []byte, kvs []attribute.KeyValue, depth int) []byte {
	last := e.of(kvs)
	dst = append(dst, '{')
	sep := false
	for i := range kvs {
		if shadowed(kvs, i, last) {
			continue
		}
		if sep {
			dst = append(dst, ',')
		}
		sep = true
		dst = appendQuoted(dst, string(kvs[i].Key))
		dst = append(dst, ':')
		dst = e.appendValue(dst, &kvs[i].Value, depth+1)
	}
	e.done(last)
	return append(dst, '}')
}

func appendJSONFloat(dst []byte, f float64) []byte {
	if name := notFinite(f); name != "" {
		return appendQuoted(dst, name)
	}
	return AppendFloat(dst, f)
}

func appendArray[T any](dst []byte, elems []T, appendElem func([]byte, T) []byte) []byte {
	dst = append(dst, '[')
	for i, elem := range elems {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendElem(dst, elem)
	}
	return append(dst, ']')
}
