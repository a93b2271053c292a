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

func newFilter(t testing.TB, cfg processors.FilterConfig) *processors.Filter {
	t.Helper()
	f, err := processors.NewFilter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// logAs emits a record with that body, of a logger and a severity.
func logAs(t testing.TB, p *processors.Pipeline, logger string, sev log.Severity, body string, attrs ...attribute.KeyValue) {
	t.Helper()
	r := record.Record{Severity: sev, SeverityText: "SOURCE", Body: attribute.StringValue(body), Attributes: attrs}
	if err := p.Logger(record.Scope{Name: logger}).Emit(t.Context(), &r); err != nil {
		t.Errorf("%s: %v", body, err)
	}
}

func severity(s log.Severity) processors.Severity { return processors.Severity(s) }

// minimum returns the lowest severity that a logger logs.
func minimum(p *processors.Pipeline, logger string) log.Severity {
	return p.Logger(record.Scope{Name: logger}).Level().Minimum()
}

func TestFilter(t *testing.T) {
	shop := processors.Match{Loggers: []string{"shop"}}
	errs := *min1(log.SeverityError1)
	health := processors.Match{Attributes: map[string]string{"path": "/health*"}}
	for _, tc := range []struct {
		name       string
		keep, drop []processors.Match
		want       string
		floor      map[string]log.Severity
	}{
		{
			"keep alone", []processors.Match{shop, errs}, nil,
			"shop-debug shop-error tool-error",
			map[string]log.Severity{"shop.cart": 0, "tool": log.SeverityError1},
		},
		{
			"drop alone", nil, []processors.Match{shop},
			"tool-debug tool-error tool-health",
			map[string]log.Severity{"shop.cart": processors.SeverityOff, "tool": 0},
		},
		{
			"drop goes over keep", []processors.Match{errs, health}, []processors.Match{shop},
			"tool-error tool-health",
			map[string]log.Severity{"shop": processors.SeverityOff, "tool": 0},
		},
		{
			"drop depends on the record", []processors.Match{errs}, []processors.Match{health},
			"shop-error tool-error",
			map[string]log.Severity{"shop": log.SeverityError1},
		},
		{
			"not, in drop", nil, []processors.Match{{Not: &errs}},
			"shop-error tool-error",
			map[string]log.Severity{"tool": log.SeverityError1},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sink := &sinktest.Memory{}
			f := newFilter(t, processors.FilterConfig{Keep: tc.keep, Drop: tc.drop})
			p := newPipeline(t, processors.DefaultConfig(), f, newSimple(t, sink, "m", nil))
			// Through the SDK levels may be passed by: the steps see everything.
			p.Levels().Configure(processors.LevelRules{"": log.SeverityTrace1})
			logAs(t, p, "shop.cart", log.SeverityDebug1, "shop-debug")
			logAs(t, p, "shop", log.SeverityError1, "shop-error")
			logAs(t, p, "tool", log.SeverityDebug1, "tool-debug")
			logAs(t, p, "tool", log.SeverityError1, "tool-error")
			logAs(t, p, "tool", log.SeverityInfo1, "tool-health", attribute.String("path", "/healthz"))
			if got := strings.Join(bodies(sink.Records()), " "); got != tc.want {
				t.Errorf("passed: %s, want %s", got, tc.want)
			}
			books := f.Books()
			if n := 5 - sink.Len(); books.Stopped[processors.CauseFiltered] != uint64(n) || books.Name != "filter" {
				t.Errorf("books %+v, want %d filtered", books, n)
			}
			p.Levels().Configure(nil)
			for logger, want := range tc.floor {
				if got := minimum(p, logger); got != want {
					t.Errorf("%s logs from %v, want %v", logger, got, want)
				}
			}
		})
	}
}

// A record without severity fails no bound, and so not: {minimum_severity}
// takes it for one that is above.
func TestFilterWithoutSeverity(t *testing.T) {
	sink := &sinktest.Memory{}
	f := newFilter(t, processors.FilterConfig{Keep: []processors.Match{
		{Loggers: []string{"a"}, MinimumSeverity: severity(log.SeverityError1)},
		{Loggers: []string{"b"}, Not: min1(log.SeverityError1)},
	}})
	p := newPipeline(t, processors.DefaultConfig(), f, newSimple(t, sink, "m", nil))
	logAs(t, p, "a", 0, "a")
	logAs(t, p, "b", 0, "b")
	if got := fmt.Sprint(bodies(sink.Records())); got != "[a]" {
		t.Errorf("passed %s, want [a]", got)
	}
	for _, scope := range []string{"a", "b"} {
		if !f.Enabled(t.Context(), &record.Origin{Scope: record.Scope{Name: scope}}, 0, "") {
			t.Errorf("%s: not enabled where the severity is not known", scope)
		}
	}
}

