package processors_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	nometer "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// collect returns what a reader reads as "kind name{attributes} unit" → value; a
// histogram's value is its count.
func collect(t testing.TB, r sdkmetric.Reader) map[string]int64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := r.Collect(context.Background(), &data); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	key := func(kind string, m metricdata.Metrics, attrs attribute.Set) string {
		if m.Description == "" {
			t.Errorf("%s has no description", m.Name)
		}
		return fmt.Sprintf("%s %s{%s} %s", kind, m.Name, attrs.Encoded(attribute.DefaultEncoder()), m.Unit)
	}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				kind := "up-down"
				if d.IsMonotonic {
					kind = "counter"
				}
				for _, p := range d.DataPoints {
					got[key(kind, m, p.Attributes)] = p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					got[key("histogram", m, p.Attributes)] = int64(p.Count)
				}
			default:
				t.Errorf("%s is a %T", m.Name, d)
			}
		}
	}
	return got
}

// counted is a step with books.
type counted struct{ stepFunc }

func (*counted) Books() processors.StepStats {
	return processors.StepStats{
		Name: "keeper", Stopped: map[string]uint64{processors.CauseForgotten: 3}, Held: 4, HeldBytes: 50,
		Released: 6, Refused: 7, Added: 8, Changed: 9,
	}
}

// The books come out under the names, units and kinds of the semantic
// conventions, and no longer than the pipeline runs.
func TestMetrics(t *testing.T) {
	catchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		reader := sdkmetric.NewManualReader()
		provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
		cfg := processors.DefaultConfig()
		cfg.MeterProvider = provider
		release := make(chan struct{})
		stuck := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
			<-release
			return len(recs), nil
		}}
		picky := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
			if recs[0].Severity < log.SeverityError {
				return 0, exporters.Permanent(errors.New("no"))
			}
			return 1, nil
		}}
		// Both are called "test".
		batch := newBatch(t, stuck, func(c *processors.BatchConfig) {
			c.MaxQueueSize, c.MaxExportBatchSize, c.OnFull = 3, 1, processors.DropNewest
		})
		simple := newSimple(t, picky, "test", nil)
		passes := &counted{func(ctx context.Context, r *record.Record, next processors.Next) error { return next(ctx, r) }}
		p, err := processors.NewPipeline(cfg, passes, batch, simple)
		if err != nil {
			t.Fatal(err)
		}
		set(t, p.Levels(), "", log.SeverityInfo, 0)
		l := p.Logger(record.Scope{Name: "app"})
		for _, sev := range []log.Severity{log.SeverityInfo, log.SeverityError, log.SeverityInfo, log.SeverityInfo, log.SeverityError, log.SeverityDebug} {
			_ = l.Emit(t.Context(), &record.Record{Severity: sev})
			synctest.Wait()
		}
		const (
			first  = "otel.component.name=test,otel.component.type="
			second = "otel.component.name=test/2,otel.component.type="
			keeper = "otel.component.name=keeper"
		)
		want := map[string]int64{
			"up-down otel.sdk.processor.log.queue.size{" + first + "processors.Batch} {log_record}":                      2,
			"up-down otel.sdk.processor.log.queue.capacity{" + first + "processors.Batch} {log_record}":                  3,
			"counter otel.sdk.processor.log.processed{" + first + "processors.Batch} {log_record}":                       0,
			"counter otel.sdk.processor.log.processed{error.type=queue_full," + first + "processors.Batch} {log_record}": 2,
			"up-down otel.sdk.exporter.log.inflight{" + first + "sinktest.Script} {log_record}":                          1,
			"counter otel.sdk.exporter.log.exported{" + first + "sinktest.Script} {log_record}":                          0,
			"counter otel.sdk.processor.log.processed{" + second + "processors.Simple} {log_record}":                     5,
			"up-down otel.sdk.exporter.log.inflight{" + second + "sinktest.Script} {log_record}":                         0,
			"counter otel.sdk.exporter.log.exported{" + second + "sinktest.Script} {log_record}":                         2,
			"counter otel.sdk.exporter.log.exported{error.type=error," + second + "sinktest.Script} {log_record}":        3,
			"histogram otel.sdk.exporter.operation.duration{" + second + "sinktest.Script} s":                            2,
			"histogram otel.sdk.exporter.operation.duration{error.type=permanent," + second + "sinktest.Script} s":       3,
			"counter sluice.pipeline.filtered{} {log_record}":                                                            1,
			"counter sluice.pipeline.feedback{} {log_record}":                                                            0,
			"counter sluice.step.stopped{" + keeper + ",sluice.cause=forgotten} {log_record}":                            3,
			"up-down sluice.step.held{" + keeper + "} {log_record}":                                                      4,
			"up-down sluice.step.held.size{" + keeper + "} By":                                                           50,
			"counter sluice.step.released{" + keeper + "} {log_record}":                                                  6,
			"counter sluice.step.refused{" + keeper + "} {trigger}":                                                      7,
			"counter sluice.step.added{" + keeper + "} {log_record}":                                                     8,
			"counter sluice.step.changed{" + keeper + "} {log_record}":                                                   9,
		}
		if diff := cmp.Diff(want, collect(t, reader)); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		s := p.Stats()
		if s.Exporters[0].Name != "test" || s.Exporters[1].Name != "test/2" {
			t.Errorf("exporters are called %s and %s", s.Exporters[0].Name, s.Exporters[1].Name)
		}
		close(release)
		_ = p.Shutdown(t.Context())
		for k := range collect(t, reader) {
			if !strings.HasPrefix(k, "histogram") {
				t.Errorf("after Shutdown: %s", k)
			}
		}
	})
}

