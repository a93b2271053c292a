package encode_test

import (
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// scalars is a record with five scalar attributes and all fields set.
func scalars() record.Record {
	return record.Record{
		Timestamp: when, Severity: log.SeverityInfo, SeverityText: "INFO",
		Body: attribute.StringValue("order placed and waiting for payment"),
		Attributes: []attribute.KeyValue{
			attribute.String("user", "alice@example.com"),
			attribute.Int("order.id", 123456),
			attribute.Float64("amount", 99.95),
			attribute.Bool("express", true),
			attribute.String("currency", "EUR"),
		},
		TraceID: traceID, SpanID: spanID, Origin: cart,
	}
}

func encoders(t testing.TB, o encode.Options) map[string]encode.Encoder {
	m := make(map[string]encode.Encoder)
	for _, name := range []string{"json", "logfmt", "text", "pretty", "otlp_json"} {
		enc, err := encode.New(name, o)
		if err != nil {
			t.Fatal(err)
		}
		m[name] = enc
	}
	o.Template = "{time} {level<5} {logger}: {message} {trace_id} {span_id} {attributes}"
	enc, err := encode.New("text", o)
	if err != nil {
		t.Fatal(err)
	}
	m["template"] = enc
	return m
}

func BenchmarkAppend(b *testing.B) {
	r := scalars()
	for name, enc := range encoders(b, encode.Options{}) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				buf = enc.Append(buf[:0], &r)
			}
			b.SetBytes(int64(len(buf)))
		})
	}
}

func TestScalarsAllocateNothing(t *testing.T) {
	r := scalars()
	many := scalars()
	for range 5 {
		for i, kv := range scalars().Attributes {
			kv.Key += attribute.Key(rune('a' + len(many.Attributes) + i))
			many.Attributes = append(many.Attributes, kv)
		}
	}
	all := encode.Options{Include: []encode.Field{"service", "pid", "host", "source"}, Color: true}
	for _, o := range []encode.Options{{}, all} {
		for name, enc := range encoders(t, o) {
			for _, rec := range []*record.Record{&r, &many} {
				if raceEnabled && rec == &many {
					continue
				}
				buf := make([]byte, 0, 1<<16)
				if n := testing.AllocsPerRun(100, func() { buf = enc.Append(buf[:0], rec) }); n != 0 {
					t.Errorf("%s, %d attributes, %d included: %v allocations a record, want 0",
						name, len(rec.Attributes), len(o.Include), n)
				}
			}
		}
	}
}
