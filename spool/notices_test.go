package spool

import (
	"context"
	"testing"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// A notice calls the exporter what statistics call it.
func TestNoticeNamesTheExporter(t *testing.T) {
	simple := func(name string) func(testing.TB, *Spool) processors.Processor {
		return func(t testing.TB, s *Spool) processors.Processor {
			c := processors.DefaultSimpleConfig()
			c.Name = name
			step, err := processors.NewSimple(s, c)
			if err != nil {
				t.Fatal(err)
			}
			return step
		}
	}
	for want, branches := range map[string][]func(testing.TB, *Spool) processors.Processor{
		"otlp_http/2": {simple("otlp_http/2")},
		"sinktest":    {simple("")},
		"spool":       {simple("a"), simple("b")}, // shared
	} {
		t.Run(want, func(t *testing.T) {
			notice := ""
			sink := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
				if !isNotice(&recs[0]) {
					return 0, exporters.Permanent(errDown)
				}
				v, _ := recs[0].Attr("sluice.exporter")
				notice = v.AsString()
				return len(recs), nil
			}}
			s := newSpool(t, sink, config(t, nil))
			var steps []processors.Processor
			for _, branch := range branches {
				steps = append(steps, branch(t, s))
			}
			p, err := processors.NewPipeline(processors.DefaultConfig(), steps...)
			if err != nil {
				t.Fatal(err)
			}
			if err := emit(p.Logger(record.Scope{Name: "test"}), 1); err != nil {
				t.Fatal(err)
			}
			if err := p.Shutdown(t.Context()); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			if notice != want {
				t.Errorf("the notice names %q, want %q", notice, want)
			}
			if rows := p.Stats().Exporters; rows[len(rows)-1].Name != want {
				t.Errorf("statistics name it %q", rows[len(rows)-1].Name)
			}
		})
	}
}
