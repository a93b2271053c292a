package exporters_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// capture keeps what the SDK makes of emitted records.
type capture struct{ recs []sdklog.Record }

func (c *capture) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (c *capture) OnEmit(_ context.Context, r *sdklog.Record) error {
	c.recs = append(c.recs, r.Clone())
	return nil
}
func (c *capture) Shutdown(context.Context) error   { return nil }
func (c *capture) ForceFlush(context.Context) error { return nil }

var testResource = resource.NewWithAttributes("https://schema/res", attribute.String("service.name", "shop"))

func sdkRecords(ids []string) []sdklog.Record {
	c := new(capture)
	p := sdklog.NewLoggerProvider(sdklog.WithProcessor(c), sdklog.WithResource(testResource))
	l := p.Logger("shop.cart", log.WithInstrumentationVersion("1.2"), log.WithSchemaURL("https://schema/scope"),
		log.WithInstrumentationAttributes(attribute.Bool("own", true)))
	for _, id := range ids {
		var r log.Record
		r.SetBody(attribute.StringValue(id))
		l.Emit(context.Background(), r)
	}
	return c.recs
}

func TestFromSDK(t *testing.T) {
	c := new(capture)
	p := sdklog.NewLoggerProvider(sdklog.WithProcessor(c), sdklog.WithResource(testResource), sdklog.WithAttributeCountLimit(7))
	logger := p.Logger("shop.cart", log.WithInstrumentationVersion("1.2"), log.WithSchemaURL("https://schema/scope"),
		log.WithInstrumentationAttributes(attribute.Bool("own", true)))
	at := time.Date(2026, 11, 21, 10, 15, 30, 123456789, time.UTC)
	want := record.Record{
		Timestamp: at, Observed: at.Add(time.Second),
		Severity: log.SeverityError2, SeverityText: "ERR", EventName: "payment.refused",
		Body:    attribute.MapValue(attribute.Int("a", 1)),
		Dropped: 2,
		TraceID: trace.TraceID{1, 2}, SpanID: trace.SpanID{3}, TraceFlags: 1,
		Origin: &record.Origin{
			Resource: &record.Resource{SchemaURL: "https://schema/res", Attributes: []attribute.KeyValue{attribute.String("service.name", "shop")}},
			Scope: record.Scope{Name: "shop.cart", Version: "1.2", SchemaURL: "https://schema/scope",
				Attributes: []attribute.KeyValue{attribute.Bool("own", true)}},
		},
	}
	var in log.Record
	in.SetTimestamp(want.Timestamp)
	in.SetObservedTimestamp(want.Observed)
	in.SetSeverity(want.Severity)
	in.SetSeverityText(want.SeverityText)
	in.SetEventName(want.EventName)
	in.SetBody(want.Body)
	for i := range 9 {
		kv := attribute.Int(fmt.Sprint("k", i), i)
		in.AddAttributes(kv)
		if i < 7 {
			want.Attributes = append(want.Attributes, kv)
		}
	}
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: want.TraceID, SpanID: want.SpanID, TraceFlags: want.TraceFlags,
	}))
	logger.Emit(ctx, in)

	var o exporters.Origins
	got := record.Record{SeverityText: "left over", Dropped: 77, Attributes: make([]attribute.KeyValue, 20)}
	room := &got.Attributes[0]
	exporters.FromSDK(&got, &c.recs[0], o.Of(&c.recs[0]))
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(attribute.Value{}), cmp.Comparer(func(a, b attribute.Value) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if &got.Attributes[0] != room {
		t.Error("the attributes' room is not used again")
	}
	if n := testing.AllocsPerRun(100, func() { exporters.FromSDK(&got, &c.recs[0], o.Of(&c.recs[0])) }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}

func TestOrigins(t *testing.T) {
	var o exporters.Origins
	res := resource.NewSchemaless(attribute.String("a", "b"))
	scope := func(i int) instrumentation.Scope { return instrumentation.Scope{Name: fmt.Sprint("logger", i)} }

	a, b := o.Get(res, scope(0)), o.Get(res, scope(1))
	if a == b || o.Get(res, scope(0)) != a || o.Get(res, scope(1)) != b {
		t.Error("one pair must have one origin")
	}
	if a.Resource != b.Resource {
		t.Error("loggers of one resource must share it")
	}
	if none := o.Get(nil, scope(0)); none == a || none.Resource != nil {
		t.Errorf("without a resource: %+v", none)
	}
	// Two scopes that differ in an attribute alone.
	s1, s2 := scope(0), scope(0)
	s1.Attributes = attribute.NewSet(attribute.Int("n", 1))
	s2.Attributes = attribute.NewSet(attribute.Int("n", 2))
	if o.Get(res, s1) == o.Get(res, s2) {
		t.Error("scopes with different attributes share an origin")
	}
	// Names from input must not fill the memory.
	for i := range 3 * 4096 {
		if got := o.Get(res, scope(i)).Scope.Name; got != scope(i).Name {
			t.Fatalf("%s has the origin of %s", scope(i).Name, got)
		}
	}
	if n := exporters.OriginsLen(&o); n > 4096 {
		t.Errorf("%d origins kept", n)
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 5000 {
				s := scope(i * (g + 1))
				if got := o.Get(res, s).Scope.Name; got != s.Name {
					t.Errorf("%s has the origin of %s", s.Name, got)
					return
				}
			}
		})
	}
	wg.Wait()
}

