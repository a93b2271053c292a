package processors_test

import (
	"context"
	"fmt"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// A rule's stop ends the rules behind it and the rest of the list, for the
// records it chooses and for no others.
func TestRouteStop(t *testing.T) {
	health := map[string]string{"path": "/health*"}
	for _, tc := range []struct {
		name  string
		match processors.Match
		rule  string // what the rule behind it gets
		rest  string
		floor log.Severity
	}{
		{"by severity", processors.Match{MaximumSeverity: severity(log.SeverityDebug4)}, "[info health error]", "[info health error]", log.SeverityInfo1},
		{"by logger", processors.Match{Loggers: []string{"shop"}}, "[]", "[]", processors.SeverityOff},
		{"by what only the record tells", processors.Match{Attributes: health}, "[none debug info error]", "[none debug info error]", 0},
		{"by severity and record", processors.Match{MaximumSeverity: severity(log.SeverityInfo4), Attributes: health}, "[none debug info error]", "[none debug info error]", 0},
		{"but for errors", processors.Match{Not: min1(log.SeverityError1)}, "[none error]", "[none error]", log.SeverityError1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			behind, rest := &sinktest.Memory{}, &sinktest.Memory{}
			route, err := processors.NewRoute(
				processors.Rule{Match: tc.match, Stop: true},
				processors.Rule{Processors: []processors.Processor{newSimple(t, behind, "behind", nil)}},
			)
			if err != nil {
				t.Fatal(err)
			}
			p := newPipeline(t, processors.DefaultConfig(), route, newSimple(t, rest, "rest", nil))
			if got := minimum(p, "shop.cart"); got != tc.floor {
				t.Errorf("the logger logs from %v, want %v", got, tc.floor)
			}
			p.Levels().Configure(processors.LevelRules{"": log.SeverityTrace1})
			logAs(t, p, "shop.cart", 0, "none")
			logAs(t, p, "shop.cart", log.SeverityDebug1, "debug")
			logAs(t, p, "shop.cart", log.SeverityInfo1, "info")
			logAs(t, p, "shop.cart", log.SeverityInfo1, "health", attribute.String("path", "/healthz"))
			logAs(t, p, "shop.cart", log.SeverityError1, "error")
			if got := fmt.Sprint(bodies(behind.Records())); got != tc.rule {
				t.Errorf("the rule behind got %s, want %s", got, tc.rule)
			}
			if got := fmt.Sprint(bodies(rest.Records())); got != tc.rest {
				t.Errorf("the rest of the list got %s, want %s", got, tc.rest)
			}
		})
	}
}

// What a step in front makes of a severity is what a route goes by.
func TestRouteBehindSeverityStep(t *testing.T) {
	errs, rest := &sinktest.Memory{}, &sinktest.Memory{}
	harmless := processors.Match{Attributes: map[string]string{"kind": "harmless"}}
	route, err := processors.NewRoute(processors.Rule{
		Match: *min1(log.SeverityError1), Processors: []processors.Processor{newSimple(t, errs, "errors", nil)}, Stop: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	p := newPipeline(t, processors.DefaultConfig(),
		newSeverityStep(t, processors.SeverityConfig{Rules: []processors.SeverityRule{
			{Match: harmless, Set: severity(log.SeverityDebug1)},
			{Match: processors.Match{Loggers: []string{"audit"}}, Set: severity(log.SeverityError1)},
		}}),
		route, newSimple(t, rest, "rest", min1(log.SeverityInfo1)))
	kind := attribute.String("kind", "harmless")
	logAs(t, p, "shop", log.SeverityError1, "harmless", kind)
	logAs(t, p, "shop", log.SeverityError1, "serious")
	logAs(t, p, "shop", log.SeverityInfo1, "info")
	logAs(t, p, "audit", log.SeverityTrace1, "audited")
	if got := fmt.Sprint(bodies(errs.Records())); got != "[serious audited]" {
		t.Errorf("errors: %s", got)
	}
	if got := fmt.Sprint(bodies(rest.Records())); got != "[info]" {
		t.Errorf("rest: %s", got)
	}
}

// What a rule without processors stops reaches nothing: it must be counted.
func TestRouteCountsWhatItDrops(t *testing.T) {
	route, err := processors.NewRoute(
		processors.Rule{Match: processors.Match{Attributes: map[string]string{"path": "/healthz"}}, Stop: true})
	if err != nil {
		t.Fatal(err)
	}
	memory := &sinktest.Memory{}
	end, err := processors.NewSimple(memory, processors.DefaultSimpleConfig())
	if err != nil {
		t.Fatal(err)
	}
	p, err := processors.NewPipeline(processors.DefaultConfig(), route, end)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Shutdown(context.Background())
	for _, path := range []string{"/healthz", "/cart", "/healthz"} {
		r := &record.Record{Severity: log.SeverityError, Attributes: []attribute.KeyValue{attribute.String("path", path)}}
		if err := p.Logger(record.Scope{Name: "shop"}).Emit(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	steps := p.Stats().Steps
	if len(memory.Records()) != 1 || len(steps) != 1 || steps[0].Name != "route" || steps[0].Stopped[processors.CauseFiltered] != 2 {
		t.Errorf("%d records, %+v", len(memory.Records()), steps)
	}
}
