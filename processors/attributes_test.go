package processors_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func newAttributes(t testing.TB, cfg processors.AttributesConfig) *processors.Attributes {
	t.Helper()
	a, err := processors.NewAttributes(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

type sources = map[string]processors.AttributeSource

func constant(s string) processors.AttributeSource {
	return processors.AttributeSource{Value: attribute.StringValue(s)}
}

func TestAttributes(t *testing.T) {
	t.Setenv("REGION", "eu")
	t.Setenv("EMPTY", "")
	for _, tc := range []struct {
		name    string
		set     sources
		delete  []string
		change  func(context.Context, *record.Record)
		want    string // of a record with a=1 b.x=2 b.y=3
		changed uint64
	}{
		{"set", sources{"z": constant("v"), "c": {Value: attribute.Int64SliceValue([]int64{1, 2})}}, nil, nil, "a=1 b.x=2 b.y=3 c=[1,2] z=v", 1},
		{"replace", sources{"a": constant("v")}, nil, nil, "b.x=2 b.y=3 a=v", 1},
		{"environment", sources{"r": {Env: "REGION"}, "a": {Env: "UNSET_VARIABLE"}, "b.x": {Env: "EMPTY"}}, nil, nil, "a=1 b.x=2 b.y=3 r=eu", 1},
		{"resource", sources{"s": {Resource: "service.name"}, "a": {Resource: "absent"}}, nil, nil, "a=1 b.x=2 b.y=3 s=shop", 1},
		{"copy", sources{"c": {Attribute: "a"}, "d": {Attribute: "absent"}}, nil, nil, "a=1 b.x=2 b.y=3 c=1", 1},
		{"rename", sources{"c": {Attribute: "a"}}, []string{"a"}, nil, "b.x=2 b.y=3 c=1", 1},
		{"swap", sources{"a": {Attribute: "b.x"}, "b.x": {Attribute: "a"}}, nil, nil, "b.y=3 a=2 b.x=1", 1},
		{"to itself", sources{"a": {Attribute: "a"}}, []string{"a"}, nil, "b.x=2 b.y=3 a=1", 1},
		{"delete", nil, []string{"a", "absent"}, nil, "b.x=2 b.y=3", 1},
		{"delete a glob", nil, []string{"b.?"}, nil, "a=1", 1},
		{"delete all", nil, []string{"*"}, nil, "", 1},
		{"set goes over delete", sources{"a": constant("v")}, []string{"*"}, nil, "a=v", 1},
		{"nothing to do", sources{"c": {Attribute: "absent"}}, []string{"absent"}, nil, "a=1 b.x=2 b.y=3", 0},
		{"callback", nil, []string{"b.*"}, func(_ context.Context, r *record.Record) {
			r.AddAttributes(attribute.Int("n", len(r.Attributes)), attribute.String("a", "last"))
		}, "a=last n=1", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sink := &sinktest.Memory{}
			a := newAttributes(t, processors.AttributesConfig{Set: tc.set, Delete: tc.delete, Func: tc.change})
			cfg := processors.DefaultConfig()
			cfg.Resource = &record.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "shop")}}
			p := newPipeline(t, cfg, a, newSimple(t, sink, "m", nil))
			logAs(t, p, "x", log.SeverityInfo1, "x", attribute.Int("a", 1), attribute.Int("b.x", 2), attribute.Int("b.y", 3))
			var got []string
			for _, kv := range sink.Records()[0].Attributes {
				got = append(got, fmt.Sprintf("%s=%s", kv.Key, kv.Value.String()))
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("got %v, want %s", got, tc.want)
			}
			if n := a.Books().Changed; n != tc.changed {
				t.Errorf("%d changed, want %d", n, tc.changed)
			}
		})
	}
}

// A step in front may have left a key twice: neither value survives.
func TestAttributesReplacesDuplicates(t *testing.T) {
	a := newAttributes(t, processors.AttributesConfig{Set: sources{"k": constant("new")}})
	r := record.Record{Attributes: []attribute.KeyValue{attribute.Int("k", 1), attribute.Int("o", 2), attribute.Int("k", 3)}}
	if err := a.OnEmit(t.Context(), &r, end); err != nil {
		t.Fatal(err)
	}
	if v, _ := r.Attr("k"); len(r.Attributes) != 2 || v.AsString() != "new" {
		t.Errorf("%v, want o and the new k", r.Attributes)
	}
}

func TestAttributesFuncPanics(t *testing.T) {
	catchErrors(t)
	sink := &sinktest.Memory{}
	a := newAttributes(t, processors.AttributesConfig{Func: func(context.Context, *record.Record) { panic("no") }})
	p := newPipeline(t, processors.DefaultConfig(), a, newSimple(t, sink, "m", nil))
	var r record.Record
	if err := p.Logger(record.Scope{}).Emit(t.Context(), &r); err == nil || sink.Len() != 0 || p.Stats().Steps[0].Stopped[processors.CausePanic] != 1 {
		t.Errorf("error %v, %d delivered, %+v; want the record dropped and counted", err, sink.Len(), p.Stats())
	}
}

func TestStepsAllocateNothing(t *testing.T) {
	ctx, origin := t.Context(), &record.Origin{Scope: record.Scope{Name: "shop"}, Resource: &record.Resource{
		Attributes: []attribute.KeyValue{attribute.String("service.name", "shop")},
	}}
	steps := []processors.Processor{
		newAttributes(t, processors.AttributesConfig{
			Set:    sources{"s": constant("v"), "i": {Value: attribute.IntValue(1)}, "c": {Attribute: "a"}, "r": {Resource: "service.name"}},
			Delete: []string{"a", "b*"},
			Func:   func(context.Context, *record.Record) {},
		}),
		newSeverityStep(t, processors.SeverityConfig{
			Rules: []processors.SeverityRule{{Match: processors.Match{Loggers: []string{"other"}}, Set: severity(log.SeverityInfo1)}},
			Func:  func(context.Context, *record.Record) log.Severity { return log.SeverityWarn1 },
		}),
		newFilter(t, processors.FilterConfig{
			Drop: []processors.Match{{Loggers: []string{"x"}}, {Attributes: map[string]string{"i": "2*"}}},
			Func: func(context.Context, *record.Record) bool { return true },
		}),
	}
	var r record.Record
	emitAll := func() {
		r.Reset()
		r.Severity, r.Origin = log.SeverityError1, origin
		r.AddAttributes(attribute.Int("a", 1), attribute.Int("b", 2))
		for _, s := range steps {
			if err := s.OnEmit(ctx, &r, end); err != nil {
				t.Error(err)
			}
		}
	}
	emitAll()
	if n := testing.AllocsPerRun(1000, emitAll); n != 0 {
		t.Errorf("%v allocations per record, want 0", n)
	}
	if len(r.Attributes) != 4 || r.Severity != log.SeverityWarn1 {
		t.Errorf("%+v", r)
	}
}
