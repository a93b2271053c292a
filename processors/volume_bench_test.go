package processors_test

import (
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/exporters/discard"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// BenchmarkVolume shows what the steps cost that limit the volume, beside
// queueing the record, which is what they save.
func BenchmarkVolume(b *testing.B) {
	sink, err := discard.New(discard.DefaultConfig())
	if err != nil {
		b.Fatal(err)
	}
	same := func(*record.Record, int) {}
	other := func(r *record.Record, i int) { r.Body = attribute.StringValue("request " + strconv.Itoa(i)) }
	for _, c := range []struct {
		name   string
		step   processors.Processor
		change func(r *record.Record, i int)
	}{
		{"enqueue", newBatch(b, sink, func(c *processors.BatchConfig) { c.OnFull = processors.DropOldest }), same},
		{"dedup/repeat", newDedup(b, nil), same},
		{"dedup/other", newDedup(b, nil), other},
		{"rate_limit/pass", newRateLimit(b, 1e6, 1e9, nil), same},
		{"rate_limit/by", newRateLimit(b, 1e6, 1e9, func(c *processors.RateLimitConfig) { c.By = []string{"logger", "http.request.method"} }), same},
		{"rate_limit/stop", newRateLimit(b, 1e-6, 1, nil), same},
		{"sample", newSample(b, 0.5, nil), same},
	} {
		b.Run(c.name, func(b *testing.B) {
			var r record.Record
			now, i := time.Now(), 0
			b.ReportAllocs()
			for b.Loop() {
				fill(&r, now)
				c.change(&r, i)
				i++
				_ = c.step.OnEmit(b.Context(), &r, end)
			}
		})
		shutdown(b, c.step)
	}
}
