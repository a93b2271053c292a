package processors

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/discard"
	"github.com/seed2f724858/sluice/record"
)

func benchRecord(sev log.Severity) record.Record {
	now := time.Now()
	return record.Record{
		Timestamp: now, Observed: now,
		Severity: sev,
		Body:     attribute.StringValue("request served"),
		Origin:   &record.Origin{Scope: record.Scope{Name: "bench"}},
		Attributes: []attribute.KeyValue{
			attribute.String("http.request.method", "GET"),
			attribute.Int64("http.response.status_code", 200),
			attribute.Int64("duration", 1500),
			attribute.Bool("cached", true),
			attribute.Float64("ratio", 0.5),
		},
	}
}

func benchEmit(b *testing.B, p Processor, traces uint32) {
	ctx := context.Background()
	end := func(context.Context, *record.Record) error { return nil }
	r := benchRecord(log.SeverityDebug1)
	var n uint32
	emit := func() {
		if n++; n > traces {
			n = 1
		}
		r.TraceID = trace.TraceID{byte(n), byte(n >> 8), byte(n >> 16), 1}
		_ = p.OnEmit(ctx, &r, end)
	}
	for range 50_000 {
		emit() // until all memory is there
	}
	b.ReportAllocs()
	for b.Loop() {
		emit()
	}
	_ = p.Shutdown(ctx)
}

// BenchmarkEnqueue is what BenchmarkHold is measured against: the same record
// into a batch's queue, which its worker empties.
func BenchmarkEnqueue(b *testing.B) {
	cfg := DefaultBatchConfig()
	cfg.OnFull, cfg.BlockTimeout = Block, exporters.Unlimited
	sink, err := discard.New(discard.DefaultConfig())
	if err != nil {
		b.Fatal(err)
	}
	batch, err := NewBatch(sink, cfg)
	if err != nil {
		b.Fatal(err)
	}
	benchEmit(b, batch, 1)
}

// BenchmarkHold holds records in rings that are full.
func BenchmarkHold(b *testing.B) {
	for _, bb := range []struct {
		name   string
		per    Per
		traces uint32
	}{{"process", PerProcess, 1}, {"logger", PerLogger, 1}, {"100_traces", PerTrace, 100}, {"100000_traces", PerTrace, 100_000}} {
		b.Run(bb.name, func(b *testing.B) {
			cfg := DefaultFlightRecorderConfig()
			cfg.Per = bb.per
			f, err := NewFlightRecorder(cfg)
			if err != nil {
				b.Fatal(err)
			}
			benchEmit(b, f, bb.traces)
		})
	}
}
