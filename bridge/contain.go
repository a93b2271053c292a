package bridge

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"runtime"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/redact"
)

const (
	maxResolve = 100 // LogValue calls on one value, as slog bounds them
	maxNesting = 8   // calls of users' methods within each other on one goroutine

	panicPrefix = "!PANIC: " // both as slog's own handlers write them
	errorPrefix = "!ERROR: "
	recursion   = "<recursion>"
)

// underWay counts the calls of users' methods that have not returned, in the
// whole process: a method that logs may come back through another handler.
var underWay atomic.Int64

// enter is called before a user's method, leave behind it. enter reports false
// when the method is part of a recursion through logging without end, which
// would overflow the stack, an error that no program survives.
func enter() bool {
	if underWay.Add(1) > maxNesting && nesting() > maxNesting {
		underWay.Add(-1)
		return false
	}
	return true
}

// nesting counts the calls of users' methods on this goroutine's stack. It is
// asked only when many are under way, and looks far enough to find maxNesting
// of them with 200 frames between two.
func nesting() int {
	logValueEntry := reflect.ValueOf((*converter).logValue).Pointer()
	callEntry := reflect.ValueOf((*converter).call).Pointer()
	var pcs [2048]uintptr
	n := 0
	for _, pc := range pcs[:runtime.Callers(2, pcs[:])] {
		// Inlined functions are not told apart; logValue and call, having
		// defer and recover, never are.
		if f := runtime.FuncForPC(pc - 1); f != nil {
			if at := f.Entry(); at == logValueEntry || at == callEntry {
				n++
			}
		}
	}
	return n
}

// resolve follows LogValue to a value of another kind.
func (c *converter) resolve(v slog.Value) slog.Value {
	for range maxResolve {
		if v.Kind() != slog.KindLogValuer {
			return v
		}
		valuer := v.LogValuer()
		if err, ok := valuer.(error); ok && c.err.err == nil {
			c.throw(err)
		}
		v = c.logValue(valuer)
	}
	if v.Kind() != slog.KindLogValuer {
		return v
	}
	return slog.StringValue(fmt.Sprintf("%sLogValue called more than %d times on %T", errorPrefix, maxResolve, v.Any()))
}

func (c *converter) logValue(v slog.LogValuer) (out slog.Value) {
	if !enter() {
		return slog.StringValue(recursion)
	}
	defer func() {
		underWay.Add(-1)
		if p := recover(); p != nil {
			out = slog.Value{}
			if text := c.contain(v, p); text != "" {
				out = slog.StringValue(text)
			}
		}
	}()
	return v.LogValue()
}

// call runs one of the forms below on v.
func (c *converter) call(v any, form func(c *converter, v any) (attribute.Value, error)) (out attribute.Value) {
	if !enter() {
		return attribute.StringValue(recursion)
	}
	defer func() {
		underWay.Add(-1)
		if p := recover(); p != nil {
			out = attribute.Value{}
			if text := c.contain(v, p); text != "" {
				out = attribute.StringValue(text)
			}
		}
	}()
	out, err := form(c, v)
	if err != nil {
		return attribute.StringValue(errorPrefix + err.Error())
	}
	return out
}

// contain notes a panic of one of v's methods and returns the text to show. A
// nil pointer is not worth a report: "" means the empty value.
func (c *converter) contain(v, p any) string {
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() {
		return ""
	}
	text := textOfPanic(p)
	told, _ := redact.Default().String(text) // the error handler stands behind no pipeline
	c.panics = append(c.panics, panicked{
		typ: reflect.TypeOf(v),
		err: fmt.Errorf("bridge: a method of %T panicked while it was logged: %s", v, told),
	})
	return panicPrefix + text
}

// textOfPanic prints what was panicked with, which may itself panic when printed.
func textOfPanic(p any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("%T", p)
		}
	}()
	return fmt.Sprint(p)
}

func errorText(_ *converter, v any) (attribute.Value, error) {
	return attribute.StringValue(v.(error).Error()), nil
}

func stringerText(_ *converter, v any) (attribute.Value, error) {
	return attribute.StringValue(v.(fmt.Stringer).String()), nil
}

func marshalText(_ *converter, v any) (attribute.Value, error) {
	text, err := v.(encoding.TextMarshaler).MarshalText()
	return attribute.StringValue(string(text)), err
}

func marshalJSON(c *converter, v any) (attribute.Value, error) {
	text, err := v.(json.Marshaler).MarshalJSON()
	if err != nil {
		return attribute.Value{}, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var decoded any
	if err := d.Decode(&decoded); err != nil {
		return attribute.StringValue(string(text)), nil
	}
	if _, err := d.Token(); err != io.EOF {
		return attribute.StringValue(string(text)), nil
	}
	return c.value(decoded), nil
}
