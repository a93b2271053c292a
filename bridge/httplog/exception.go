package httplog

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

const (
	maxFrames  = 64
	maxMessage = 16 << 10 // bytes of a panic's text
)

// exception is what a handler panicked with.
type exception struct{ typ, message, stack string }

// exceptionOf must be called while the panic is being handled: it reads the
// panicking goroutine's stack.
func exceptionOf(p any) exception {
	e := exception{message: cut(fmt.Sprint(p), maxMessage), stack: panicStack()}
	if err, ok := p.(error); ok {
		e.typ = semconv.ErrorType(err).Value.AsString()
	} else {
		e.typ = fmt.Sprintf("%T", p)
	}
	return e
}

// panicStack returns the stack from the panic upwards, in the form of package
// bridge: as the Go runtime writes it, without the goroutine's header and
// arguments.
func panicStack() string {
	var pcs [2 * maxFrames]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	var b strings.Builder
	const (
		above   = iota // the frames of the recovery
		raising        // the runtime's, between the recovery and the panic
		below
	)
	place, n := above, 0
	for n < maxFrames {
		f, more := frames.Next()
		switch {
		case place == above && f.Function == "runtime.gopanic":
			place = raising
		case place == raising && !strings.HasPrefix(f.Function, "runtime."):
			place = below
		}
		if place == below && f.Function != "" && f.Function != "runtime.goexit" {
			if n++; n > 1 {
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
