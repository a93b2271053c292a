package exporters_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/discard"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// sdkExporter keeps what it is given, as some other project's exporter.
type sdkExporter struct {
	mu     sync.Mutex
	recs   []sdklog.Record
	err    error
	busy   chan struct{} // when not nil, entered and then waited for
	closed bool
}

func (e *sdkExporter) Export(_ context.Context, recs []sdklog.Record) error {
	if e.busy != nil {
		e.busy <- struct{}{}
		<-e.busy
	}
	if !e.mu.TryLock() {
		return errors.New("export called concurrently")
	}
	defer e.mu.Unlock()
	if e.closed {
		return sdklog.ErrExporterShutdown
	}
	if e.err != nil {
		return e.err
	}
	for i := range recs {
		e.recs = append(e.recs, recs[i].Clone())
	}
	return nil
}

func (e *sdkExporter) ForceFlush(context.Context) error { return nil }
func (e *sdkExporter) Shutdown(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	return nil
}

// converted returns what arrived as records again.
func (e *sdkExporter) converted() []record.Record {
	var o exporters.Origins
	out := make([]record.Record, len(e.recs))
	for i := range e.recs {
		exporters.FromSDK(&out[i], &e.recs[i], o.Of(&e.recs[i]))
	}
	return out
}

func TestForeignConformance(t *testing.T) {
	sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
		e := new(sdkExporter)
		return exporters.FromExporter(e), func() []string {
			m := new(sinktest.Memory)
			_, _ = m.Write(t.Context(), e.converted())
			return bodies(m)
		}
	}})
}

// Records survive the way into the SDK and back.
func TestForeignRoundTrip(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 15, 30, 123456789, time.UTC)
	res := []*record.Resource{
		{Attributes: []attribute.KeyValue{attribute.String("service.name", "a")}, SchemaURL: "https://schema"},
		{Attributes: []attribute.KeyValue{attribute.String("service.name", "b")}},
	}
	var many []attribute.KeyValue
	for i := range 300 { // beyond the SDK's default limit
		many = append(many, attribute.Int(fmt.Sprint("k", i), i))
	}
	in := []record.Record{
		{
			Timestamp: at, Observed: at.Add(time.Second), Severity: log.SeverityWarn3, SeverityText: "WRN",
			EventName: "ev", Body: attribute.SliceValue(attribute.Int64Value(1), attribute.StringValue("x")),
			Attributes: []attribute.KeyValue{attribute.Int("dup", 1), attribute.Int("dup", 2)},
			TraceID:    trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: 1,
			Origin: &record.Origin{Resource: res[0], Scope: record.Scope{Name: "l", Version: "v", SchemaURL: "s", Attributes: []attribute.KeyValue{attribute.Bool("x", true)}}},
		},
		{Body: attribute.StringValue("bare"), Origin: &record.Origin{Resource: &record.Resource{}}},
		{Body: attribute.StringValue("span without trace"), SpanID: trace.SpanID{9}, Origin: &record.Origin{Resource: res[1], Scope: record.Scope{Name: "l"}}},
		{Attributes: many, Origin: &record.Origin{Resource: res[0], Scope: record.Scope{Name: "m"}}},
	}
	e := new(sdkExporter)
	s := exporters.FromExporter(e)
	// A span in Write's context is the sender's, not the records'.
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{7}, SpanID: trace.SpanID{7}}))
	for range 2 {
		if n, err := s.Write(ctx, in); n != len(in) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	want := append(append([]record.Record(nil), in...), in...)
	diff := cmp.Diff(want, e.converted(), cmp.Comparer(func(a, b attribute.Value) bool { return a == b }),
		cmp.Transformer("nil", func(s []attribute.KeyValue) []attribute.KeyValue {
			if len(s) == 0 {
				return nil
			}
			return s
		}))
	if diff != "" {
		t.Error(diff)
	}
	if a, b := e.recs[0].Resource(), e.recs[3].Resource(); a != b {
		t.Error("records of one resource have two")
	}
}

func TestForeignManyLoggers(t *testing.T) {
	e := new(sdkExporter)
	s := exporters.FromExporter(e)
	const n = 5000 // more than are kept
	recs := make([]record.Record, n)
	for i := range recs {
		recs[i].Origin = &record.Origin{Scope: record.Scope{Name: fmt.Sprint("l", i)}}
	}
	if _, err := s.Write(t.Context(), recs); err != nil {
		t.Fatal(err)
	}
	for i := range e.recs {
		if name := e.recs[i].InstrumentationScope().Name; name != fmt.Sprint("l", i) {
			t.Fatalf("record %d is of %s", i, name)
		}
	}
	if len(e.recs) != n {
		t.Errorf("%d records, want %d", len(e.recs), n)
	}
}

func TestForeignErrors(t *testing.T) {
	e := &sdkExporter{err: errDown}
	s := exporters.FromExporter(e)
	n, err := s.Write(t.Context(), sinktest.Records("e", 0, 3))
	if kind, _ := exporters.Classify(err); n != 0 || kind != exporters.KindPermanent || !errors.Is(err, errDown) {
		t.Errorf("Write = %d, %v; want permanent", n, err)
	}
	e.closed = true // by somebody else
	if n, err := s.Write(t.Context(), sinktest.Records("e", 0, 3)); n != 0 || !errors.Is(err, exporters.ErrClosed) {
		t.Errorf("Write = %d, %v; want ErrClosed", n, err)
	}
	own, err := discard.New(discard.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	if exporters.FromExporter(own) != exporters.Sink(own) {
		t.Error("an exporter of ours was wrapped")
	}
}

func TestForeignBlocked(t *testing.T) {
	e := &sdkExporter{busy: make(chan struct{})}
	s := exporters.FromExporter(e)
	done := make(chan error)
	go func() {
		_, err := s.Write(context.Background(), sinktest.Records("b", 0, 1))
		done <- err
	}()
	<-e.busy
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if n, err := s.Write(ctx, sinktest.Records("b", 1, 1)); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Write = %d, %v", n, err)
	}
	if err := s.Shutdown(ctx); err != nil || !e.closed {
		t.Errorf("Shutdown did not reach the exporter: %v", err)
	}
	e.busy <- struct{}{}
	if err := <-done; !errors.Is(err, exporters.ErrClosed) {
		t.Errorf("the blocked Write: %v", err)
	}
}
