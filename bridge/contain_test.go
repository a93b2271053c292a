package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
)

type panicValuer struct{}

func (panicValuer) LogValue() slog.Value { panic("boom") }

type panicText struct{}

func (panicText) MarshalText() ([]byte, error) { panic(errors.New("bang")) }

type panicJSON struct{}

func (panicJSON) MarshalJSON() ([]byte, error) { panic(1) }

type panicString struct{}

func (panicString) String() string { panic(panicString{}) }

type panicError struct{}

func (*panicError) Error() string { panic("in Error") }

func TestPanicsAreContained(t *testing.T) {
	eachTail(t, func(t *testing.T, tl tail) {
		h := handleErrors(t)
		l := NewLogger("test", tl.opt)
		for range 3 {
			l.Info("m", "a", 1, "valuer", panicValuer{}, "text", panicText{}, "json", panicJSON{},
				"in", []any{panicValuer{}, 2}, "err", &panicError{}, "z", 2)
			m := toMap(tl.one(t))
			delete(m, slog.TimeKey)
			for k, want := range map[string]any{
				"a": int64(1), "valuer": "!PANIC: boom", "text": "!PANIC: bang", "json": "!PANIC: 1",
				"err": "!PANIC: in Error", "exception.type": "*bridge.panicError",
				"exception.message": "!PANIC: in Error", "z": int64(2),
			} {
				if m[k] != want && !strings.HasSuffix(fmt.Sprint(m[k]), fmt.Sprint(want)) {
					t.Errorf("%s = %v, want %v", k, m[k], want)
				}
			}
		}
		l.With("w", panicValuer{}).InfoContext(With(context.Background(), slog.Any("s", panicString{})), "m")
		r := tl.one(t)
		if s, _ := r.Attr("s"); !strings.HasPrefix(s.AsString(), "!PANIC: ") {
			t.Errorf("s = %v", s)
		}
		if got := h.list(); len(got) != 5 {
			t.Errorf("%d reports for 5 types: %q", len(got), got)
		}
	})
}

func TestNilReceivers(t *testing.T) {
	h := handleErrors(t)
	r := logged(t, func(l *slog.Logger) {
		var err *panicError
		var valuer *redactedUser
		l.Info("m", "err", err, "valuer", valuer, "in", []error{err})
	})
	wantAttrs(t, r, `{"err":null,"in":[null],"valuer":null}`)
	if got := h.list(); len(got) != 0 {
		t.Errorf("nil receivers were reported: %q", got)
	}
}

type self struct{}

func (s self) LogValue() slog.Value { return slog.AnyValue(s) }

// nest returns a group that holds its own kind, n times.
type nest struct{ n int }

func (n nest) LogValue() slog.Value {
	attrs := make([]slog.Attr, n.n)
	for i := range attrs {
		attrs[i] = slog.Any("k", n)
	}
	return slog.GroupValue(attrs...)
}

type inlined struct{}

func (i inlined) LogValue() slog.Value { return slog.GroupValue(slog.Any("", i)) }

type node struct {
	Name       string
	Prev, Next *node
}

func TestRecursionIsBounded(t *testing.T) {
	ring := &node{Name: "a"}
	ring.Prev, ring.Next = &node{Name: "b", Next: ring, Prev: ring}, &node{Name: "c", Next: ring, Prev: ring}
	loop := map[string]any{}
	loop["self"] = loop
	slice := make([]any, 1)
	slice[0] = slice
	attrs := make([]slog.Attr, 1)
	attrs[0] = slog.Any("k", attrs)
	var val slog.Value
	val = slog.AnyValue(&val)
	var deep any = "end"
	for range 1000 {
		deep = []any{deep}
	}
	var chain func(n int) *node
	chain = func(n int) *node {
		if n == 0 {
			return nil
		}
		return &node{Name: "x", Next: chain(n - 1)}
	}
	for _, tt := range []struct {
		name string
		in   any
		want string // within the value
	}{
		{"valuer of itself", self{}, "!ERROR: LogValue called more than 100 times on bridge.self"},
		{"valuer in its group", nest{1}, depthExceeded},
		{"valuer twice in its group", nest{2}, valuesExceeded},
		{"valuer in itself without a key", inlined{}, depthExceeded},
		{"ring", ring, cycleFound},
		{"map", loop, cycleFound},
		{"slice", slice, cycleFound},
		{"group", attrs, depthExceeded},
		{"value", val, cycleFound},
		{"deep", deep, depthExceeded},
		{"list", chain(1000), depthExceeded},
		{"long", make([]int, 3*maxValues), valuesExceeded},
		{"wide", map[string]any{"a": make([]int, maxValues), "b": make([]int, maxValues)}, valuesExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachTail(t, func(t *testing.T, tl tail) {
				NewLogger("test", tl.opt).Info("m", "v", tt.in, "after", 1)
				r := tl.one(t)
				if got := attrsOf(r); !strings.Contains(got, tt.want) {
					t.Errorf("%.200s lacks %q", got, tt.want)
				}
				if v, _ := r.Attr("after"); v.AsInt64() != 1 {
					t.Error("the attribute behind is lost")
				}
				for _, kv := range r.Attributes {
					if n := count(kv.Value); n > 3*maxValues {
						t.Errorf("%d values", n)
					}
				}
			})
		})
	}
}

