package encode_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/record"
)

var (
	nan = math.NaN()
	inf = math.Inf(1)
)

// generator makes records from arbitrary bytes, so that fuzzing can search for
// the record that breaks an encoder.
type generator struct{ data []byte }

// addSeeds adds the golden samples' kind of data: a fixed set of random bytes.
func addSeeds(f *testing.F) {
	for seed := range byte(60) {
		data := make([]byte, 40+8*int(seed))
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(data)
		f.Add(data)
	}
}

func (g *generator) byte() byte {
	if len(g.data) == 0 {
		return 0
	}
	b := g.data[0]
	g.data = g.data[1:]
	return b
}

func (g *generator) n(limit int) int { return int(g.byte()) % limit }

func (g *generator) uint64() uint64 {
	var b [8]byte
	g.data = g.data[copy(b[:], g.data):]
	return binary.LittleEndian.Uint64(b[:])
}

var words = []string{
	"", " ", "k", "user.id", "two words", "a=b", `"`, `\`, "]", "\n", "\r\n", "\x00", "\x1b[31m", "\x7f", "\u009b2J",
	"\u202e", "\u2066", "\u2028", "\ufeff", "\ufffd", "\xff", "\xc3", "\xed\xa0\x80", "ö", "日本", "😀", "42", "-1", "1.0", "1e5", "true", "null", "NaN",
	"level", "msg", "time", "attr.level", "attr.attr.level", "attr.", "attr.x", "trace_id", "event", "pid", "attr.pid", "dropped_attributes",
	"code.file.path", "code.line.number", "code.function.name", "exception.type", "exception.message", "exception.stacktrace",
	"main.f()\n\t/a.go:1\n", "[1]", "{}", "-",
}

func (g *generator) str() string {
	switch g.n(8) {
	case 0:
		n := min(g.n(20), len(g.data))
		s := string(g.data[:n])
		g.data = g.data[n:]
		return s
	case 1:
		return words[g.n(len(words))] + words[g.n(len(words))]
	}
	return words[g.n(len(words))]
}

func (g *generator) time() time.Time {
	switch g.n(6) {
	case 0:
		return time.Time{}
	case 1:
		return time.Unix(int64(g.uint64()), int64(g.uint64()%1e9))
	}
	return when.Add(time.Duration(g.uint64() % uint64(1000*time.Hour)))
}

func list[T any](g *generator, elem func() T) []T {
	s := make([]T, g.n(5))
	for i := range s {
		s[i] = elem()
	}
	return s
}

func (g *generator) float() float64 {
	return []float64{0, math.Copysign(0, -1), 1, -2.5, 1e21, 1e-7, nan, inf, -inf, math.Float64frombits(g.uint64())}[g.n(10)]
}

func (g *generator) value(depth int) attribute.Value {
	kinds := 12
	if depth > 5 {
		kinds = 6 // Scalars only.
	}
	switch g.n(kinds) {
	case 0:
		return attribute.Int64Value(int64(g.uint64()))
	case 1:
		return attribute.BoolValue(g.n(2) == 0)
	case 2:
		return attribute.Float64Value(g.float())
	case 3:
		return attribute.Value{}
	case 4:
		return attribute.ByteSliceValue([]byte(g.str()))
	case 6:
		return attribute.BoolSliceValue(list(g, func() bool { return g.n(2) == 0 }))
	case 7:
		return attribute.Int64SliceValue(list(g, func() int64 { return int64(g.uint64()) }))
	case 8:
		return attribute.Float64SliceValue(list(g, g.float))
	case 9:
		return attribute.StringSliceValue(list(g, g.str))
	case 10:
		return attribute.SliceValue(list(g, func() attribute.Value { return g.value(depth + 1) })...)
	case 11:
		return attribute.MapValue(list(g, func() attribute.KeyValue { return g.keyValue(depth + 1) })...)
	}
	return attribute.StringValue(g.str())
}

func (g *generator) keyValue(depth int) attribute.KeyValue {
	return attribute.KeyValue{Key: attribute.Key(g.str()), Value: g.value(depth)}
}

func (g *generator) attributes() []attribute.KeyValue {
	return list(g, func() attribute.KeyValue { return g.keyValue(1) })
}

func (g *generator) origin() *record.Origin {
	if g.n(6) == 0 {
		return nil
	}
	o := &record.Origin{Scope: record.Scope{Name: g.str(), Version: g.str(), SchemaURL: g.str(), Attributes: g.attributes()}}
	if g.n(4) > 0 {
		o.Resource = &record.Resource{Attributes: append(g.attributes(), attribute.String("service.name", g.str())), SchemaURL: g.str()}
	}
	return o
}

func (g *generator) record() record.Record {
	r := record.Record{
		Timestamp: g.time(), Observed: g.time(),
		Severity:   log.Severity(g.n(26)),
		Body:       g.value(1),
		Attributes: g.attributes(),
		Origin:     g.origin(),
	}
	for range g.n(3) {
		r.Attributes = append(r.Attributes, g.attributes()...)
	}
	if g.n(40) == 0 {
		for i := range 40 {
			r.Attributes = append(r.Attributes, attribute.Int(words[i%30], i))
		}
	}
	if g.n(3) == 0 {
		r.SeverityText = g.str()
	}
	if g.n(3) == 0 {
		r.EventName = g.str()
	}
	if g.n(3) == 0 {
		binary.LittleEndian.PutUint64(r.TraceID[:], g.uint64())
		binary.LittleEndian.PutUint64(r.SpanID[:], g.uint64())
		r.TraceFlags = trace.TraceFlags(g.byte())
	}
	if g.n(4) == 0 {
		r.Dropped = g.n(100)
	}
	return r
}
