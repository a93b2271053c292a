package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/log/global"
	"go.opentelemetry.io/otel/log/noop"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/processors"
)

// panics returns what comes out of f.
func panics(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

// recovers panics below a Recover and returns what comes out of it.
func recovers(ctx context.Context, v any, opts ...EndOption) any {
	return panics(func() {
		defer Recover(ctx, opts...)
		panic(v)
	})
}

type code int

type badError struct{}

func (badError) Error() string     { panic("worse") }
func (badError) ErrorType() string { panic("worse") }

func TestRecover(t *testing.T) {
	var null *Handler
	oob := func() { _ = []int{}[len(t.Name())-len(t.Name())] }
	for _, tt := range []struct {
		name      string
		panic     func()
		typ, text string
	}{
		{name: "string", panic: func() { panic("boom") }, typ: "string", text: "boom"},
		{name: "error", panic: func() { panic(fmt.Errorf("read: %w", io.ErrUnexpectedEOF)) }, typ: "*errors.errorString", text: "read: unexpected EOF"},
		{name: "own type", panic: func() { panic(code(7)) }, typ: "github.com/seed2f724858/sluice/bridge.code", text: "7"},
		{name: "index", panic: oob, typ: "runtime.boundsError", text: "runtime error: index out of range [0] with length 0"},
		{name: "nil pointer", panic: func() { _ = null.groups }, typ: "runtime.errorString", text: "runtime error: invalid memory address or nil pointer dereference"},
		{name: "nil", panic: func() { panic(nil) }, typ: "*runtime.PanicNilError", text: "panic called with nil argument"},
		{name: "panicking Error", panic: func() { panic(badError{}) }, typ: "bridge.badError", text: "%!v(PANIC=Error method: worse)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachTail(t, func(t *testing.T, tl tail) {
				logger := NewLogger("test", tl.opt).With("a", 1).WithGroup("g")
				ctx := trace.ContextWithSpanContext(With(context.Background(), slog.String("request", "r-1")),
					trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}))
				ctx, cancel := context.WithCancel(ctx)
				cancel() // a request that was given up may panic
				before := panics(tt.panic)
				after := panics(func() {
					defer Recover(ctx, WithLogger(logger))
					tt.panic()
				})
				if fmt.Sprintf("%T", after) != fmt.Sprintf("%T", before) || textOfPanic(after) != textOfPanic(before) {
					t.Errorf("%v went in, %v came out", before, after)
				}
				r := tl.one(t)
				if r.Severity != log.SeverityFatal1 || r.Body.AsString() != "panic: "+tt.text || r.Timestamp.IsZero() || r.TraceID != (trace.TraceID{1}) || r.SpanID != (trace.SpanID{2}) {
					t.Errorf("record %s", dump(r))
				}
				stack, _ := r.Attr("exception.stacktrace")
				first, _, _ := strings.Cut(stack.AsString(), "\n")
				if !strings.HasPrefix(first, "github.com/seed2f724858/sluice/bridge.TestRecover.") || strings.Contains(stack.AsString(), "bridge.Recover(") {
					t.Errorf("stack:\n%s", stack.AsString())
				}
				got := map[string]string{}
				for _, kv := range r.Attributes {
					got[string(kv.Key)] = kv.Value.String()
				}
				delete(got, "exception.stacktrace")
				want := map[string]string{"a": "1", "request": "r-1", "exception.type": tt.typ, "exception.message": tt.text}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("attributes %v, want %v", got, want)
				}
			})
		})
	}
}

// Recover keeps out of everything that is no accident.
func TestRecoverNothing(t *testing.T) {
	for name, f := range map[string]func(opt EndOption){
		"no panic": func(opt EndOption) { defer Recover(context.Background(), opt) },
		"Goexit": func(opt EndOption) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer Recover(context.Background(), opt)
				runtime.Goexit()
			}()
			<-done
		},
		"aborted handler": func(opt EndOption) {
			if v := recovers(context.Background(), http.ErrAbortHandler, opt); v != http.ErrAbortHandler {
				t.Errorf("%v came out", v)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := &capture{}
			f(WithLogger(NewLogger("test", WithPipeline(newPipeline(t, c)))))
			if recs := c.take(); len(recs) > 0 {
				t.Errorf("logged %s", dump(recs[0]))
			}
		})
	}
}

