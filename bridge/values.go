package bridge

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// value converts a Go value as the table in the package documentation has it.
func (c *converter) value(v any) attribute.Value {
	if out, ok := c.exact(v); ok {
		return out
	}
	if out, ok := c.methods(v); ok {
		return out
	}
	return c.kind(reflect.ValueOf(v))
}

// reflected is value for a value found inside another one.
func (c *converter) reflected(rv reflect.Value) attribute.Value {
	if rv.Kind() == reflect.Interface {
		rv = rv.Elem()
	}
	if !rv.IsValid() {
		return attribute.Value{}
	}
	if !rv.CanInterface() { // an embedded struct of an unexported type
		return c.kind(rv)
	}
	v := rv.Interface()
	if out, ok := c.exact(v); ok {
		return out
	}
	// As encoding/json does, use methods on the pointer where there is one.
	if rv.CanAddr() && rv.Type().Name() != "" {
		v = rv.Addr().Interface()
	}
	if out, ok := c.methods(v); ok {
		return out
	}
	return c.kind(rv)
}

// exact converts the types whose form is fixed whatever their methods.
func (c *converter) exact(v any) (attribute.Value, bool) {
	switch x := v.(type) {
	case nil:
		return attribute.Value{}, true
	case string:
		return attribute.StringValue(x), true
	case int:
		return attribute.IntValue(x), true
	case float64:
		return attribute.Float64Value(x), true
	case bool:
		return attribute.BoolValue(x), true
	case []byte:
		return attribute.ByteSliceValue(x), true
	case time.Duration:
		return attribute.Int64Value(int64(x)), true
	case time.Time:
		return instant(x), true
	case attribute.Value:
		return x, true
	case json.Number:
		return number(x), true
	case slog.Value:
		return c.slogValue(x), true
	case []slog.Attr:
		return c.slogValue(slog.GroupValue(x...)), true
	}
	return attribute.Value{}, false
}

// methods asks the value itself for its form.
func (c *converter) methods(v any) (attribute.Value, bool) {
	switch x := v.(type) {
	case *slog.Value: // exact knows what it points to
		return attribute.Value{}, false
	case slog.LogValuer:
		return c.slogValue(slog.AnyValue(x)), true
	case error:
		return c.call(v, errorText), true
	case encoding.TextMarshaler:
		return c.call(v, marshalText), true
	case json.Marshaler:
		return c.call(v, marshalJSON), true
	case fmt.Stringer:
		return c.call(v, stringerText), true
	}
	return attribute.Value{}, false
}

// slogValue converts a slog.Value that stands without a key.
func (c *converter) slogValue(v slog.Value) attribute.Value {
	v = c.resolve(v)
	switch v.Kind() {
	case slog.KindAny:
		return c.value(v.Any())
	case slog.KindGroup:
		if c.depth >= maxDepth {
			return attribute.StringValue(depthExceeded)
		}
		start := len(c.rec.Attributes)
		c.members(v.Group())
		return c.popMap(start)
	}
	return scalar(v)
}

// kind converts by the value's shape.
func (c *converter) kind(rv reflect.Value) attribute.Value {
	switch rv.Kind() {
	case reflect.Bool:
		return attribute.BoolValue(rv.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return attribute.Int64Value(rv.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return unsigned(rv.Uint())
	case reflect.Float32, reflect.Float64:
		return attribute.Float64Value(rv.Float())
	case reflect.Complex64, reflect.Complex128:
		return attribute.MapValue(
			attribute.Float64("r", real(rv.Complex())),
			attribute.Float64("i", imag(rv.Complex())),
		)
	case reflect.String:
		return attribute.StringValue(rv.String())
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
		return c.container(rv)
	default:
		return attribute.StringValue(rv.Type().String())
	}
}

// visit identifies a value on the way down. The type tells a struct from its
// first field, the length a slice from its own beginning.
type visit struct {
	at  uintptr
	typ reflect.Type
	len int
}

func (c *converter) container(rv reflect.Value) attribute.Value {
	if c.depth >= maxDepth {
		return attribute.StringValue(depthExceeded)
	}
	switch rv.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if rv.IsNil() {
			break
		}
		v := visit{at: rv.Pointer(), typ: rv.Type()}
		if rv.Kind() == reflect.Slice {
			v.len = rv.Len()
		}
		for _, seen := range c.path {
			if seen == v {
				return attribute.StringValue(cycleFound)
			}
		}
		c.path = append(c.path, v)
		defer func() { c.path = c.path[:len(c.path)-1] }()
	}
	c.depth++
	defer func() { c.depth-- }()
	switch rv.Kind() {
	case reflect.Pointer:
		if rv.IsNil() {
			return attribute.Value{}
		}
		return c.reflected(rv.Elem())
	case reflect.Map:
		return c.mapped(rv)
	case reflect.Struct:
		return c.structure(rv)
	}
	return c.sequence(rv)
}

func (c *converter) sequence(rv reflect.Value) attribute.Value {
	n := rv.Len()
	if rv.Type().Elem().Kind() == reflect.Uint8 {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rv.Index(i).Uint())
		}
		return attribute.ByteSliceValue(b)
	}
	start := len(c.elements)
	for i := range n {
		if c.spent() {
			c.elements = append(c.elements, attribute.StringValue(valuesExceeded))
			break
		}
		v := c.reflected(rv.Index(i))
		c.elements = append(c.elements, v)
	}
	return c.popSlice(start)
}

func (c *converter) mapped(rv reflect.Value) attribute.Value {
	start := len(c.rec.Attributes)
	for it := rv.MapRange(); it.Next(); {
		if c.spent() {
			c.push(valuesExceeded, attribute.IntValue(rv.Len()))
			break
		}
		key := it.Key()
		name := ""
		if key.Kind() == reflect.String {
			name = key.String()
		} else {
			name = c.reflected(key).String()
		}
		v := c.reflected(it.Value())
		c.rec.Attributes = append(c.rec.Attributes, attribute.KeyValue{Key: attribute.Key(name), Value: v})
	}
	return c.popMap(start)
}

func (c *converter) structure(rv reflect.Value) attribute.Value {
	start := len(c.rec.Attributes)
	for _, f := range fieldsOf(rv.Type()) {
		fv, ok := f.of(rv)
		if !ok {
			continue
		}
		if c.spent() {
			c.push(f.name, attribute.StringValue(valuesExceeded))
			break
		}
		v := c.reflected(fv)
		c.push(f.name, v)
	}
	return c.popMap(start)
}

func unsigned(u uint64) attribute.Value {
	if u > math.MaxInt64 {
		return attribute.StringValue(strconv.FormatUint(u, 10))
	}
	return attribute.Int64Value(int64(u))
}

// The seconds whose nanoseconds an int64 holds, with the last one left out.
const (
	minUnix = math.MinInt64/int64(time.Second) + 1
	maxUnix = math.MaxInt64/int64(time.Second) - 1
)

func instant(t time.Time) attribute.Value {
	if s := t.Unix(); s < minUnix || s > maxUnix {
		return attribute.StringValue(t.Format(time.RFC3339Nano))
	}
	return attribute.Int64Value(t.UnixNano())
}

// number keeps integers whole: as int64, else in their own digits.
func number(n json.Number) attribute.Value {
	if i, err := n.Int64(); err == nil {
		return attribute.Int64Value(i)
	}
	if strings.ContainsAny(string(n), ".eE") {
		if f, err := n.Float64(); err == nil {
			return attribute.Float64Value(f)
		}
	}
	return attribute.StringValue(string(n))
}