// Whatever becomes of records, counters never go back.
func TestCountersNeverGoBack(t *testing.T) {
	catchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		reader := sdkmetric.NewManualReader()
		cfg := processors.DefaultConfig()
		cfg.MeterProvider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
		sink := &sinktest.Script{OnWrite: func(ctx context.Context, call int, recs []record.Record) (int, error) {
			if call%3 == 0 {
				return 0, exporters.Poison(errors.New("no"))
			}
			<-ctx.Done()
			return len(recs) / 2, ctx.Err()
		}}
		p, err := processors.NewPipeline(cfg, newBatch(t, sink, func(c *processors.BatchConfig) { c.MaxQueueSize, c.MaxExportBatchSize = 8, 4 }))
		if err != nil {
			t.Fatal(err)
		}
		before := map[string]int64{}
		check := func() {
			t.Helper()
			got := collect(t, reader)
			for k, v := range got {
				if strings.HasPrefix(k, "counter") && v < before[k] {
					t.Errorf("%s went from %d to %d", k, before[k], v)
				}
			}
			before = got
		}
		l := p.Logger(record.Scope{Name: "app"})
		for range 50 {
			_ = l.Emit(t.Context(), &record.Record{Severity: log.SeverityInfo})
			synctest.Wait()
			check()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		go func() { _ = p.Shutdown(ctx) }()
		for range 10 {
			check()
		}
		synctest.Wait()
	})
}

// Without a provider in Config the global one counts.
func TestMetricsGoToTheGlobalProvider(t *testing.T) {
	defer otel.SetMeterProvider(nometer.NewMeterProvider())
	reader := sdkmetric.NewManualReader()
	otel.SetMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	p := newPipeline(t, processors.DefaultConfig(), newSimple(t, &sinktest.Memory{}, "m", nil))
	_ = p.Logger(record.Scope{}).Emit(t.Context(), &record.Record{Severity: log.SeverityInfo})
	got := collect(t, reader)
	const key = "counter otel.sdk.exporter.log.exported{otel.component.name=m,otel.component.type=sinktest.Memory} {log_record}"
	if got[key] != 1 {
		t.Errorf("no record exported: %q", slices.Sorted(maps.Keys(got)))
	}
}