func TestFilterFunc(t *testing.T) {
	handled := catchErrors(t)
	sink := &sinktest.Memory{}
	f := newFilter(t, processors.FilterConfig{
		Name: "tenants",
		Drop: []processors.Match{{Body: "dropped"}},
		Func: func(_ context.Context, r *record.Record) bool {
			switch r.Body.AsString() {
			case "dropped":
				t.Error("asked about a record that is dropped")
			case "panic":
				panic("no")
			}
			_, ok := r.Attr("tenant")
			return ok
		},
	})
	p, err := processors.NewPipeline(processors.DefaultConfig(), f, newSimple(t, sink, "m", nil))
	if err != nil {
		t.Fatal(err)
	}
	logAs(t, p, "x", log.SeverityInfo1, "yes", attribute.Int("tenant", 7))
	logAs(t, p, "x", log.SeverityInfo1, "no")
	logAs(t, p, "x", log.SeverityInfo1, "dropped")
	r := record.Record{Body: attribute.StringValue("panic")}
	err = p.Logger(record.Scope{}).Emit(t.Context(), &r)
	if err == nil || !strings.Contains(err.Error(), "tenants") {
		t.Errorf("a panic gives %v, want an error that names the step", err)
	}
	shutdown(t, p)
	if got := fmt.Sprint(bodies(sink.Records())); got != "[yes]" {
		t.Errorf("passed %s, want [yes]", got)
	}
	s := p.Stats()
	if s.Filtered != 0 || s.Steps[0].Name != "tenants" || s.Steps[0].Stopped[processors.CauseFiltered] != 2 || s.Steps[0].Stopped[processors.CausePanic] != 1 {
		t.Errorf("%+v, want one lost to a panic, two filtered", s)
	}
	if !strings.Contains(handled.String(), "panicked") {
		t.Errorf("the error handler got %q", handled)
	}
}

// A record that one destination's level refuses still reaches the others.
func TestLevelsOfDestinationsAreTheirOwn(t *testing.T) {
	all, errs, warns := &sinktest.Memory{}, &sinktest.Memory{}, &sinktest.Memory{}
	route, err := processors.NewRoute(processors.Rule{Processors: []processors.Processor{
		newFilter(t, processors.FilterConfig{Keep: []processors.Match{*min1(log.SeverityWarn1)}}),
		newSimple(t, warns, "warns", nil),
	}})
	if err != nil {
		t.Fatal(err)
	}
	p := newPipeline(t, processors.DefaultConfig(),
		newSimple(t, errs, "errors", min1(log.SeverityError1)), route, newSimple(t, all, "all", min1(log.SeverityDebug1)))
	for _, sev := range []log.Severity{log.SeverityTrace1, log.SeverityDebug1, log.SeverityWarn1, log.SeverityError1} {
		logAs(t, p, "shop", sev, record.SeverityName(sev))
	}
	for want, sink := range map[string]*sinktest.Memory{"[ERROR]": errs, "[WARN ERROR]": warns, "[DEBUG WARN ERROR]": all} {
		if got := fmt.Sprint(bodies(sink.Records())); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := minimum(p, "shop"); got != log.SeverityDebug1 {
		t.Errorf("the logger logs from %v, want DEBUG: the lowest that a destination takes", got)
	}
}

func TestStepsOfWrongConfigs(t *testing.T) {
	bad := processors.Match{Body: "("}
	for _, tc := range []struct {
		err  error
		want string
	}{
		{second(processors.NewFilter(processors.FilterConfig{})), "filter: the filter lets everything pass"},
		{second(processors.NewFilter(processors.FilterConfig{Keep: []processors.Match{{}, bad}})), "filter: keep[1]: body: "},
		{second(processors.NewFilter(processors.FilterConfig{Drop: []processors.Match{bad}})), "filter: drop[0]: body: "},
		{second(processors.NewFilter(processors.FilterConfig{Drop: []processors.Match{{Not: &processors.Match{}}}})), "drop[0]: not: chooses every record"},
		{second(processors.NewFilter(processors.FilterConfig{Drop: []processors.Match{{Attributes: map[string]string{"": "*"}}}})), "drop[0]: attributes: a key is empty"},
		{second(processors.NewFilter(processors.FilterConfig{Drop: []processors.Match{{MinimumSeverity: 25}}})), "drop[0]: minimum_severity 25 is no severity"},
		{second(processors.NewSeverityStep(processors.SeverityConfig{})), "severity: no severity is set"},
		{second(processors.NewSeverityStep(processors.SeverityConfig{Rules: []processors.SeverityRule{{}}})), "severity: rules[0]: set is missing"},
		{second(processors.NewSeverityStep(processors.SeverityConfig{Rules: []processors.SeverityRule{{Match: bad, Set: 26}}})), "severity: rules[0].match: body: "},
		{second(processors.NewSeverityStep(processors.SeverityConfig{Rules: []processors.SeverityRule{{Set: -1}}})), "severity: rules[0].set: -1 is no severity"},
		{second(processors.NewAttributes(processors.AttributesConfig{})), "attributes: nothing is changed"},
		{second(processors.NewAttributes(processors.AttributesConfig{Delete: []string{"a", ""}})), "attributes: delete[1]: the pattern is empty"},
		{second(processors.NewAttributes(processors.AttributesConfig{Set: map[string]processors.AttributeSource{"k": {}}})), `set: "k" has 0 sources`},
		{second(processors.NewAttributes(processors.AttributesConfig{Set: map[string]processors.AttributeSource{"k": {Env: "A", Resource: "b"}}})), `set: "k" has 2 sources`},
	} {
		if tc.err == nil || !strings.Contains(tc.err.Error(), tc.want) {
			t.Errorf("%v, want %q", tc.err, tc.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }
