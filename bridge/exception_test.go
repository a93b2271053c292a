package bridge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

type typedError struct{}

func (typedError) Error() string     { return "typed" }
func (typedError) ErrorType() string { return "custom.type" }

// detailError is an error with a LogValue of its own.
type detailError struct{ code int }

func (e detailError) Error() string        { return fmt.Sprintf("code %d", e.code) }
func (e detailError) LogValue() slog.Value { return slog.GroupValue(slog.Int("code", e.code)) }

type frame uintptr

// stackError carries a stack as pkg/errors has it.
type stackError struct {
	error
	frames []frame
}

func (e *stackError) StackTrace() []frame { return e.frames }
func (e *stackError) Unwrap() error       { return e.error }

// callersError carries one as go-errors has it.
type callersError struct{ pcs []uintptr }

func (*callersError) Error() string          { return "with callers" }
func (e *callersError) Callers() []uintptr   { return e.pcs }
func (*callersError) StackTrace(int) []frame { return nil } // another signature

type cyclicError struct{}

func (e *cyclicError) Error() string { return "cyclic" }
func (e *cyclicError) Unwrap() error { return e }

//go:noinline
func whereItBroke() []uintptr {
	var pcs [8]uintptr
	return pcs[:runtime.Callers(1, pcs[:])]
}

