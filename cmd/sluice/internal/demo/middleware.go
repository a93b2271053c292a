package demo

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/bridge"
)

// observe gives each request a span and each record below it the request's
// path, and turns a panic into a 500 and an ERROR record.
func (s *shop) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ctx, span := s.tracer.Start(r.Context(), r.Method+" "+r.URL.Path,
			trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("url.path", r.URL.Path)))
		defer span.End()
		ctx = bridge.With(ctx, slog.String("url.path", r.URL.Path))
		s.http.DebugContext(ctx, "request received", slog.String("http.request.method", r.Method), slog.String("user_agent.original", r.UserAgent()))

		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			if v := recover(); v != nil {
				answer.WriteHeader(http.StatusInternalServerError)
				span.SetStatus(codes.Error, fmt.Sprint(v))
				s.panicTrace.Store(span.SpanContext().TraceID().String())
				s.http.ErrorContext(ctx, "handler panicked", slog.Any("error", recovered(v)))
			}
			s.http.DebugContext(ctx, "request served",
				slog.Int("http.response.status_code", answer.status), milliseconds(time.Since(start)))
		}()
		next.ServeHTTP(answer, r.WithContext(ctx))
	})
}

// statusWriter remembers the answer's status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// panicError is a recovered panic as an error of which the bridge logs the
// type and the stack, too.
type panicError struct {
	value any
	stack []uintptr
}

// recovered is called by the deferred function that recovered v.
func recovered(v any) *panicError {
	var pcs [64]uintptr
	stack := pcs[:runtime.Callers(1, pcs[:])]
	named := func(prefix string) func(uintptr) bool {
		return func(pc uintptr) bool { return strings.HasPrefix(runtime.FuncForPC(pc-1).Name(), prefix) }
	}
	// Above the function that panicked stand the recovery and the runtime.
	if i := slices.IndexFunc(stack, named("runtime.gopanic")); i >= 0 {
		stack = stack[i:]
	}
	for len(stack) > 0 && named("runtime.")(stack[0]) {
		stack = stack[1:]
	}
	return &panicError{value: v, stack: stack}
}

func (e *panicError) Error() string      { return fmt.Sprint(e.value) }
func (e *panicError) ErrorType() string  { return fmt.Sprintf("%T", e.value) }
func (e *panicError) Callers() []uintptr { return e.stack }
