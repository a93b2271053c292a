package bridge

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

const (
	maxFrames = 64  // of a stack trace
	maxChain  = 100 // errors asked for the stack they carry
)

// thrown is an error with its text.
type thrown struct {
	err  error
	text string
}

// throw returns an error's text and remembers the first error.
func (c *converter) throw(err error) attribute.Value {
	v := c.call(err, errorText)
	if c.err.err == nil && v.Type() == attribute.STRING {
		c.err = thrown{err: err, text: v.AsString()}
	}
	return v
}

// addException appends those exception.* attributes of c.err that neither
// c.rec nor outside has.
func (c *converter) addException(stackLevel slog.Leveler, r *slog.Record, outside []attribute.KeyValue) {
	has := func(key attribute.Key) bool {
		is := func(kv attribute.KeyValue) bool { return kv.Key == key }
		return slices.ContainsFunc(c.rec.Attributes, is) || slices.ContainsFunc(outside, is)
	}
	err, text := c.err.err, c.err.text
	if !has(semconv.ExceptionTypeKey) {
		name := c.call(err, func(*converter, any) (attribute.Value, error) {
			return attribute.StringValue(errorType(err)), nil
		})
		c.rec.AddAttributes(attribute.KeyValue{Key: semconv.ExceptionTypeKey, Value: name})
	}
	if text != "" && !has(semconv.ExceptionMessageKey) {
		c.rec.AddAttributes(semconv.ExceptionMessage(text))
	}
	if stackLevel == nil || r.Level < stackLevel.Level() || has(semconv.ExceptionStacktraceKey) {
		return
	}
	var pcs []uintptr
	c.call(err, func(*converter, any) (attribute.Value, error) {
		left := maxChain
		pcs = carriedStack(err, &left)
		return attribute.Value{}, nil
	})
	if len(pcs) == 0 {
		pcs = callStack(r.PC)
	}
	if len(pcs) > 0 {
		c.rec.AddAttributes(semconv.ExceptionStacktrace(formatStack(pcs)))
	}
}

var fmtWrapper = reflect.TypeOf(fmt.Errorf("%w", errors.New("")))

// errorType names an error's type as the SDK does: what its ErrorType method
// says, else the type below the wrappers that fmt.Errorf makes.
func errorType(err error) string {
	if et, ok := err.(interface{ ErrorType() string }); ok {
		if s := et.ErrorType(); s != "" {
			return s
		}
	}
	for range maxChain {
		inner := errors.Unwrap(err)
		if inner == nil || reflect.TypeOf(err) != fmtWrapper {
			break
		}
		err = inner
	}
	return typeName(err)
}

func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t.PkgPath() != "" && t.Name() != "" {
		return t.PkgPath() + "." + t.Name()
	}
	return t.String()
}

// carriedStack returns the stack of the innermost error that carries one: it
// is the nearest to the cause. Of joined errors the first with a stack counts.
// left bounds the errors asked, should they form a cycle.
func carriedStack(err error, left *int) []uintptr {
	if *left--; err == nil || *left < 0 {
		return nil
	}
	var inner []error
	switch w := err.(type) {
	case interface{ Unwrap() error }:
		inner = []error{w.Unwrap()}
	case interface{ Unwrap() []error }:
		inner = w.Unwrap()
	}
	for _, e := range inner {
		if pcs := carriedStack(e, left); len(pcs) > 0 {
			return pcs
		}
	}
	return ownStack(err)
}

// ownStack reads go-errors' Callers and pkg/errors' StackTrace, whose result
// is a slice of a type of its own on uintptr.
func ownStack(err error) []uintptr {
	if e, ok := err.(interface{ Callers() []uintptr }); ok {
		return e.Callers()
	}
	m := reflect.ValueOf(err).MethodByName("StackTrace")
	if !m.IsValid() {
		return nil
	}
	t := m.Type()
	if t.NumIn() != 0 || t.NumOut() != 1 || t.Out(0).Kind() != reflect.Slice || t.Out(0).Elem().Kind() != reflect.Uintptr {
		return nil
	}
	frames := m.Call(nil)[0]
	pcs := make([]uintptr, frames.Len())
	for i := range pcs {
		pcs[i] = uintptr(frames.Index(i).Uint())
	}
	return pcs
}

// callStack returns this goroutine's stack from the log call at pc upwards, or
// from the caller of Handle when the record does not know its call. When the
// call is not on the stack, because the record was handed to another
// goroutine, all that is known of it is pc itself.
func callStack(pc uintptr) []uintptr {
	var buf [maxFrames]uintptr
	pcs := buf[:runtime.Callers(1, buf[:])]
	if pc == 0 {
		handle := reflect.ValueOf((*Handler).Handle).Pointer()
		i := slices.IndexFunc(pcs, func(pc uintptr) bool {
			f := runtime.FuncForPC(pc - 1)
			return f != nil && f.Entry() == handle
		})
		return slices.Clone(pcs[i+1:])
	}
	if i := slices.Index(pcs, pc); i >= 0 {
		return slices.Clone(pcs[i:])
	}
	return []uintptr{pc}
}

// formatStack writes a stack the way the Go runtime does, without the
// goroutine's header and arguments.
func formatStack(pcs []uintptr) string {
	var b strings.Builder
	frames := runtime.CallersFrames(pcs)
	for range maxFrames {
		f, more := frames.Next()
		if f.Function != "" && f.Function != "runtime.goexit" {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(f.Function)
			b.WriteString("(...)\n\t")
			b.WriteString(f.File)
			b.WriteByte(':')
			b.WriteString(strconv.Itoa(f.Line))
		}
		if !more {
			break
		}
	}
	return b.String()
}
