package config

import (
	"bytes"
	"context"
	"errors"
	"log"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// The names of the file are those of the metrics, and the option's provider
// gets them.
func TestMeterProvider(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	rt := start(t, `
logger_provider:
  processors:
    - async: {exporter: {discard: {name: nowhere}}}
    - simple: {exporter: {discard: }}
`, WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
	rt.Logger("a").Info("x")
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "otel.sdk.exporter.log.exported" {
				for _, p := range sum.DataPoints {
					name, _ := p.Attributes.Value("otel.component.name")
					typ, _ := p.Attributes.Value("otel.component.type")
					got[name.AsString()+" "+typ.AsString()] = p.Value
				}
			}
		}
	}
	if _, ok := got["nowhere discard.Exporter"]; !ok || got["discard discard.Exporter"] != 1 || len(got) != 2 {
		t.Errorf("got %v", got)
	}
}

// locked is a buffer for several goroutines.
type locked struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// A runtime that is everybody's default tells of its own troubles where package
// log wrote before, once in a while, and not through itself.
func TestReportsOfTheDefaultRuntime(t *testing.T) {
	writer, flags, before := log.Writer(), log.Flags(), slog.Default()
	defer func() {
		slog.SetDefault(before)
		log.SetOutput(writer)
		log.SetFlags(flags)
	}()
	stderr := &locked{}
	log.SetOutput(stderr)
	handler := otel.GetErrorHandler()
	defer otel.SetErrorHandler(handler)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Print(err) })) // as the default does
	synctest.Test(t, func(t *testing.T) {
		memory := &sinktest.Memory{}
		refusing := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) {
			return 0, exporters.Permanent(errors.New("no thanks"))
		}}
		var steps []processors.Processor
		for name, sink := range map[string]exporters.Sink{"refusing": refusing, "memory": memory} {
			cfg := processors.DefaultBatchConfig()
			cfg.Name = name
			b, err := processors.NewBatch(sink, cfg)
			if err != nil {
				t.Fatal(err)
			}
			steps = append(steps, b)
		}
		rt, err := NewRuntime(DefaultRuntimeConfig(), steps...)
		if err != nil {
			t.Fatal(err)
		}
		rt.SetDefault("app")
		for range 1000 {
			log.Print("through package log")
			if err := rt.ForceFlush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		_ = rt.Shutdown(t.Context())
		synctest.Wait()
		delivered := 0
		for _, r := range memory.Records() {
			switch body := r.Body.AsString(); {
			case body == "through package log":
				delivered++
			case strings.Contains(body, "refusing"): // other pipelines' reports may be on their way
				t.Errorf("delivered %q", body)
			}
		}
		if delivered != 1000 {
			t.Errorf("%d of 1000 records delivered", delivered)
		}
	})
	text := stderr.buf.String()
	if n := strings.Count(text, "no thanks"); n < 1 || n > 2 || !strings.Contains(text, "records dropped (permanent ") {
		t.Errorf("told %d times: %s", n, text)
	}
}
