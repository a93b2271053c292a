package sinktest

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/record"
)

var origin = &record.Origin{
	Resource: &record.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "sinktest")}},
	Scope:    record.Scope{Name: "sinktest"},
}

// ID names the n-th record of a series; [IDs] finds it again in any output.
func ID(series string, n int) string { return fmt.Sprintf("id-%s-%06d.", series, n) }

var idPattern = regexp.MustCompile(`id-[a-z]+-\d{6}\.`)

// IDs returns the ids that stand in a destination's output, in order.
func IDs(output []byte) []string {
	var ids []string
	for _, m := range idPattern.FindAll(output, -1) {
		ids = append(ids, string(m))
	}
	return ids
}

// Record returns a plain record whose body is id.
func Record(id string) record.Record {
	now := time.Now()
	return record.Record{
		Timestamp: now,
		Observed:  now,
		Severity:  log.SeverityInfo,
		Body:      attribute.StringValue(id),
		Attributes: []attribute.KeyValue{
			attribute.String("peer", "10.1.2.3"),
			attribute.Int("size", 512),
		},
		Origin: origin,
	}
}

// Records returns n plain records of a series, the first of them number from.
func Records(series string, from, n int) []record.Record {
	recs := make([]record.Record, n)
	for i := range recs {
		recs[i] = Record(ID(series, from+i))
	}
	return recs
}

// Hostile returns records that try to break a format, a frame, a terminal or
// a limit. Each has its id in its body or in an attribute, once.
func Hostile() []record.Record {
	nasty := "line\r\nnext\x00\x1b[31mred\x1b]0;title\x07\u202egnp.exe \u2028\u0085\x9b \"q\" ]\\ '\xff\xfe\xc3("
	deep := attribute.StringValue("bottom")
	for range 1000 {
		deep = attribute.MapValue(attribute.KeyValue{Key: "d", Value: deep})
	}
	many := make([]attribute.KeyValue, 10000)
	for i := range many {
		many[i] = attribute.Int(fmt.Sprintf("key%d", i), i)
	}
	sets := [][]attribute.KeyValue{
		{attribute.String(nasty, nasty), attribute.StringSlice(nasty, []string{nasty, ""})},
		{
			attribute.Float64("nan", math.NaN()),
			attribute.Float64("inf", math.Inf(1)),
			attribute.Float64Slice("infs", []float64{math.Inf(-1), 0}),
			{Key: "bytes", Value: attribute.ByteSliceValue([]byte{0, 10, 255})},
		},
		{attribute.String("huge", strings.Repeat("x\n", 1<<20))},
		many,
		{{Key: "deep", Value: deep}},
		{attribute.Int("dup", 1), attribute.Int("dup", 2), attribute.Int("", 3), attribute.Int("", 4), {Key: "empty"}},
		{attribute.String("time", "t"), attribute.String("level", "l"), attribute.String("msg", "m"), attribute.String("attr.msg", "am")},
	}
	var recs []record.Record
	add := func(r record.Record) { recs = append(recs, r) }
	id := func() string { return ID("hostile", len(recs)) }
	for _, attrs := range sets {
		r := Record(id())
		r.Attributes = attrs
		add(r)
	}
	r := Record(id() + nasty)
	r.SeverityText, r.EventName = nasty, nasty
	r.Origin = &record.Origin{Scope: record.Scope{Name: nasty}}
	add(r)
	// Nothing set but what carries the id.
	add(record.Record{Body: attribute.StringValue(id())})
	add(record.Record{Attributes: []attribute.KeyValue{attribute.String("id", id())}})
	r = Record("")
	r.Body = attribute.MapValue(attribute.String("id", id()))
	r.Severity = 99
	r.TraceID, r.SpanID = trace.TraceID{1}, trace.SpanID{2}
	add(r)
	return recs
}
