package record

import (
	"unsafe"

	"go.opentelemetry.io/otel/attribute"
)

const (
	recordSize   = int(unsafe.Sizeof(Record{}))
	keyValueSize = int(unsafe.Sizeof(attribute.KeyValue{}))
	valueSize    = int(unsafe.Sizeof(attribute.Value{}))
)

// Size estimates the memory in bytes that r keeps alive while it waits in a
// queue: the struct, its attributes, and every string and nested value. The
// origin is shared and does not count.
func (r *Record) Size() int {
	n := recordSize + len(r.SeverityText) + len(r.EventName) + keyValueSize*len(r.Attributes)
	if r.Body.Type() == attribute.STRING {
		n += len(r.Body.AsString())
	} else {
		n += payload(r.Body)
	}
	for i := range r.Attributes {
		kv := &r.Attributes[i]
		n += len(kv.Key)
		// Scalars other than strings have no string: nothing to look up.
		if t := kv.Value.Type(); t <= attribute.STRING {
			n += len(kv.Value.AsString())
		} else {
			n += payload(kv.Value)
		}
	}
	return n
}

// payload counts what v refers to beyond its own struct.
func payload(v attribute.Value) int {
	switch v.Type() {
	case attribute.STRING, attribute.BYTESLICE:
		// Both kinds keep their bytes in the value's string.
		return stringLen(v)
	case attribute.BOOLSLICE:
		return len(v.AsBoolSlice())
	case attribute.INT64SLICE:
		return 8 * len(v.AsInt64Slice())
	case attribute.FLOAT64SLICE:
		return 8 * len(v.AsFloat64Slice())
	case attribute.STRINGSLICE:
		n := 0
		for _, s := range v.AsStringSlice() {
			n += 16 + len(s)
		}
		return n
	case attribute.SLICE:
		n := 0
		for _, e := range v.AsSlice() {
			n += valueSize + payload(e)
		}
		return n
	case attribute.MAP:
		n := 0
		for _, kv := range v.AsMap() {
			n += keyValueSize + len(kv.Key) + payload(kv.Value)
		}
		return n
	}
	return 0
}

func stringLen(v attribute.Value) int { return len(v.AsString()) }
