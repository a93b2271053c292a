package encode

import (
	"encoding/binary"
	"math"

	"go.opentelemetry.io/otel/attribute"
)

// The tags of the messages of values in common.proto.
const (
	tagKey   = 1<<3 | wireLen // in KeyValue
	tagValue = 2<<3 | wireLen

	tagString = 1<<3 | wireLen // in AnyValue, of which one field is set
	tagBool   = 2<<3 | wireVarint
	tagInt    = 3<<3 | wireVarint
	tagDouble = 4<<3 | wireFixed64
	tagArray  = 5<<3 | wireLen
	tagKvlist = 6<<3 | wireLen
	tagBytes  = 7<<3 | wireLen

	tagElements = 1<<3 | wireLen // in ArrayValue and KeyValueList
)

// appendKeyValues appends a repeated field of KeyValue.
func (e *OTLPProtoEncoder) appendKeyValues(dst []byte, tag byte, kvs []attribute.KeyValue, depth int) []byte {
	last := e.of(kvs)
	for i := range kvs {
		if shadowed(kvs, i, last) {
			continue
		}
		kv := &kvs[i]
		// Only strings and bytes have a string; 6 are for tags and lengths.
		width := min(varintLen(len(kv.Key)+len(kv.Value.AsString())+6), maxFree)
		dst = openMessage(dst, tag, width)
		start := len(dst)
		dst = appendStringField(dst, tagKey, string(kv.Key))
		dst = e.appendAnyValue(dst, tagValue, &kv.Value, depth)
		dst = closeMessage(dst, start, width)
	}
	e.done(last)
	return dst
}

// appendAnyValue appends a field of type AnyValue; of an empty one, no field is
// set. Unlike elsewhere a set field is there although it has its default.
func (e *OTLPProtoEncoder) appendAnyValue(dst []byte, tag byte, v *attribute.Value, depth int) []byte {
	switch v.Type() {
	case attribute.STRING:
		return appendAnyString(dst, tag, v.AsString())
	case attribute.INT64:
		return appendAnyInt(dst, tag, v.AsInt64())
	case attribute.BOOL:
		return appendAnyBool(dst, tag, v.AsBool())
	case attribute.FLOAT64:
		return appendAnyDouble(dst, tag, v.AsFloat64())
	case attribute.EMPTY:
		return append(dst, tag, 0)
	case attribute.BYTESLICE:
		b := v.AsByteSlice()
		return append(appendAnyHeader(dst, tag, tagBytes, len(b)), b...)
	}
	if depth > MaxDepth {
		return appendAnyString(dst, tag, TooDeep)
	}
	list := byte(tagArray)
	if v.Type() == attribute.MAP {
		list = tagKvlist
	}
	dst = openMessage(dst, tag, smallWidth)
	value := len(dst)
	dst = openMessage(dst, list, smallWidth)
	start := len(dst)
	dst = e.appendElements(dst, v, depth)
	dst = closeMessage(dst, start, smallWidth)
	return closeMessage(dst, value, smallWidth)
}

// appendElements appends what is in an ArrayValue or a KeyValueList.
func (e *OTLPProtoEncoder) appendElements(dst []byte, v *attribute.Value, depth int) []byte {
	switch v.Type() {
	case attribute.MAP:
		return e.appendKeyValues(dst, tagElements, v.AsMap(), depth+1)
	case attribute.SLICE:
		for _, elem := range v.AsSlice() {
			dst = e.appendAnyValue(dst, tagElements, &elem, depth+1)
		}
	case attribute.STRINGSLICE:
		for _, s := range v.AsStringSlice() {
			dst = appendAnyString(dst, tagElements, s)
		}
	case attribute.INT64SLICE:
		for _, n := range v.AsInt64Slice() {
			dst = appendAnyInt(dst, tagElements, n)
		}
	case attribute.FLOAT64SLICE:
		for _, f := range v.AsFloat64Slice() {
			dst = appendAnyDouble(dst, tagElements, f)
		}
	case attribute.BOOLSLICE:
		for _, b := range v.AsBoolSlice() {
			dst = appendAnyBool(dst, tagElements, b)
		}
	default:
		// A kind of value this version of the API does not know.
		dst = appendAnyString(dst, tagElements, v.String())
	}
	return dst
}

// appendAnyHeader appends what precedes the n bytes of a string or bytes.
func appendAnyHeader(dst []byte, tag, kind byte, n int) []byte {
	dst = appendVarint(append(dst, tag), uint64(1+varintLen(n)+n))
	return appendVarint(append(dst, kind), uint64(n))
}

func appendAnyString(dst []byte, tag byte, s string) []byte {
	n := textLen(s)
	return appendUTF8(appendAnyHeader(dst, tag, tagString, n), s, n)
}

func appendAnyInt(dst []byte, tag byte, n int64) []byte {
	dst = openMessage(dst, tag, smallWidth)
	start := len(dst)
	dst = appendVarint(append(dst, tagInt), uint64(n))
	return closeMessage(dst, start, smallWidth)
}

func appendAnyBool(dst []byte, tag byte, b bool) []byte {
	n := byte(0)
	if b {
		n = 1
	}
	return append(dst, tag, 2, tagBool, n)
}

func appendAnyDouble(dst []byte, tag byte, f float64) []byte {
	dst = append(dst, tag, 9, tagDouble)
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
}
