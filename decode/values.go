package decode

import (
	"math"
	"strconv"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/encode"
)

// value reads any value. What is nested deeper than [encode.MaxDepth] becomes
// a string of its JSON text.
func (p *parser) value(depth int) (v attribute.Value, ok bool) {
	p.space()
	if p.pos >= len(p.s) {
		return v, false
	}
	switch p.s[p.pos] {
	case '"':
		s, ok := p.str()
		return attribute.StringValue(s), ok
	case 't':
		return attribute.BoolValue(true), p.literal("true")
	case 'f':
		return attribute.BoolValue(false), p.literal("false")
	case 'n':
		return v, p.literal("null")
	case '{', '[':
		if depth > encode.MaxDepth {
			raw, ok := p.skip()
			return attribute.StringValue(raw), ok
		}
		if p.s[p.pos] == '{' {
			return p.mapValue(depth)
		}
		return p.sliceValue(depth)
	}
	text, integer, ok := p.number()
	if !ok {
		return v, false
	}
	return numberValue(text, integer), true
}

func (p *parser) mapValue(depth int) (attribute.Value, bool) {
	var kvs []attribute.KeyValue
	ok := p.object(func(key string) bool {
		v, ok := p.value(depth + 1)
		kvs = append(kvs, attribute.KeyValue{Key: attribute.Key(key), Value: v})
		return ok
	})
	if !ok {
		return attribute.Value{}, false
	}
	kvs, _ = lastOfEach(kvs, nil)
	return attribute.MapValue(kvs...), true
}

func (p *parser) sliceValue(depth int) (attribute.Value, bool) {
	var elems []attribute.Value
	ok := p.array(func() bool {
		v, ok := p.value(depth + 1)
		elems = append(elems, v)
		return ok
	})
	return sliceOf(elems), ok
}

// sliceOf returns elems as a slice of their type if they have one in common
// that is a scalar, else as a slice of values.
func sliceOf(elems []attribute.Value) attribute.Value {
	if len(elems) == 0 {
		return attribute.SliceValue()
	}
	kind := elems[0].Type()
	for i := range elems {
		if elems[i].Type() != kind {
			return attribute.SliceValue(elems...)
		}
	}
	switch kind {
	case attribute.STRING:
		return attribute.StringSliceValue(each(elems, attribute.Value.AsString))
	case attribute.INT64:
		return attribute.Int64SliceValue(each(elems, attribute.Value.AsInt64))
	case attribute.FLOAT64:
		return attribute.Float64SliceValue(each(elems, attribute.Value.AsFloat64))
	case attribute.BOOL:
		return attribute.BoolSliceValue(each(elems, attribute.Value.AsBool))
	}
	return attribute.SliceValue(elems...)
}

func each[T any](elems []attribute.Value, as func(attribute.Value) T) []T {
	s := make([]T, len(elems))
	for i := range elems {
		s[i] = as(elems[i])
	}
	return s
}

// maxFloatDigits is how many significant digits a float64 may need. Numbers
// with more come from something more precise.
const maxFloatDigits = 17

// numberValue returns the number as an int64 or float64, or as a string where
// neither holds all its digits: integers beyond 64 bits, fractions of more
// than 17 significant digits, exponents out of range.
func numberValue(text string, integer bool) attribute.Value {
	if integer && text != "-0" {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return attribute.Int64Value(n)
		}
		return attribute.StringValue(text)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) || significantDigits(text) > maxFloatDigits {
		return attribute.StringValue(text)
	}
	return attribute.Float64Value(f)
}

func significantDigits(text string) (n int) {
	zeros := 0 // Trailing ones, of which we do not know yet.
	for _, c := range []byte(text) {
		switch {
		case c == 'e' || c == 'E':
			return n
		case c == '0':
			if n > 0 {
				zeros++
			}
		case c >= '1' && c <= '9':
			n += zeros + 1
			zeros = 0
		}
	}
	return n
}