// One panic is one record, however many Recovers it meets: the first that
// delivers it.
func TestRecoverNested(t *testing.T) {
	handleErrors(t)
	for _, fails := range []bool{false, true} {
		c := &capture{}
		good := WithLogger(NewLogger("test", WithPipeline(newPipeline(t, c))))
		inner := good
		if fails {
			inner = WithShutdown(func(context.Context) error { return io.ErrClosedPipe })
		}
		v := panics(func() {
			defer Recover(context.Background(), good)
			defer Recover(context.Background(), good)
			defer Recover(context.Background(), good, inner)
			panic("boom")
		})
		want := 1
		if fails {
			want = 2 // what the first one did is not known
		}
		if recs := c.take(); len(recs) != want || v != "boom" {
			t.Errorf("inner fails: %t: %d records, %v came out", fails, len(recs), v)
		}
	}
}

// Nothing that happens while a panic is logged takes its place.
func TestRecoverTrouble(t *testing.T) {
	off := newPipeline(t, &capture{})
	off.Levels().Configure(processors.LevelRules{"": processors.SeverityOff})
	closed := newPipeline(t, &capture{})
	_ = closed.Shutdown(t.Context())
	for _, tt := range []struct {
		name string
		opts []EndOption
		want string
	}{
		{"error", []EndOption{WithShutdown(func(context.Context) error { return io.ErrClosedPipe })}, "closed pipe"},
		{"panic", []EndOption{WithShutdown(func(context.Context) error { panic("another") })}, "panic: another"},
		{"Goexit", []EndOption{WithShutdown(func(context.Context) error { runtime.Goexit(); return nil })}, "Goexit"},
		{"hangs", []EndOption{WithDeadline(time.Millisecond), WithShutdown(func(ctx context.Context) error { <-ctx.Done(); return nil })}, ""},
		{"step", []EndOption{WithLogger(NewLogger("test", WithPipeline(newPipeline(t, &capture{err: io.ErrShortWrite}))))}, "short write"},
		{"off", []EndOption{WithLogger(NewLogger("test", WithPipeline(off)))}, "takes no record"},
		{"closed", []EndOption{WithLogger(NewLogger("test", WithPipeline(closed)))}, "takes no record"},
		{"disabled", []EndOption{WithLogger(slog.New(slog.DiscardHandler))}, "takes no record"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := handleErrors(t)
			opts := append([]EndOption{WithLogger(NewLogger("test", WithPipeline(newPipeline(t, &capture{}))))}, tt.opts...)
			boom := errors.New("boom")
			if v := recovers(context.Background(), boom, opts...); v != boom {
				t.Errorf("%v came out", v)
			}
			if got := strings.Join(h.list(), "\n"); !strings.Contains(got, tt.want) {
				t.Errorf("reported %q, want %q", got, tt.want)
			}
		})
	}
}

// A handler of another kind gets the same record.
func TestRecoverForeignHandler(t *testing.T) {
	var out bytes.Buffer
	var none context.Context
	recovers(none, "boom", WithLogger(slog.New(slog.NewJSONHandler(&out, nil))))
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got["level"] != "ERROR+4" || got["msg"] != "panic: boom" || got["exception.type"] != "string" || got["exception.stacktrace"] == nil {
		t.Errorf("%v", got)
	}
}

// flushes counts what it is asked to flush.
type flushes struct {
	noop.LoggerProvider
	n atomic.Int64
}

func (f *flushes) ForceFlush(context.Context) error { f.n.Add(1); return nil }

type flushStep struct {
	capture
	flushes
}

func (s *flushStep) ForceFlush(ctx context.Context) error { return s.flushes.ForceFlush(ctx) }

// Whatever the way of the records, the exporters are waited for.
func TestFlush(t *testing.T) {
	var provider, everyones flushes
	step := &flushStep{}
	before := global.GetLoggerProvider()
	global.SetLoggerProvider(&everyones)
	t.Cleanup(func() { global.SetLoggerProvider(before) })
	for _, tt := range []struct {
		name    string
		handler slog.Handler
		n       *atomic.Int64
	}{
		{"pipeline", NewHandler("test", WithPipeline(newPipeline(t, step))), &step.flushes.n},
		{"derived", NewHandler("test", WithPipeline(newPipeline(t, step))).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)}), &step.flushes.n},
		{"provider", NewHandler("test", WithLoggerProvider(&provider)), &provider.n},
		{"global provider", NewHandler("test"), &everyones.n},
		{"another handler", slog.NewTextHandler(io.Discard, nil), &everyones.n},
		{"provider without flush", NewHandler("test", WithLoggerProvider(noop.NewLoggerProvider())), nil},
	} {
		counts := []*atomic.Int64{&step.flushes.n, &provider.n, &everyones.n}
		for _, n := range counts {
			n.Store(0)
		}
		e := newEnding([]EndOption{WithLogger(slog.New(tt.handler))})
		if err := e.flush(t.Context()); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		for i, n := range counts {
			if (n.Load() == 1) != (n == tt.n) {
				t.Errorf("%s: %d flushes of %d", tt.name, n.Load(), i)
			}
		}
	}
}
