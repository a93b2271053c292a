package processors_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/discard"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func fill(r *record.Record, now time.Time) {
	r.Timestamp, r.Observed = now, now
	r.Severity, r.SeverityText = log.SeverityInfo, "INFO"
	r.Body = attribute.StringValue("request served")
	r.Attributes = append(r.Attributes[:0],
		attribute.String("http.request.method", "GET"),
		attribute.Int64("http.response.status_code", 200),
		attribute.Int64("duration", 1500),
		attribute.Bool("cached", true),
		attribute.Float64("ratio", 0.5),
	)
}

func BenchmarkEmit(b *testing.B) {
	for _, procs := range []int{1, 8} {
		b.Run(map[int]string{1: "1", 8: "8"}[procs], func(b *testing.B) {
			cfg := processors.DefaultBatchConfig()
			cfg.OnFull, cfg.BlockTimeout = processors.Block, exporters.Unlimited
			sink, err := discard.New(discard.DefaultConfig())
			if err != nil {
				b.Fatal(err)
			}
			batch, err := processors.NewBatch(sink, cfg)
			if err != nil {
				b.Fatal(err)
			}
			p, err := processors.NewPipeline(processors.DefaultConfig(), batch)
			if err != nil {
				b.Fatal(err)
			}
			l := p.Logger(record.Scope{Name: "bench"})
			b.ReportAllocs()
			b.SetParallelism(procs)
			ctx := context.Background()
			now := time.Now()
			if procs == 1 {
				var r record.Record
				for b.Loop() {
					fill(&r, now)
					_ = l.Emit(ctx, &r)
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					var r record.Record
					for pb.Next() {
						fill(&r, now)
						_ = l.Emit(ctx, &r)
					}
				})
			}
			_ = p.Shutdown(ctx)
		})
	}
}

// BenchmarkRoute shows what rules cost that do not choose a record: of all the
// rules one does. The loggers are known.
func BenchmarkRoute(b *testing.B) {
	for _, loggers := range []int{1, 100} {
		for _, rules := range []int{1, 10, 100, 1000} {
			b.Run(fmt.Sprintf("loggers=%d/rules=%d", loggers, rules), func(b *testing.B) {
				list := make([]processors.Rule, rules)
				for i := range list {
					list[i].Match = processors.Match{
						Loggers:         []string{fmt.Sprintf("tenant%d.*", i)},
						MinimumSeverity: processors.Severity(log.SeverityInfo1),
					}
				}
				route, err := processors.NewRoute(list...)
				if err != nil {
					b.Fatal(err)
				}
				recs := make([]record.Record, loggers)
				for i := range recs {
					fill(&recs[i], time.Unix(0, 0))
					// All of them are loggers of the last rule's.
					recs[i].Origin = &record.Origin{Scope: record.Scope{Name: fmt.Sprintf("tenant%d.part%d", rules-1, i)}}
				}
				ctx := context.Background()
				emit := func(i int) {
					if err := route.OnEmit(ctx, &recs[i%loggers], end); err != nil {
						b.Fatal(err)
					}
				}
				for i := range recs {
					emit(i)
				}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					emit(i)
				}
			})
		}
	}
}
