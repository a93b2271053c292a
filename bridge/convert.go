package bridge

import (
	"context"
	"log/slog"
	"runtime"
	"strconv"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed2f724858/sluice/record"
)

const (
	maxDepth  = 64     // the SDK's default limit, so that what marks the cut survives it
	maxValues = 10_000 // in one attribute: depth alone does not bound what branches
	// keepCapacity is how many attributes' room a pooled converter keeps.
	keepCapacity = 1024

	depthExceeded  = "<max-depth-exceeded>" // as otelslog words it
	valuesExceeded = "<max-values-exceeded>"
	cycleFound     = "<cycle>"

	badKey = "!BADKEY"
)

// converter turns one slog record's attributes into attribute.KeyValues.
type converter struct {
	// rec is the record under construction. Its attributes serve as a stack:
	// the members of a map stand on top until the map is made of them.
	rec record.Record
	// elements is the same for slices.
	elements []attribute.Value
	// err is the first error met.
	err    thrown
	panics []panicked
	// badKeys counts the values that came without a key.
	badKeys int

	left  int // values that the current attribute may still have
	depth int
	path  []visit // pointers, maps and slices being converted

	// adder is c.add as a value, made once.
	adder func(slog.Attr) bool
	// attrs is a buffer for records that go through otelslog.
	attrs []slog.Attr
}

var converters = sync.Pool{New: func() any {
	c := &converter{}
	c.adder = c.add
	return c
}}

func newConverter() *converter { return converters.Get().(*converter) }

// release gives c back; one that a huge record has swollen is dropped.
func (c *converter) release() {
	if cap(c.rec.Attributes) > keepCapacity || cap(c.elements) > keepCapacity {
		return
	}
	c.rec.Reset()
	c.err = thrown{}
	c.panics, c.badKeys = nil, 0
	converters.Put(c)
}

// addAll appends everything but the top With attributes, in order. outside are
// top attributes of the record that c.rec does not hold.
func (c *converter) addAll(ctx context.Context, h *Handler, r *slog.Record, outside []attribute.KeyValue) {
	if h.source && r.PC != 0 {
		c.addSource(r.PC)
	}
	inherited := h.err
	if cc := contextAttrs(ctx); cc != nil {
		c.rec.Attributes = append(c.rec.Attributes, cc.attrs...)
		if cc.err.err != nil {
			inherited = cc.err
		}
		c.panics = append(c.panics, cc.panics...)
	}
	if len(h.groups) == 0 {
		r.Attrs(c.adder)
	} else {
		c.addGroups(h.groups, r)
	}
	if c.err.err == nil {
		c.err = inherited
	}
	if c.err.err != nil {
		c.addException(h.stackLevel, r, outside)
	}
}

func (c *converter) addGroups(groups []group, r *slog.Record) {
	start := len(c.rec.Attributes)
	c.rec.Attributes = append(c.rec.Attributes, groups[0].attrs...)
	if len(groups) > 1 {
		c.addGroups(groups[1:], r)
	} else {
		r.Attrs(c.adder)
	}
	if len(c.rec.Attributes) > start {
		c.push(groups[0].name, c.popMap(start))
	}
}

func (c *converter) addSource(pc uintptr) {
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	c.rec.AddAttributes(
		semconv.CodeFilePath(f.File),
		semconv.CodeFunctionName(f.Function),
		semconv.CodeLineNumber(f.Line),
	)
}

// add appends one attribute of a record or of With.
func (c *converter) add(a slog.Attr) bool {
	switch a.Value.Kind() {
	case slog.KindAny, slog.KindGroup, slog.KindLogValuer:
		c.left = maxValues
		c.nested(a.Key, a.Value)
	default:
		c.push(a.Key, scalar(a.Value))
	}
	return true
}

// nested appends an attribute of any kind.
func (c *converter) nested(key string, v slog.Value) {
	v = c.resolve(v)
	switch v.Kind() {
	case slog.KindGroup:
		c.group(key, v.Group())
	case slog.KindAny:
		x := v.Any()
		switch err, isErr := x.(error); {
		case isErr:
			c.push(key, c.throw(err))
		case x == nil && key == "": // slog: an empty Attr is ignored
		default:
			c.push(key, c.value(x))
		}
	default:
		c.push(key, scalar(v))
	}
}

// group appends a group; one without a name is inlined, an empty one ignored.
func (c *converter) group(key string, attrs []slog.Attr) {
	if c.depth >= maxDepth {
		c.push(key, attribute.StringValue(depthExceeded))
		return
	}
	start := len(c.rec.Attributes)
	c.members(attrs)
	if key != "" && len(c.rec.Attributes) > start {
		c.push(key, c.popMap(start))
	}
}

func (c *converter) members(attrs []slog.Attr) {
	c.depth++
	for _, a := range attrs {
		if c.spent() {
			c.push(a.Key, attribute.StringValue(valuesExceeded))
			break
		}
		c.nested(a.Key, a.Value)
	}
	c.depth--
}

func (c *converter) push(key string, v attribute.Value) {
	if key == "" || key == badKey {
		key = c.nextBadKey()
	}
	c.rec.Attributes = append(c.rec.Attributes, attribute.KeyValue{Key: attribute.Key(key), Value: v})
}

// nextBadKey returns a key for the next value without one: slog.Info("m", 1, 2)
// has two of them, and the last of equal keys would win.
func (c *converter) nextBadKey() string {
	c.badKeys++
	if c.badKeys == 1 {
		return badKey
	}
	return badKey + "." + strconv.Itoa(c.badKeys)
}

// popMap takes the members from start on off the stack and makes a map of
// them.
func (c *converter) popMap(start int) attribute.Value {
	top := c.rec.Attributes[start:]
	v := attribute.MapValue(top...)
	clear(top)
	c.rec.Attributes = c.rec.Attributes[:start]
	return v
}

// popSlice does the same for elements.
func (c *converter) popSlice(start int) attribute.Value {
	top := c.elements[start:]
	v := attribute.SliceValue(top...)
	clear(top)
	c.elements = c.elements[:start]
	return v
}

// spent counts one value and reports whether there were too many.
func (c *converter) spent() bool {
	c.left--
	return c.left < 0
}

// scalar converts every kind but Any, Group and LogValuer.
func scalar(v slog.Value) attribute.Value {
	switch v.Kind() {
	case slog.KindString:
		return attribute.StringValue(v.String())
	case slog.KindInt64:
		return attribute.Int64Value(v.Int64())
	case slog.KindBool:
		return attribute.BoolValue(v.Bool())
	case slog.KindFloat64:
		return attribute.Float64Value(v.Float64())
	case slog.KindDuration:
		return attribute.Int64Value(int64(v.Duration()))
	case slog.KindUint64:
		return unsigned(v.Uint64())
	case slog.KindTime:
		return instant(v.Time())
	default: // a kind that slog may add
		return attribute.StringValue(v.String())
	}
}
