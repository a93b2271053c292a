// Package sluicetest helps to test what a program logs: a [Recorder] keeps the
// records of a test in memory, and asserts that they are as expected.
//
//	rec := sluicetest.New(t)
//	checkout(rec.Logger("shop.cart")) // the code under test takes a *slog.Logger
//	rec.AssertLogged(t, slog.LevelWarn, "payment refused", "order", 7)
//	rec.AssertNone(t, slog.LevelError)
package sluicetest

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice"
	"github.com/seed2f724858/sluice/config"
	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// Recorder is a Runtime whose records are kept in memory, whatever their
// level. A record is there as soon as the log call has returned. All methods
// are safe for concurrent use.
type Recorder struct {
	*sluice.Runtime
	memory memory
}

// New returns a Recorder that is shut down at the end of the test.
func New(t testing.TB) *Recorder {
	t.Helper()
	r := &Recorder{}
	r.Runtime = start(t, &r.memory)
	t.Cleanup(func() {
		if err := r.Shutdown(context.Background()); err != nil {
			t.Errorf("sluicetest: %v", err)
		}
	})
	return r
}

func start(t testing.TB, m *memory) *sluice.Runtime {
	t.Helper()
	cfg := processors.DefaultSimpleConfig()
	cfg.Name = "memory"
	step, err := processors.NewSimple(m, cfg)
	if err != nil {
		t.Fatalf("sluicetest: %v", err)
	}
	runtime := config.DefaultRuntimeConfig()
	runtime.Redact = false // what the program logs is what its tests are about
	rt, err := config.NewRuntime(runtime, step)
	if err != nil {
		t.Fatalf("sluicetest: %v", err)
	}
	// SLUICE_LEVELS, which may be set where the test runs, must not change
	// what it finds.
	if err := rt.Levels().Set("", log.SeverityTrace1, 0); err != nil {
		t.Fatalf("sluicetest: %v", err)
	}
	return rt
}

// Records returns what has been logged since New or Reset, in order.
func (r *Recorder) Records() []record.Record { return r.memory.all() }

// Reset forgets what has been logged so far.
func (r *Recorder) Reset() { r.memory.reset() }

// AssertLogged fails the test, and shows what was logged, unless there is a
// record with that level, exactly that message, and at least those attributes.
// They are given as in a log call: "order", 7, or a [slog.Attr].
func (r *Recorder) AssertLogged(t testing.TB, level slog.Level, msg string, attrs ...any) {
	t.Helper()
	want := expected(t, level, msg, attrs)
	have := r.Records()
	for i := range have {
		if matches(&have[i], &want) {
			return
		}
	}
	t.Errorf("sluicetest: nothing like this was logged:\n%sthe log:\n%s", dump(want), dump(have...))
}

// AssertNone fails the test, and shows what was logged, if there is a record
// of that level or above.
func (r *Recorder) AssertNone(t testing.TB, level slog.Level) {
	t.Helper()
	for _, rec := range r.Records() {
		if rec.Severity >= severity(level) {
			t.Errorf("sluicetest: a record at %s or above:\n%sthe log:\n%s", level, dump(rec), dump(r.Records()...))
			return
		}
	}
}

// severity maps levels as OpenTelemetry does: slog.LevelInfo is 0,
// SeverityInfo 9.
func severity(level slog.Level) log.Severity { return log.Severity(level) + log.SeverityInfo }

// expected returns the record that such a log call makes: attributes are
// compared in the form in which they are recorded.
func expected(t testing.TB, level slog.Level, msg string, attrs []any) record.Record {
	t.Helper()
	var m memory
	rt := start(t, &m)
	defer func() { _ = rt.Shutdown(context.Background()) }() // there is nothing to lose
	rt.Logger("").Log(t.Context(), level, msg, attrs...)
	want := m.all()[0]
	want.Timestamp, want.Observed = time.Time{}, time.Time{}
	// What the bridge adds to an error is not expected unless it is asked for.
	given := map[attribute.Key]bool{}
	var call slog.Record
	call.Add(attrs...)
	call.Attrs(func(a slog.Attr) bool {
		given[attribute.Key(a.Key)] = true
		return true
	})
	want.Attributes = slices.DeleteFunc(want.Attributes, func(kv attribute.KeyValue) bool {
		return strings.HasPrefix(string(kv.Key), "exception.") && !given[kv.Key]
	})
	return want
}

func matches(have, want *record.Record) bool {
	if have.Severity != want.Severity || have.Body != want.Body {
		return false
	}
	for _, kv := range want.Attributes {
		if v, ok := have.Attr(kv.Key); !ok || v != kv.Value {
			return false
		}
	}
	return true
}

// dump returns records as lines for people.
func dump(recs ...record.Record) string {
	if len(recs) == 0 {
		return "  (empty)\n"
	}
	enc, err := encode.New("text", encode.Options{})
	if err != nil {
		return err.Error()
	}
	var b []byte
	for i := range recs {
		b = enc.Append(append(b, "  "...), &recs[i])
	}
	return string(b)
}

// memory is a sink that keeps copies of what it is given.
type memory struct {
	mu     sync.Mutex
	recs   []record.Record
	closed bool
}

func (m *memory) Write(_ context.Context, recs []record.Record) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, exporters.ErrClosed
	}
	for i := range recs {
		m.recs = append(m.recs, recs[i].Clone())
	}
	return len(recs), nil
}

func (m *memory) ForceFlush(context.Context) error { return nil }

func (m *memory) Shutdown(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

func (m *memory) all() []record.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.recs)
}

func (m *memory) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.recs = nil
}