func count(v attribute.Value) int {
	n := 1
	for _, e := range v.AsSlice() {
		n += count(e)
	}
	for _, kv := range v.AsMap() {
		n += count(kv.Value)
	}
	return n
}

type logs struct {
	l     **slog.Logger
	times int
	again bool
}

func (v logs) LogValue() slog.Value {
	for range v.times {
		if v.again {
			(*v.l).Info("again", "v", v)
		} else {
			(*v.l).Info("once", "k", 1)
		}
	}
	return slog.IntValue(v.times)
}

func TestValuersThatLog(t *testing.T) {
	eachTail(t, func(t *testing.T, tl tail) {
		l := NewLogger("test", tl.opt)
		l.Info("outer", "v", logs{l: &l, times: 1}, "z", 2)
		recs := tl.take()
		if len(recs) != 2 || recs[0].Body.AsString() != "once" || attrsOf(recs[1]) != `{"v":1,"z":2}` {
			t.Fatalf("%d records: %v", len(recs), recs)
		}
		// One that logs itself must end, however often it does so.
		l.Info("outer", "v", logs{l: &l, times: 2, again: true})
		recs = tl.take()
		if n := len(recs); n < 3 || n > 1<<(maxNesting+2) {
			t.Errorf("%d records of a valuer that logs itself twice", n)
		}
		if got := attrsOf(recs[0]); !strings.Contains(got, recursion) {
			t.Errorf("the innermost record: %s", got)
		}
		if n := underWay.Load(); n != 0 {
			t.Errorf("%d calls still counted as under way", n)
		}
	})
}

type blocks struct{ entered, release chan struct{} }

func (b blocks) LogValue() slog.Value {
	b.entered <- struct{}{}
	<-b.release
	return slog.StringValue("late")
}

func TestValuersThatBlock(t *testing.T) {
	eachTail(t, func(t *testing.T, tl tail) {
		l := NewLogger("test", tl.opt)
		b := blocks{make(chan struct{}), make(chan struct{})}
		var wg sync.WaitGroup
		const stuck = 3 * maxNesting
		for range stuck {
			wg.Go(func() { l.Info("stuck", "v", b) })
			<-b.entered
		}
		// Others go on, also when they run methods of their own, and with more
		// calls under way than one goroutine may nest.
		l.Info("free", "v", redactedUser{name: "ann"})
		wantAttrs(t, tl.one(t), `{"v":{"name":"ann"}}`)
		close(b.release)
		wg.Wait()
		for _, r := range tl.take() {
			wantAttrs(t, r, `{"v":"late"}`)
		}
	})
}

// The error handler stands behind no pipeline that would redact.
func TestPanicsAreToldWithoutSecrets(t *testing.T) {
	eachTail(t, func(t *testing.T, tl tail) {
		h := handleErrors(t)
		NewLogger("test", tl.opt).Info("charge", "error", talkativePanic{})
		got := strings.Join(h.list(), "\n")
		if !strings.Contains(got, "talkativePanic") || strings.Contains(got, "hunter2") {
			t.Errorf("told: %s", got)
		}
	})
}

type talkativePanic struct{}

func (talkativePanic) Error() string { panic("dial postgres://app:hunter2@db/shop") }
