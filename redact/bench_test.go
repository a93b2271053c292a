package redact_test

import (
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// innocent is a record with a body of 200 bytes and five attributes, and
// nothing to redact.
func innocent() record.Record {
	return record.Record{
		Timestamp: time.Unix(1_700_000_000, 123456789), Severity: log.SeverityInfo, SeverityText: "INFO",
		Body: attribute.StringValue("payment service: order 8d3c-41 of customer 123456 was accepted after 3 attempts (12.5 ms), " +
			"gateway=eu-west-1 status=200 path=/v1/orders/8d3c?expand=items user-agent=Mozilla/5.0; next: the shipping, ok"),
		Attributes: []attribute.KeyValue{
			attribute.String("http.request.method", "GET"),
			attribute.Int("http.response.status_code", 200),
			attribute.String("url.path", "/v1/orders/8d3c"),
			attribute.Bool("cached", true),
			attribute.Float64("duration", 0.0125),
		},
		TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4, 5},
		Origin: &record.Origin{
			Resource: &record.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "shop")}},
			Scope:    record.Scope{Name: "shop.cart"},
		},
	}
}

func TestNothingToRedactAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("counts allocations")
	}
	r := innocent()
	if n := len(r.Body.AsString()); n != 200 {
		t.Fatalf("the body has %d bytes, want 200", n)
	}
	for _, presets := range []string{"secrets", "all"} {
		d := newRedactor(t, presets)
		if n := d.Record(&r); n != 0 {
			t.Fatalf("%s: %d values changed: %v %v", presets, n, r.Body, r.Attributes)
		}
		if n := testing.AllocsPerRun(100, func() { d.Record(&r) }); n != 0 {
			t.Errorf("%s: %v allocations a record, want 0", presets, n)
		}
	}
	d := newRedactor(t, "all")
	for _, c := range cases(t) {
		if _, changed := d.String(c.in); changed || c.key != "" {
			continue
		}
		if n := testing.AllocsPerRun(10, func() { d.String(c.in) }); n != 0 {
			t.Errorf("%q: %v allocations, want 0", c.in, n)
		}
	}
}

// BenchmarkRecord passes over a record without secrets, next to encoding it,
// which is the measure.
func BenchmarkRecord(b *testing.B) {
	r := innocent()
	enc, err := encode.New("json", encode.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, presets := range []string{"secrets", "all"} {
		b.Run("redact/"+presets, func(b *testing.B) {
			d := newRedactor(b, presets)
			b.ReportAllocs()
			for b.Loop() {
				d.Record(&r)
			}
		})
	}
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf = enc.Append(buf[:0], &r)
		}
	})
	// The ratio, from rounds that take turns.
	b.Run("ratio", func(b *testing.B) {
		d := newRedactor(b, "all")
		var buf []byte
		var ratios []float64
		for b.Loop() {
			start := time.Now()
			for range 1000 {
				d.Record(&r)
			}
			middle := time.Now()
			for range 1000 {
				buf = enc.Append(buf[:0], &r)
			}
			ratios = append(ratios, float64(middle.Sub(start))/float64(time.Since(middle)))
		}
		slices.Sort(ratios)
		b.ReportMetric(ratios[len(ratios)/2], "redact/json")
	})
}
