package processors

import (
	"math"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

// Seed is for the tests outside of the package.
var Seed = seed

func mustGroup(t testing.TB, longest int, by ...string) *grouping {
	t.Helper()
	g, err := newGrouping(by, longest)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func key(g *grouping, r record.Record) string { return string(g.appendKey(nil, &r)) }

func TestGroupingRefuses(t *testing.T) {
	for want, by := range map[string][]string{
		`by[1] is ""`:                            {"body", ""},
		`by[0] is "attributes."`:                 {"attributes."},
		`by[1]: "body" stands in the list twice`: {"body", "body"},
		`by[2]: "attributes.tenant" stands in`:   {"tenant", "body", "attributes.tenant"},
		"by has 17 items: want at most 16":       strings.Split("abcdefghijklmnopq", ""),
	} {
		if _, err := newGrouping(by, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", by, err, want)
		}
	}
}

// values differ from each other, many of them only just.
func values() []attribute.Value {
	m := func(kvs ...attribute.KeyValue) attribute.Value { return attribute.MapValue(kvs...) }
	return []attribute.Value{
		{},
		attribute.BoolValue(false), attribute.BoolValue(true),
		attribute.Int64Value(0), attribute.Int64Value(1), attribute.Int64Value(-1), attribute.Int64Value(math.MinInt64),
		attribute.Float64Value(0), attribute.Float64Value(math.Copysign(0, -1)), attribute.Float64Value(1), attribute.Float64Value(math.NaN()),
		attribute.StringValue(""), attribute.StringValue("1"), attribute.StringValue("true"), attribute.StringValue("[1]"), attribute.StringValue("\xff"), attribute.StringValue("\xfe"),
		attribute.ByteSliceValue(nil), attribute.ByteSliceValue([]byte("1")),
		attribute.BoolSliceValue(nil), attribute.BoolSliceValue([]bool{true}), attribute.BoolSliceValue([]bool{true, false}),
		attribute.Int64SliceValue(nil), attribute.Int64SliceValue([]int64{1}), attribute.Int64SliceValue([]int64{11}), attribute.Int64SliceValue([]int64{1, 1}),
		attribute.Float64SliceValue(nil), attribute.Float64SliceValue([]float64{1}),
		attribute.StringSliceValue(nil), attribute.StringSliceValue([]string{"a,b"}), attribute.StringSliceValue([]string{"a", "b"}), attribute.StringSliceValue([]string{"\xff"}), attribute.StringSliceValue([]string{"\xfe"}),
		attribute.SliceValue(), attribute.SliceValue(attribute.Int64Value(1)), attribute.SliceValue(attribute.Float64Value(1)), attribute.SliceValue(attribute.SliceValue()), attribute.SliceValue(attribute.SliceValue(), attribute.SliceValue()),
		m(), m(attribute.Int("a", 1)), m(attribute.Int("b", 1)), m(attribute.Int("a", 1), attribute.Int("b", 1)), m(attribute.KeyValue{Key: "a", Value: m(attribute.Int("b", 1))}),
	}
}

func TestGroupingTellsValuesApart(t *testing.T) {
	g := mustGroup(t, 0, "body", "x")
	seen := map[string]int{}
	for i, v := range values() {
		k := key(g, record.Record{Body: v, Attributes: []attribute.KeyValue{{Key: "x", Value: v}}})
		if j, ok := seen[k]; ok {
			t.Errorf("values %d and %d have one key: %q", i, j, k)
		}
		if again := key(g, record.Record{Body: values()[i], Attributes: []attribute.KeyValue{{Key: "x", Value: v}}}); again != k {
			t.Errorf("value %d has two keys: %q, %q", i, k, again)
		}
		seen[k] = i
	}
	if k := key(g, record.Record{}); seen[k] != 0 {
		t.Errorf("an absent attribute has the key of value %d", seen[k])
	}
	empty := record.Record{Attributes: []attribute.KeyValue{{Key: "x"}}}
	if key(g, empty) == key(g, record.Record{}) {
		t.Error("an empty attribute and none have one key")
	}
}

func TestGroupingParts(t *testing.T) {
	base := func() record.Record {
		return record.Record{
			Body: attribute.StringValue("b"), Severity: log.SeverityWarn, SeverityText: "WARN", EventName: "e",
			Origin:     &record.Origin{Scope: record.Scope{Name: "shop"}},
			Attributes: []attribute.KeyValue{attribute.String("tenant", "acme"), attribute.String("body", "other")},
		}
	}
	changes := map[string]func(*record.Record){
		"body":             func(r *record.Record) { r.Body = attribute.StringValue("c") },
		"severity":         func(r *record.Record) { r.Severity++ },
		"event":            func(r *record.Record) { r.EventName = "f" },
		"logger":           func(r *record.Record) { r.Origin = &record.Origin{Scope: record.Scope{Name: "tool"}} },
		"tenant":           func(r *record.Record) { r.Attributes[0].Value = attribute.StringValue("evil") },
		"attributes.body":  func(r *record.Record) { r.Attributes[1].Value = attribute.StringValue("some") },
		"nothing named so": func(r *record.Record) { r.SeverityText, r.TraceID[0] = "Warning", 1 },
	}
	for name := range changes {
		g := mustGroup(t, 0, name)
		for part, change := range changes {
			r := base()
			change(&r)
			if differs := key(g, base()) != key(g, r); differs != (part == name && part != "nothing named so") {
				t.Errorf("by %s, other %s: differs is %t", name, part, differs)
			}
		}
	}
	g := mustGroup(t, 0, "severity")
	if key(g, record.Record{SeverityText: "a"}) == key(g, record.Record{SeverityText: "b"}) {
		t.Error("without a severity its text must count")
	}
	if got, want := mustGroup(t, 0, "logger", "tenant", "severity", "none").describe(new(base())), "logger=shop, tenant=acme, severity=WARN, none="; got != want {
		t.Errorf("described as %q, want %q", got, want)
	}
	if got, want := mustGroup(t, 0, "event").describe(&record.Record{EventName: strings.Repeat("é", 50) + "é"}), "event="+strings.Repeat("é", 32)+"…"; got != want {
		t.Errorf("described as %q, want %q", got, want)
	}
}

func TestGroupingCutsLongParts(t *testing.T) {
	g := mustGroup(t, 10, "body", "x")
	long := func(s string) record.Record {
		v := attribute.StringSliceValue([]string{s})
		return record.Record{Body: attribute.StringValue(s), Attributes: []attribute.KeyValue{{Key: "x", Value: v}}}
	}
	a := key(g, long(strings.Repeat("a", 1000)+"b"))
	if len(a) > 30 || a != key(g, long(strings.Repeat("a", 1000)+"c")) {
		t.Errorf("not cut: %q", a)
	}
	if a == key(g, long(strings.Repeat("b", 1000))) {
		t.Error("what counts does not count")
	}
}

func TestGroupingAllocatesNothing(t *testing.T) {
	g := mustGroup(t, 0, "body", "severity", "logger", "event", "i", "f", "b", "s", "none")
	r := record.Record{Body: attribute.StringValue("hello"), Severity: 9, Attributes: []attribute.KeyValue{
		attribute.Int("i", 1), attribute.Float64("f", 1), attribute.Bool("b", true), attribute.String("s", "x"),
	}}
	buf := make([]byte, 0, 512)
	if n := testing.AllocsPerRun(100, func() { buf = g.appendKey(buf[:0], &r) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// FuzzGrouping holds that two records have one key exactly if what it is made
// of is equal.
func FuzzGrouping(f *testing.F) {
	f.Add("ab", "c", "d", "a", "bc", "d", true)
	f.Add("", "\x04\x00", "", "\x00", "", "\x04", false)
	f.Add("x", "", "\xff", "x", "", "\xff", true)
	f.Fuzz(func(t *testing.T, body1, x1, logger1, body2, x2, logger2 string, nested bool) {
		g := mustGroup(t, 0, "body", "x", "logger", "absent")
		make := func(body, x, logger string) record.Record {
			r := record.Record{Body: attribute.StringValue(body), Origin: &record.Origin{Scope: record.Scope{Name: logger}}}
			switch {
			case nested:
				r.AddAttributes(attribute.KeyValue{Key: "x", Value: attribute.MapValue(
					attribute.KeyValue{Key: attribute.Key(x), Value: attribute.SliceValue(attribute.StringValue(body), attribute.ByteSliceValue([]byte(x)))},
				)})
			case x != "":
				r.AddAttributes(attribute.StringSlice("x", strings.Split(x, ",")))
			}
			return r
		}
		a, b := make(body1, x1, logger1), make(body2, x2, logger2)
		equal := body1 == body2 && x1 == x2 && logger1 == logger2
		if same := key(g, a) == key(g, b); same != equal {
			t.Errorf("one key: %t, equal: %t\n%+v\n%+v", same, equal, a, b)
		}
		if key(g, a) != key(g, a.Clone()) {
			t.Error("a copy has another key")
		}
	})
}

// A notice tells of keys, also in front of a redact.
func TestDescriptionsHoldNoSecrets(t *testing.T) {
	g, err := newGrouping([]string{"body", "api_key"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := &record.Record{
		Body:       attribute.StringValue("cloned the repository with the token ghp_canary7Xabcdefghijklmnopqrstuvwxyz0123"),
		Attributes: []attribute.KeyValue{attribute.String("api_key", "canary-7d41")},
	}
	if got := g.describe(r); strings.Contains(got, "canary") || !strings.Contains(got, "cloned") {
		t.Error(got)
	}
}
