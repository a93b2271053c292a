package bridge

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// Recover logs a panic and lets it go on:
//
//	defer bridge.Recover(ctx)
//
// It must be deferred itself, not called by a deferred function; behind
// "defer rt.Shutdown(ctx)", so that it runs before that. A panic becomes one
// record of severity FATAL, with the body "panic: TEXT", ctx's trace ids and
// attributes, exception.type, exception.message and, from the place of the
// panic upwards, exception.stacktrace. Recover then waits until it is
// delivered, as [Exit] does, and panics with the same value: whoever recovers
// above sees it, else the process ends as Go programs do, with the panic on
// standard error and status 2. Without a panic, and in [runtime.Goexit], it
// does nothing.
//
// A panic that meets several Recovers on its way is logged by the first one
// that can deliver it, and one that [CaptureCrashes] finds later is not logged
// again. Delivered means by every exporter, or stored in the queue on disk in
// front of one that could not take it: the flush succeeded or left records only
// there and, where the logger's handler is a [Handler] with [WithPipeline] and so
// can tell, no record was dropped meanwhile, because this one may have been. So a
// panic comes more than once to the exporters that work when others do not: twice
// rather than never. [http.ErrAbortHandler] is no accident, and not logged.
func Recover(ctx context.Context, opts ...EndOption) {
	v := recover()
	if v == nil {
		return
	}
	var pcs [maxFrames + 16]uintptr // the frames above the panic's place are cut off
	stack := panicStack(pcs[:runtime.Callers(1, pcs[:])])
	if v == http.ErrAbortHandler {
		panic(v)
	}
	if startsInRepanic(stack) {
		repanicLogged(v)
	}
	if ctx == nil {
		ctx = context.Background()
	}
	e := newEnding(opts)
	now := time.Now()
	err := e.within(ctx, func(ctx context.Context) error {
		return e.delivered(func() error {
			if err := e.logPanic(ctx, now, v, stack); err != nil {
				return err
			}
			return e.deliver(ctx)
		})
	})
	e.report(err)
	if err != nil {
		panic(v)
	}
	repanicLogged(v)
}

// PanicAttrs returns exception.type, exception.message and, from the place of
// the panic upwards, exception.stacktrace, for code that recovers from panics
// and logs them itself. It must be called with the recovered value, in the
// deferred function that recovered it or by what that calls: it reads the stack.
// Of a panic that a Recover has delivered it leaves the stack out: that record
// has it.
func PanicAttrs(v any) []slog.Attr {
	var pcs [maxFrames + 16]uintptr
	stack := panicStack(pcs[:runtime.Callers(1, pcs[:])])
	if startsInRepanic(stack) {
		stack = nil
	}
	return exceptionAttrs(typeOfPanic(v), textOfPanic(v), formatStack(stack))
}

func (e *ending) logPanic(ctx context.Context, now time.Time, v any, stack []uintptr) error {
	var pc uintptr
	if len(stack) > 0 {
		pc = stack[0]
	}
	text := textOfPanic(v)
	r := slog.NewRecord(now, levelFatal, "panic: "+text, pc)
	return e.fatal(ctx, r, exceptionAttrs(typeOfPanic(v), text, formatStack(stack))...)
}

// repanicLogged panics with a value that was logged and delivered. It tells so
// by being on the stack: to other Recovers, and in the text that the runtime
// leaves of a crash to the next start, which no variable would reach.
//
//go:noinline
func repanicLogged(v any) { panic(v) }

func startsInRepanic(stack []uintptr) bool {
	return len(stack) > 0 && functionName(stack[0]) == repanicName
}

var repanicName = runtime.FuncForPC(reflect.ValueOf(repanicLogged).Pointer()).Name()

// panicStack cuts off what stands above the place of the panic: the recovery
// and the runtime.
func panicStack(pcs []uintptr) []uintptr {
	for len(pcs) > 0 && functionName(pcs[0]) != "runtime.gopanic" {
		pcs = pcs[1:]
	}
	for len(pcs) > 0 && strings.HasPrefix(functionName(pcs[0]), "runtime.") {
		pcs = pcs[1:]
	}
	return pcs
}

// panicking reports whether a panic runs deferred functions, of which the
// caller is part.
func panicking() bool {
	var pcs [maxFrames]uintptr
	return len(panicStack(pcs[:runtime.Callers(1, pcs[:])])) > 0
}

func functionName(pc uintptr) string {
	if f := runtime.FuncForPC(pc - 1); f != nil {
		return f.Name()
	}
	return ""
}

func exceptionAttrs(typ, message, stack string) []slog.Attr {
	attrs := []slog.Attr{
		slog.String(string(semconv.ExceptionTypeKey), typ),
		slog.String(string(semconv.ExceptionMessageKey), message),
	}
	if stack != "" { // GOTRACEBACK=none leaves none
		attrs = append(attrs, slog.String(string(semconv.ExceptionStacktraceKey), stack))
	}
	return attrs
}

// typeOfPanic names the type of what was panicked with, whose methods may
// themselves panic.
func typeOfPanic(v any) (name string) {
	defer func() {
		if recover() != nil {
			name = fmt.Sprintf("%T", v)
		}
	}()
	if err, ok := v.(error); ok {
		return errorType(err)
	}
	return typeName(v)
}
