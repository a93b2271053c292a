package record_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

func sample() record.Record {
	return record.Record{
		Severity: log.SeverityInfo1,
		Body:     attribute.StringValue("hello"),
		Attributes: []attribute.KeyValue{
			attribute.String("a", "b"), attribute.Int("n", 1),
		},
	}
}

func TestSeverityNames(t *testing.T) {
	for s := log.SeverityTrace1; s <= log.SeverityFatal4; s++ {
		name := record.SeverityName(s)
		for _, form := range []string{name, strings.ToLower(name)} {
			if got, ok := record.ParseSeverity(form); !ok || got != s {
				t.Errorf("ParseSeverity(%q) = %v, %t; want %v", form, got, ok, s)
			}
		}
		if name != s.String() {
			t.Errorf("SeverityName(%d) = %q, the API says %q", s, name, s)
		}
	}
	for _, s := range []log.Severity{-1, 0, 25, 1 << 30} {
		if name := record.SeverityName(s); name != "" {
			t.Errorf("SeverityName(%d) = %q, want none", s, name)
		}
	}
	for _, name := range []string{"", "warning", "info5", "INFO1"} {
		if s, ok := record.ParseSeverity(name); ok {
			t.Errorf("ParseSeverity(%q) = %v", name, s)
		}
	}
}

func TestFallbacks(t *testing.T) {
	seen := time.Unix(5, 0)
	r := record.Record{Observed: seen, Severity: log.SeverityError2}
	if !r.Time().Equal(seen) || r.Level() != "ERROR2" || r.Logger() != "" || r.ResourceAttributes() != nil {
		t.Errorf("time %v, level %q, logger %q", r.Time(), r.Level(), r.Logger())
	}
	r.Timestamp, r.SeverityText = time.Unix(3, 0), "crit"
	r.Origin = &record.Origin{Scope: record.Scope{Name: "shop"}}
	if r.Time().Unix() != 3 || r.Level() != "crit" || r.Logger() != "shop" || r.ResourceAttributes() != nil {
		t.Errorf("time %v, level %q, logger %q", r.Time(), r.Level(), r.Logger())
	}
}

func TestCloneSharesNothing(t *testing.T) {
	r := sample()
	c := r.Clone()
	r.Attributes[0].Value = attribute.StringValue("changed")
	r.Reset()
	if v, ok := c.Attr("a"); !ok || v.AsString() != "b" {
		t.Errorf("the clone changed with its original: %v", c.Attributes)
	}
	if len(r.Attributes) != 0 || cap(r.Attributes) < 2 || r.Attributes[:1][0].Key != "" {
		t.Errorf("Reset left %v behind", r.Attributes[:2])
	}
}

// TestSizeGrows: every string, element and entry counts.
func TestSizeGrows(t *testing.T) {
	base := sample()
	size := base.Size()
	big := strings.Repeat("x", 1000)
	for name, v := range map[string]attribute.Value{
		"string":       attribute.StringValue(big),
		"bytes":        attribute.ByteSliceValue([]byte(big)),
		"bool slice":   attribute.BoolSliceValue(make([]bool, 1000)),
		"int slice":    attribute.Int64SliceValue(make([]int64, 125)),
		"float slice":  attribute.Float64SliceValue(make([]float64, 125)),
		"string slice": attribute.StringSliceValue([]string{big[:500], big[:500]}),
		"slice":        attribute.SliceValue(attribute.StringValue(big)),
		"map":          attribute.MapValue(attribute.String("k", big)),
	} {
		for _, where := range []string{"body", "attribute"} {
			r := sample()
			if where == "body" {
				r.Body = v
			} else {
				r.AddAttributes(attribute.KeyValue{Key: "k", Value: v})
			}
			if grown := r.Size() - size; grown < 990 || grown > 1300 {
				t.Errorf("%s as %s: size grows by %d, want about 1000", name, where, grown)
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { base.Size() }); n != 0 {
		t.Errorf("Size of scalars: %v allocations", n)
	}
}

func TestChunk(t *testing.T) {
	c := record.NewChunk()
	fill := func() int {
		for n := 0; ; n++ {
			r := sample()
			r.Body = attribute.IntValue(n)
			for i := range n % 9 {
				r.AddAttributes(attribute.Int(fmt.Sprint(i), n))
			}
			if !c.Append(&r) {
				return n
			}
		}
	}
	n := fill()
	if n < 50 || n != c.Len() {
		t.Fatalf("a chunk took %d records, Len %d", n, c.Len())
	}
	for i, r := range c.Records(0, n) {
		if r.Body.AsInt64() != int64(i) || len(r.Attributes) != 2+i%9 {
			t.Fatalf("record %d: %+v", i, r)
		}
		for _, kv := range r.Attributes[2:] {
			if kv.Value.AsInt64() != int64(i) {
				t.Fatalf("record %d has another's attribute %v", i, kv)
			}
		}
		if cap(r.Attributes) != len(r.Attributes) {
			t.Fatalf("record %d: appending would overwrite its neighbour", i)
		}
	}
	recs := c.Records(0, n)
	attrs := recs[1].Attributes
	record.Release(recs)
	if recs[1].Attributes != nil || attrs[0].Key != "" {
		t.Error("Release left references behind")
	}
	c.Reset()
	if again := fill(); again != n {
		t.Errorf("after Reset the chunk takes %d records, want %d", again, n)
	}
}

func TestChunkTakesARecordOfAnySize(t *testing.T) {
	c := record.NewChunk()
	r := sample()
	for i := range 10_000 {
		r.AddAttributes(attribute.Int(fmt.Sprint(i), i))
	}
	if !c.Append(&r) || len(c.Records(0, 1)[0].Attributes) != 10_002 {
		t.Error("a record with more attributes than a chunk holds was not taken whole")
	}
}