func TestErrors(t *testing.T) {
	opErr := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("refused")}
	ctx := With(context.Background(), slog.Any("ctxerr", fs.ErrExist))
	for _, tt := range []struct {
		name string
		log  func(l *slog.Logger)
		want string
	}{
		{"all keep their keys, the first is the exception", func(l *slog.Logger) {
			l.Warn("m", "a", 1, "err", opErr, "cause", errors.New("second"))
		}, `{"a":1,"cause":"second","err":"dial tcp: refused","exception.message":"dial tcp: refused","exception.type":"*net.OpError"}`},
		{"wrapped", func(l *slog.Logger) { l.Warn("m", "err", fmt.Errorf("open: %w", opErr)) },
			`{"err":"open: dial tcp: refused","exception.message":"open: dial tcp: refused","exception.type":"*net.OpError"}`},
		{"joined", func(l *slog.Logger) { l.Warn("m", "err", errors.Join(errors.New("a"), errors.New("b"))) },
			`{"err":"a\nb","exception.message":"a\nb","exception.type":"*errors.joinError"}`},
		{"own type", func(l *slog.Logger) { l.Warn("m", "err", typedError{}) },
			`{"err":"typed","exception.message":"typed","exception.type":"custom.type"}`},
		{"in group", func(l *slog.Logger) { l.WithGroup("g").Warn("m", slog.Group("h", "err", typedError{})) },
			`{"exception.message":"typed","exception.type":"custom.type","g":{"h":{"err":"typed"}}}`},
		{"with", func(l *slog.Logger) { l.With("err", typedError{}).WithGroup("g").Warn("m", "a", 1) },
			`{"err":"typed","exception.message":"typed","exception.type":"custom.type","g":{"a":1}}`},
		{"the call's goes over with", func(l *slog.Logger) { l.With("e", opErr).WarnContext(ctx, "m", "err", typedError{}) },
			`{"ctxerr":"file already exists","e":"dial tcp: refused","err":"typed","exception.message":"typed","exception.type":"custom.type"}`},
		{"the context's goes over with", func(l *slog.Logger) { l.With("e", typedError{}).WarnContext(ctx, "m") },
			`{"ctxerr":"file already exists","e":"typed","exception.message":"file already exists","exception.type":"*errors.errorString"}`},
		{"given by the call", func(l *slog.Logger) { l.Warn("m", "exception.type", "T", "err", typedError{}) },
			`{"err":"typed","exception.message":"typed","exception.type":"T"}`},
		{"given by with", func(l *slog.Logger) { l.With("exception.message", "M").Warn("m", "err", typedError{}) },
			`{"err":"typed","exception.message":"M","exception.type":"custom.type"}`},
		{"not given by a group", func(l *slog.Logger) { l.WithGroup("g").Warn("m", "exception.type", "T", "err", typedError{}) },
			`{"exception.message":"typed","exception.type":"custom.type","g":{"err":"typed","exception.type":"T"}}`},
		{"that is a LogValuer", func(l *slog.Logger) { l.Warn("m", "err", detailError{7}) },
			`{"err":{"code":7},"exception.message":"code 7","exception.type":"github.com/seed2f724858/sluice/bridge.detailError"}`},
		{"from a LogValuer", func(l *slog.Logger) { l.Warn("m", "v", valuer{slog.AnyValue(typedError{})}) },
			`{"exception.message":"typed","exception.type":"custom.type","v":"typed"}`},
		{"empty message", func(l *slog.Logger) { l.Warn("m", "err", errors.New("")) },
			`{"err":"","exception.type":"*errors.errorString"}`},
		{"cyclic", func(l *slog.Logger) { l.Error("m", "err", &cyclicError{}, "exception.stacktrace", "") },
			`{"err":"cyclic","exception.message":"cyclic","exception.stacktrace":"","exception.type":"*bridge.cyclicError"}`},
		{"nil", func(l *slog.Logger) { var err error; l.Error("m", "err", err) }, `{"err":null}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachTail(t, func(t *testing.T, tl tail) {
				tt.log(NewLogger("test", tl.opt))
				wantAttrs(t, tl.one(t), tt.want)
			})
		})
	}
}

// The exception's type and message are what the SDK derives from an error.
func TestExceptionAsTheSDK(t *testing.T) {
	for _, err := range []error{
		errors.New("a"), fs.ErrNotExist, typedError{}, &net.OpError{Op: "x", Err: errors.New("y")},
		fmt.Errorf("b: %w", fmt.Errorf("c: %w", typedError{})), fmt.Errorf("d %w %w", fs.ErrExist, fs.ErrExist),
		errors.Join(fs.ErrExist), fmt.Errorf("nothing: %w", nil), &cyclicError{}, struct{ error }{errors.New("anon")},
	} {
		sdk := &capture{}
		stock := stockLogger(newPipeline(t, sdk))
		stock.Warn("m", "err", err)
		want := sdk.one(t)
		r := logged(t, func(l *slog.Logger) { l.Warn("m", "err", err) })
		for _, key := range []attribute.Key{"exception.type", "exception.message"} {
			got, _ := r.Attr(key)
			if w, _ := want.Attr(key); dumpValue(got) != dumpValue(w) {
				t.Errorf("%T: %s = %s, the SDK's is %s", err, key, got, w)
			}
		}
	}
}

func stack(r interface {
	Attr(attribute.Key) (attribute.Value, bool)
}) string {
	v, _ := r.Attr("exception.stacktrace")
	return v.AsString()
}

func TestStacktrace(t *testing.T) {
	eachTail(t, func(t *testing.T, tl tail) {
		l := NewLogger("test", tl.opt)
		l.Error("m", "err", errors.New("x"))
		r := tl.one(t)
		lines := strings.Split(stack(&r), "\n")
		if !strings.HasPrefix(lines[0], "github.com/seed2f724858/sluice/bridge.TestStacktrace.") || !strings.HasSuffix(lines[0], "(...)") ||
			!strings.HasPrefix(lines[1], "\t/") || !strings.Contains(lines[1], "exception_test.go:") {
			t.Errorf("stack does not begin at the log call:\n%s", stack(&r))
		}
		if strings.Contains(stack(&r), "log/slog") || strings.Contains(stack(&r), "runtime.goexit") {
			t.Errorf("stack holds frames of the machinery:\n%s", stack(&r))
		}
		l.Warn("m", "err", errors.New("x"))
		l.Error("no error")
		l.Error("m", "err", errors.New("x"), "exception.stacktrace", "mine")
		recs := tl.take()
		if s := stack(&recs[0]) + stack(&recs[1]); s != "" {
			t.Errorf("a stack below the level or without an error:\n%s", s)
		}
		if s := stack(&recs[2]); s != "mine" {
			t.Errorf("the given stack was replaced:\n%s", s)
		}
	})
}

func TestStackCarriedByTheError(t *testing.T) {
	pcs := whereItBroke()
	frames := make([]frame, len(pcs))
	for i, pc := range pcs {
		frames[i] = frame(pc)
	}
	outer := []frame{frame(callStack(0)[0])}
	for _, err := range []error{
		&stackError{errors.New("x"), frames},
		&callersError{pcs},
		&stackError{&stackError{errors.New("x"), frames}, outer},
		fmt.Errorf("a: %w", &stackError{errors.New("x"), frames}),
		errors.Join(errors.New("none"), &callersError{pcs}, &stackError{errors.New("x"), outer}),
	} {
		r := logged(t, func(l *slog.Logger) { l.Error("m", "err", err) })
		if s := stack(&r); !strings.HasPrefix(s, "github.com/seed2f724858/sluice/bridge.whereItBroke(...)\n") {
			t.Errorf("%T: not the error's own stack:\n%s", err, s)
		}
	}
}

func TestStackLevel(t *testing.T) {
	level := &slog.LevelVar{}
	c := &capture{}
	opt := WithPipeline(newPipeline(t, c))
	l := NewLogger("test", opt, WithStackLevel(level))
	l.Info("m", "err", errors.New("x"))
	if r := c.one(t); stack(&r) == "" {
		t.Error("no stack at the level asked for")
	}
	level.Set(slog.LevelError + 1)
	l.Error("m", "err", errors.New("x"))
	NewLogger("test", opt, WithStackLevel(nil)).Error("m", "err", errors.New("x"))
	for _, r := range c.take() {
		if stack(&r) != "" {
			t.Error("a stack below the level asked for")
		}
	}
}

// A record that another goroutine handles shows the call, not the handler.
func TestStackOfARecordHandedOn(t *testing.T) {
	c := &capture{}
	h := NewHandler("test", WithPipeline(newPipeline(t, c)))
	var pcs [1]uintptr
	runtime.Callers(1, pcs[:])
	r := slog.NewRecord(time.Now(), slog.LevelError, "m", pcs[0])
	r.Add("err", errors.New("x"))
	done := make(chan error)
	go func() { done <- h.Handle(context.Background(), r) }()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	got := c.one(t)
	if s := stack(&got); strings.Count(s, "\n") != 1 || !strings.Contains(s, "TestStackOfARecordHandedOn") {
		t.Errorf("stack:\n%s", s)
	}
	r.PC = 0
	if err := h.Handle(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	got = c.one(t)
	if s := stack(&got); !strings.HasPrefix(s, "github.com/seed2f724858/sluice/bridge.TestStackOfARecordHandedOn(...)\n") {
		t.Errorf("the stack of a record without PC does not begin at Handle's caller:\n%s", s)
	}
}
