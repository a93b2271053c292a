package processors

import (
	"sync"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
)

// Limits bound the attributes of a record. A negative limit is none. What they
// cut is counted in [record.Record.Dropped] (attributes) or shortened
// (values), as the specification has it:
// https://opentelemetry.io/docs/specs/otel/common/#attribute-limits.
type Limits struct {
	// AttributeCount is the largest number of attributes.
	AttributeCount int
	// ValueLength is the largest length of a string in characters and of a
	// byte value in bytes, also within slices and maps. The body is exempt.
	ValueLength int
	// ValueDepth is how deep slices and maps may nest, counted from 1; what
	// lies deeper becomes an empty value. The body is exempt.
	ValueDepth int
}

// DefaultLimits returns the SDK's defaults: 128 attributes, no bound on
// lengths, 64 levels.
func DefaultLimits() Limits {
	return Limits{AttributeCount: 128, ValueLength: -1, ValueDepth: 64}
}

// normalize removes duplicate keys from r, the last one wins in the first
// one's place, and applies the limits. It reports whether it changed r.
// Nothing is allocated unless a nested value has to be rebuilt.
func (l *Limits) normalize(r *record.Record) bool {
	changed := dedupAttributes(r)
	if l.AttributeCount >= 0 && len(r.Attributes) > l.AttributeCount {
		cut := r.Attributes[l.AttributeCount:]
		r.Dropped += len(cut)
		clear(cut)
		r.Attributes = r.Attributes[:l.AttributeCount]
		changed = true
	}
	for i := range r.Attributes {
		v := &r.Attributes[i].Value
		switch v.Type() {
		case attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.EMPTY:
			continue
		case attribute.STRING:
			if l.ValueLength < 0 || len(v.AsString()) <= l.ValueLength {
				continue
			}
		}
		if nv, ok := l.value(*v, l.ValueDepth, l.ValueLength); ok {
			*v, changed = nv, true
		}
	}
	switch r.Body.Type() {
	case attribute.STRING, attribute.BOOL, attribute.INT64, attribute.FLOAT64, attribute.EMPTY:
	default:
		if nv, ok := l.value(r.Body, -1, -1); ok {
			r.Body, changed = nv, true
		}
	}
	return changed
}

// fewAttributes is up to where comparing every pair is cheaper than a map.
const fewAttributes = 16

var indexPool = sync.Pool{New: func() any { return make(map[attribute.Key]int, 64) }}

func dedupAttributes(r *record.Record) bool {
	kvs := r.Attributes
	if len(kvs) > fewAttributes {
		return dedupMany(r)
	}
	for i := 1; i < len(kvs); i++ {
		key := kvs[i].Key
		for j := range i {
			if kvs[j].Key == key {
				return dedupFew(r, i)
			}
		}
	}
	return false
}

// dedupFew removes duplicates, of which the first is at kvs[from].
func dedupFew(r *record.Record, from int) bool {
	kvs := r.Attributes
	n := from
next:
	for _, kv := range kvs[from:] {
		for j := range n {
			if kvs[j].Key == kv.Key {
				kvs[j].Value = kv.Value
				continue next
			}
		}
		kvs[n] = kv
		n++
	}
	clear(kvs[n:])
	r.Attributes = kvs[:n]
	return true
}

func dedupMany(r *record.Record) bool {
	index := indexPool.Get().(map[attribute.Key]int)
	defer func() {
		clear(index)
		indexPool.Put(index)
	}()
	kvs := r.Attributes
	n := 0
	for _, kv := range kvs {
		if j, ok := index[kv.Key]; ok {
			kvs[j].Value = kv.Value
			continue
		}
		index[kv.Key] = n
		kvs[n] = kv
		n++
	}
	if n == len(kvs) {
		return false
	}
	clear(kvs[n:])
	r.Attributes = kvs[:n]
	return true
}

// value returns v without duplicate keys and within the limits, and whether
// that differs from v. depth is how many levels are left, negative for any
// number.
func (l *Limits) value(v attribute.Value, depth, length int) (attribute.Value, bool) {
	switch v.Type() {
	case attribute.STRING:
		if s, cut := truncate(v.AsString(), length); cut {
			return attribute.StringValue(s), true
		}
		return v, false
	case attribute.BOOLSLICE, attribute.INT64SLICE, attribute.FLOAT64SLICE,
		attribute.STRINGSLICE, attribute.BYTESLICE, attribute.SLICE, attribute.MAP:
		if depth == 0 {
			return attribute.Value{}, true
		}
	default:
		return v, false
	}
	switch v.Type() {
	case attribute.BYTESLICE:
		if b := v.AsString(); length >= 0 && len(b) > length {
			return attribute.ByteSliceValue([]byte(b[:length])), true
		}
	case attribute.STRINGSLICE:
		return truncateStrings(v, length)
	case attribute.SLICE:
		elems, changed := v.AsSlice(), false
		for i := range elems {
			if nv, ok := l.value(elems[i], depth-1, length); ok {
				elems[i], changed = nv, true
			}
		}
		if changed {
			return attribute.SliceValue(elems...), true
		}
	case attribute.MAP:
		// The API keeps a map's entries sorted by key, stably.
		kvs, changed, n := v.AsMap(), false, 0
		for i, kv := range kvs {
			if i+1 < len(kvs) && kvs[i+1].Key == kv.Key {
				changed = true
				continue
			}
			if nv, ok := l.value(kv.Value, depth-1, length); ok {
				kv.Value, changed = nv, true
			}
			kvs[n] = kv
			n++
		}
		if changed {
			return attribute.MapValue(kvs[:n]...), true
		}
	}
	return v, false
}

func truncateStrings(v attribute.Value, length int) (attribute.Value, bool) {
	if length < 0 {
		return v, false
	}
	elems, changed := v.AsStringSlice(), false
	for i := range elems {
		if s, cut := truncate(elems[i], length); cut {
			elems[i], changed = s, true
		}
	}
	if !changed {
		return v, false
	}
	return attribute.StringSliceValue(elems), true
}

// truncate cuts s to at most limit characters.
func truncate(s string, limit int) (string, bool) {
	if limit < 0 || len(s) <= limit {
		return s, false
	}
	n := 0
	for i := 0; i < len(s); n++ {
		if n == limit {
			return s[:i], true
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return s, false
}