func export(ctx context.Context, s exporters.Sink, recs []sdklog.Record) error {
	var a exporters.Adapter
	return a.Export(ctx, s, recs)
}

func TestExportRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{OnWrite: func(_ context.Context, call int, recs []record.Record) (int, error) {
			if call < 4 {
				return 1, errDown
			}
			return len(recs), nil
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := export(ctx, s, sdkRecords(ids("sdk", 0, 10))); err != nil {
			t.Fatal(err)
		}
		wantArrived(t, &s.Memory, ids("sdk", 0, 10)...)
		if name := s.Records()[0].Logger(); name != "shop.cart" {
			t.Errorf("logger %q", name)
		}
	})
}

func TestExportEnds(t *testing.T) {
	for name, deadline := range map[string]time.Duration{"deadline": 25 * time.Second, "own bound": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := scripted(func(int) (int, error) { return 0, errDown })
				ctx, want := t.Context(), 10*time.Second
				if deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, deadline)
					defer cancel()
					want = deadline
				}
				start := time.Now()
				err := export(ctx, s, sdkRecords(ids("sdk", 0, 3)))
				if !errors.Is(err, errDown) || !strings.Contains(err.Error(), "3 of 3 records lost") {
					t.Errorf("Export: %v", err)
				}
				if took := time.Since(start); took != want {
					t.Errorf("returned after %s, want %s", took, want)
				}
			})
		})
	}
}

func TestExportSkipsPoison(t *testing.T) {
	bad := map[string]bool{sinktest.ID("p", 0): true, sinktest.ID("p", 4): true, sinktest.ID("p", 9): true}
	s := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
		for i := range recs {
			if id := recs[i].Body.AsString(); bad[id] {
				return i, exporters.Poison(errors.New("cannot take " + id))
			}
		}
		return len(recs), exporters.Rejected(1, errors.New("too old"))
	}}
	err := export(t.Context(), s, sdkRecords(ids("p", 0, 10)))
	if err == nil || !strings.Contains(err.Error(), "3 of 10 records lost") {
		t.Errorf("Export: %v", err)
	}
	want := append(ids("p", 1, 3), ids("p", 5, 4)...)
	wantArrived(t, &s.Memory, want...)

	bad = map[string]bool{}
	s.Memory = sinktest.Memory{}
	if err := export(t.Context(), s, sdkRecords(ids("p", 0, 10))); err == nil || !strings.Contains(err.Error(), "1 of 10 records lost") || !strings.Contains(err.Error(), "too old") {
		t.Errorf("Export with a rejected record: %v", err)
	}
}

func TestExportPermanentAndClosed(t *testing.T) {
	s := scripted(func(int) (int, error) { return 1, exporters.Permanent(errors.New("401")) })
	if err := export(t.Context(), s, sdkRecords(ids("p", 0, 4))); err == nil || !strings.Contains(err.Error(), "3 of 4 records lost") || s.calls != 1 {
		t.Errorf("Export: %v after %d calls", err, s.calls)
	}
	m := new(sinktest.Memory)
	_ = m.Shutdown(t.Context())
	if err := export(t.Context(), m, sdkRecords(ids("p", 0, 4))); !errors.Is(err, sdklog.ErrExporterShutdown) {
		t.Errorf("Export after Shutdown: %v", err)
	}
}

func TestExportDoesNotAllocate(t *testing.T) {
	var a exporters.Adapter
	recs := sdkRecords(ids("alloc", 0, 100))
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	s := scripted(func(int) (int, error) { return 100, nil })
	// A few for the call, none for the records.
	if n := testing.AllocsPerRun(50, func() { _ = a.Export(ctx, s, recs) }); n > 5 {
		t.Errorf("%v allocations for 100 records", n)
	}
}

func BenchmarkOrigins(b *testing.B) {
	for _, attrs := range [][]attribute.KeyValue{nil, {attribute.Bool("own", true)}} {
		b.Run(fmt.Sprintf("attributes=%d", len(attrs)), func(b *testing.B) {
			c := new(capture)
			p := sdklog.NewLoggerProvider(sdklog.WithProcessor(c), sdklog.WithResource(testResource))
			p.Logger("shop.cart", log.WithInstrumentationAttributes(attrs...)).Emit(b.Context(), log.Record{})
			var o exporters.Origins
			b.ReportAllocs()
			for b.Loop() {
				o.Of(&c.recs[0])
			}
		})
	}
}
