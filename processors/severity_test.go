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

func newSeverityStep(t testing.TB, cfg processors.SeverityConfig) *processors.SeverityStep {
	t.Helper()
	s, err := processors.NewSeverityStep(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSeverityStep(t *testing.T) {
	sink := &sinktest.Memory{}
	s := newSeverityStep(t, processors.SeverityConfig{Rules: []processors.SeverityRule{
		{Match: processors.Match{Attributes: map[string]string{"exception.type": "*.Canceled"}}, Set: severity(log.SeverityWarn1)},
		{Match: processors.Match{Loggers: []string{"noise"}}, Set: severity(log.SeverityDebug2)},
		{Match: processors.Match{Loggers: []string{"noise.child"}}, Set: severity(log.SeverityFatal1)},
	}})
	p := newPipeline(t, processors.DefaultConfig(), s, newSimple(t, sink, "m", nil))
	canceled := attribute.String("exception.type", "context.Canceled")
	logAs(t, p, "shop", log.SeverityError1, "canceled", canceled)
	logAs(t, p, "noise.child", log.SeverityError1, "first rule wins", canceled)
	logAs(t, p, "noise.child", log.SeverityError1, "second")
	logAs(t, p, "shop", log.SeverityError1, "none")
	logAs(t, p, "shop", log.SeverityWarn1, "already", canceled)
	logAs(t, p, "shop", 0, "had none", canceled)
	var got []string
	for _, r := range sink.Records() {
		got = append(got, fmt.Sprintf("%s: %d %s", r.Body.AsString(), r.Severity, r.Level()))
	}
	want := []string{
		"canceled: 13 WARN", "first rule wins: 13 WARN", "second: 6 DEBUG2", "none: 17 SOURCE", "already: 13 SOURCE", "had none: 13 WARN",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if n := s.Books().Changed; n != 4 {
		t.Errorf("%d changed, want 4", n)
	}
}

// What a logger logs follows from what its records become.
func TestSeverityStepMovesLevels(t *testing.T) {
	canceled := processors.Match{Attributes: map[string]string{"exception.type": "*.Canceled"}}
	s := newSeverityStep(t, processors.SeverityConfig{Rules: []processors.SeverityRule{
		{Match: processors.Match{Loggers: []string{"audit"}, MinimumSeverity: severity(log.SeverityDebug1)}, Set: severity(log.SeverityError1)},
		{Match: processors.Match{Loggers: []string{"noise"}}, Set: severity(log.SeverityDebug1)},
		{Match: processors.Match{Loggers: []string{"raised"}, Attributes: canceled.Attributes}, Set: severity(log.SeverityFatal1)},
		{Match: processors.Match{Loggers: []string{"lowered"}, Attributes: canceled.Attributes}, Set: severity(log.SeverityDebug1)},
	}})
	errs := newSimple(t, &sinktest.Memory{}, "errors", min1(log.SeverityError1))
	p := newPipeline(t, processors.DefaultConfig(), s, errs)
	for logger, want := range map[string]log.Severity{
		"audit":   log.SeverityDebug1,     // becomes an error, and errors are wanted
		"noise":   processors.SeverityOff, // becomes what nobody wants
		"raised":  0,                      // may become what is wanted
		"lowered": log.SeverityError1,     // may stay what is wanted
		"shop":    log.SeverityError1,
	} {
		if got := minimum(p, logger); got != want {
			t.Errorf("%s logs from %v, want %v", logger, got, want)
		}
	}

	// In a route's rule the severity is changed for the rule alone.
	inner := newSeverityStep(t, processors.SeverityConfig{Rules: []processors.SeverityRule{{Set: severity(log.SeverityError1)}}})
	one, other := &sinktest.Memory{}, &sinktest.Memory{}
	route, err := processors.NewRoute(processors.Rule{
		Match: processors.Match{Loggers: []string{"audit"}}, Processors: []processors.Processor{inner, newSimple(t, one, "one", min1(log.SeverityError1))},
	})
	if err != nil {
		t.Fatal(err)
	}
	p = newPipeline(t, processors.DefaultConfig(), route, newSimple(t, other, "other", min1(log.SeverityInfo1)))
	logAs(t, p, "audit", log.SeverityInfo1, "x")
	if one.Len() != 1 || other.Len() != 1 || other.Records()[0].Severity != log.SeverityInfo1 {
		t.Errorf("one got %v, other %v; want both the record, the other at INFO", one.Records(), other.Records())
	}
	if got := minimum(p, "shop"); got != log.SeverityInfo1 {
		t.Errorf("shop logs from %v", got)
	}
	if got := minimum(p, "audit"); got != 0 {
		t.Errorf("audit logs from %v", got)
	}
}

func TestSeverityFunc(t *testing.T) {
	catchErrors(t)
	sink := &sinktest.Memory{}
	s := newSeverityStep(t, processors.SeverityConfig{
		Rules: []processors.SeverityRule{{Match: processors.Match{Loggers: []string{"ruled"}}, Set: severity(log.SeverityInfo1)}},
		Func: func(_ context.Context, r *record.Record) log.Severity {
			if v, ok := r.Attr("sev"); ok {
				return log.Severity(v.AsInt64())
			}
			panic("no attribute")
		},
	})
	p := newPipeline(t, processors.DefaultConfig(), s, newSimple(t, sink, "m", min1(log.SeverityError1)))
	if got := minimum(p, "shop"); got != 0 {
		t.Errorf("shop logs from %v: nobody knows what Func answers", got)
	}
	if got := minimum(p, "ruled"); got != processors.SeverityOff {
		t.Errorf("ruled logs from %v, want off: Func is not asked", got)
	}
	logAs(t, p, "shop", log.SeverityDebug1, "raised", attribute.Int("sev", int(log.SeverityError2)))
	logAs(t, p, "shop", log.SeverityError1, "lowered", attribute.Int("sev", int(log.SeverityDebug1)))
	logAs(t, p, "shop", log.SeverityError1, "left", attribute.Int("sev", 0))
	logAs(t, p, "shop", log.SeverityError1, "senseless", attribute.Int("sev", 99))
	r := record.Record{Severity: log.SeverityError1, Body: attribute.StringValue("panic")}
	if err := p.Logger(record.Scope{}).Emit(t.Context(), &r); err == nil {
		t.Error("a panic gives no error")
	}
	if got := strings.Join(bodies(sink.Records()), " "); got != "raised left senseless" {
		t.Errorf("delivered: %s", got)
	}
}
