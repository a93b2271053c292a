package processors_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// Of every four traces one is kept, with all its records; errors always are.
// Another service with this ratio keeps the same traces.
func ExampleSample() {
	cfg := processors.DefaultSampleConfig()
	cfg.Ratio = 0.25
	sample, err := processors.NewSample(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	keep := func(_ context.Context, r *record.Record) error {
		fmt.Println(r.TraceID, r.Body.String(), r.Attributes)
		return nil
	}
	for _, end := range []byte{0x20, 0x60, 0xa0, 0xe0} {
		for _, sev := range []log.Severity{log.SeverityInfo, log.SeverityError} {
			r := record.Record{TraceID: trace.TraceID{9: end}, Severity: sev, Body: attribute.StringValue(record.SeverityName(sev))}
			_ = sample.OnEmit(context.Background(), &r, keep)
		}
	}
	// Output:
	// 00000000000000000020000000000000 ERROR []
	// 00000000000000000060000000000000 ERROR []
	// 000000000000000000a0000000000000 ERROR []
	// 000000000000000000e0000000000000 INFO [{"sluice.sample.weight":4}]
	// 000000000000000000e0000000000000 ERROR []
}
