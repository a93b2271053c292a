package bridge

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// capture is a pipeline step that keeps what reaches it.
type capture struct {
	mu   sync.Mutex
	recs []record.Record
	err  error
}

func (*capture) Enabled(context.Context, *record.Origin, log.Severity, string) bool { return true }

func (c *capture) OnEmit(_ context.Context, r *record.Record, _ processors.Next) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recs = append(c.recs, r.Clone())
	return c.err
}

func (*capture) ForceFlush(context.Context) error { return nil }
func (*capture) Shutdown(context.Context) error   { return nil }
func (*capture) Branches() []processors.Branch    { return nil }

func (c *capture) take() []record.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	recs := c.recs
	c.recs = nil
	return recs
}

// one returns the only record there is.
func (c *capture) one(t testing.TB) record.Record {
	t.Helper()
	recs := c.take()
	if len(recs) != 1 {
		t.Fatalf("%d records, want 1", len(recs))
	}
	return recs[0]
}

func newPipeline(t testing.TB, steps ...processors.Processor) *processors.Pipeline {
	t.Helper()
	cfg := processors.DefaultConfig()
	cfg.Limits = processors.Limits{AttributeCount: -1, ValueLength: -1, ValueDepth: -1}
	p, err := processors.NewPipeline(cfg, steps...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tail is one of the two ways behind the front, for tests that go over both.
type tail struct {
	name string
	opt  Option
	*capture
}

func tails(t testing.TB) []tail {
	t.Helper()
	direct, through := &capture{}, &capture{}
	provider := sdklog.NewLoggerProvider(newPipeline(t, through).ProviderOptions()...)
	return []tail{
		{"direct", WithPipeline(newPipeline(t, direct)), direct},
		{"otelslog", WithLoggerProvider(provider), through},
	}
}

func eachTail(t *testing.T, f func(t *testing.T, tl tail)) {
	t.Helper()
	for _, tl := range tails(t) {
		t.Run(tl.name, func(t *testing.T) { f(t, tl) })
	}
}

// logged returns the single record that f logs through the direct tail.
func logged(t testing.TB, f func(l *slog.Logger), opts ...Option) record.Record {
	t.Helper()
	c := &capture{}
	f(NewLogger("test", append(opts, WithPipeline(newPipeline(t, c)))...))
	return c.one(t)
}

// attrsOf writes a record's attributes as one JSON object.
func attrsOf(r record.Record) string { return attribute.MapValue(r.Attributes...).String() }

func wantAttrs(t testing.TB, r record.Record, want string) {
	t.Helper()
	if diff := cmp.Diff(want, attrsOf(r)); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}

// handled collects what goes to OpenTelemetry's error handler during a test.
type handled struct {
	mu   sync.Mutex
	errs []error
	next func(error)
}

func (h *handled) Handle(err error) {
	h.mu.Lock()
	h.errs = append(h.errs, err)
	h.mu.Unlock()
	if h.next != nil {
		h.next(err)
	}
}

func (h *handled) list() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, err := range h.errs {
		out = append(out, err.Error())
	}
	return out
}

func handleErrors(t testing.TB) *handled {
	t.Helper()
	h := &handled{}
	before := otel.GetErrorHandler()
	otel.SetErrorHandler(h)
	t.Cleanup(func() { otel.SetErrorHandler(before) })
	return h
}

func toMap(r record.Record) map[string]any {
	m := map[string]any{slog.LevelKey: r.SeverityText, slog.MessageKey: r.Body.AsString()}
	if !r.Timestamp.IsZero() {
		m[slog.TimeKey] = r.Timestamp
	}
	for _, kv := range r.Attributes {
		m[string(kv.Key)] = plainValue(kv.Value)
	}
	return m
}

func plainValue(v attribute.Value) any {
	if v.Type() != attribute.MAP {
		return v.AsInterface()
	}
	m := map[string]any{}
	for _, kv := range v.AsMap() {
		m[string(kv.Key)] = plainValue(kv.Value)
	}
	return m
}

// dump writes everything of a record that the two tails must agree on.
func dump(r record.Record) string {
	return fmt.Sprintf("%v|%d|%s|%s|%q|%s|%s|%s|%d|%s",
		r.Timestamp.UnixNano(), r.Severity, r.SeverityText, r.Body.String(), r.EventName,
		r.TraceID, r.SpanID, r.TraceFlags, r.Dropped, dumpAttrs(r.Attributes))
}

func dumpAttrs(kvs []attribute.KeyValue) string {
	out := ""
	for _, kv := range kvs {
		out += fmt.Sprintf("%s=%s;", kv.Key, dumpValue(kv.Value))
	}
	return out
}

// dumpValue tells types apart that String does not.
func dumpValue(v attribute.Value) string {
	switch v.Type() {
	case attribute.MAP:
		return "{" + dumpAttrs(v.AsMap()) + "}"
	case attribute.SLICE:
		out := "["
		for _, e := range v.AsSlice() {
			out += dumpValue(e) + ","
		}
		return out + "]"
	}
	return fmt.Sprintf("%s:%q", v.Type(), v.String())
}
