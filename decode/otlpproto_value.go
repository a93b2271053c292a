package decode

import (
	"math"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/encode"
)

// appendKeyValue appends a KeyValue, whose value is at depth.
func appendKeyValue(kvs []attribute.KeyValue, msg string, depth int) []attribute.KeyValue {
	kvs = append(kvs, attribute.KeyValue{})
	kv := &kvs[len(kvs)-1]
	var v protoValue
	w := wire[string]{s: msg}
	for w.next() {
		switch w.num {
		case 1:
			kv.Key = attribute.Key(w.data)
		case 2:
			v.read(w.data, depth)
		}
	}
	kv.Value = v.value()
	return kvs
}

// protoValue is an AnyValue, which may come in several messages: a later one
// goes on with a list or map that is there already.
type protoValue struct {
	member int // The field that is set; 0 for none.
	scalar attribute.Value
	elems  []attribute.Value
	kvs    []attribute.KeyValue
}

// read reads one message of the value, which is at depth.
func (v *protoValue) read(msg string, depth int) {
	w := wire[string]{s: msg}
	for w.next() {
		if w.num != v.member {
			if w.num >= len(protoMessages[anyValueMessage].fields) {
				continue
			}
			if v.member != 0 {
				*v = protoValue{} // The last one of a oneof counts.
			}
			v.member = w.num
		}
		switch w.num {
		case 1:
			v.scalar = attribute.StringValue(w.data)
		case 2:
			v.scalar = attribute.BoolValue(w.n != 0)
		case 3:
			v.scalar = attribute.Int64Value(int64(w.n))
		case 4:
			v.scalar = attribute.Float64Value(math.Float64frombits(w.n))
		case 5, 6:
			if depth > encode.MaxDepth {
				v.scalar = attribute.StringValue(encode.TooDeep)
				continue
			}
			v.values(w.data, depth+1)
		case 7:
			v.scalar = attribute.ByteSliceValue([]byte(w.data))
		}
	}
}

// values reads an ArrayValue or a KeyValueList.
func (v *protoValue) values(msg string, depth int) {
	w := wire[string]{s: msg}
	for w.next() {
		switch {
		case w.num != 1:
		case v.member == 5:
			var elem protoValue
			elem.read(w.data, depth)
			v.elems = append(v.elems, elem.value())
		default:
			v.kvs = appendKeyValue(v.kvs, w.data, depth)
		}
	}
}

// value returns what was read: an empty one for none, and for
// string_value_strindex, which only profiles may use (common.proto).
func (v *protoValue) value() attribute.Value {
	switch {
	case v.scalar.Type() != attribute.EMPTY:
		return v.scalar
	case v.member == 5:
		return sliceOf(v.elems)
	case v.member == 6:
		kvs, _ := lastOfEach(v.kvs, nil)
		return attribute.MapValue(kvs...)
	}
	return attribute.Value{}
}
