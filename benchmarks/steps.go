package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/config"
	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/redact"
)

// What a step of the pipeline costs a record, and what that is compared with.
const (
	encodeText    = "encode.JSON"
	redactSecrets = "redact, preset secrets"
	redactAll     = "redact, all presets"
	enqueue       = "batch: enqueue"
	enqueueTraces = "batch: enqueue, 1000 traces"
	hold          = "flight_recorder: hold"
	holdTraces    = "flight_recorder: hold, 1000 traces"
)

const manyTraces = 1000

// routeRules are the numbers of rules that a route is measured with.
var routeRules = []int{1, 10, 100, 1000}

func routeName(rules int) string { return fmt.Sprintf("route, number of rules: %d", rules) }

func stepContestants() []string {
	var names []string
	for _, n := range routeRules {
		names = append(names, routeName(n))
	}
	return append(names, encodeText, redactSecrets, redactAll, enqueue, hold, enqueueTraces, holdTraces)
}

func runStep(j job) (result, error) {
	f, closer, err := stepLoop(j.Contestant)
	if err != nil {
		return result{}, err
	}
	return timed(1, j.Duration, f), closer()
}

// stepLoop returns a function that puts n records through a step.
func stepLoop(contestant string) (f func(from, n int), closer func() error, err error) {
	nothing := func() error { return nil }
	switch contestant {
	case encodeText:
		enc, err := encode.New("json", encode.Options{})
		if err != nil {
			return nil, nil, err
		}
		r := prose()
		var line []byte
		return func(_, n int) {
			for range n {
				line = enc.Append(line[:0], &r)
			}
		}, nothing, nil
	case redactSecrets, redactAll: // no hit: the record stays as it is
		cfg := redact.DefaultConfig()
		if contestant == redactAll {
			cfg.Presets = []string{"all"}
		}
		redactor, err := redact.New(cfg)
		if err != nil {
			return nil, nil, err
		}
		r := prose()
		return func(_, n int) {
			for range n {
				redactor.Record(&r)
			}
		}, nothing, nil
	case enqueue:
		return pipelineLoop(1)
	case enqueueTraces:
		return pipelineLoop(manyTraces)
	case hold, holdTraces:
		cfg := processors.DefaultFlightRecorderConfig()
		cfg.Hold = &processors.Match{MaximumSeverity: processors.Severity(log.SeverityInfo4)}
		traces := 1
		if contestant == holdTraces {
			cfg.Per, traces = processors.PerTrace, manyTraces
		}
		recorder, err := processors.NewFlightRecorder(cfg)
		if err != nil {
			return nil, nil, err
		}
		return pipelineLoop(traces, recorder)
	}
	for _, n := range routeRules {
		if contestant == routeName(n) {
			return routeLoop(n)
		}
	}
	return nil, nil, fmt.Errorf("no step is called %q", contestant)
}

// pipelineLoop emits records of so many traces into the given steps and a
// queue behind them. Its sink stands still and it gives up its oldest record
// when it is full, so that putting records into it is all that is measured.
func pipelineLoop(traces int, steps ...processors.Processor) (f func(from, n int), closer func() error, err error) {
	sink := make(standing)
	cfg := processors.DefaultBatchConfig()
	cfg.OnFull = processors.DropOldest
	batch, err := processors.NewBatch(sink, cfg)
	if err != nil {
		return nil, nil, err
	}
	f, shutdown, err := emitLoop(traces, append(steps, batch)...)
	return f, func() error {
		close(sink)
		return shutdown()
	}, err
}

// standing is a sink that takes nothing until it is closed.
type standing chan struct{}

func (s standing) Write(_ context.Context, recs []record.Record) (int, error) {
	<-s
	return len(recs), nil
}
func (standing) Quiet() bool                      { return true }
func (standing) ForceFlush(context.Context) error { return nil }
func (standing) Shutdown(context.Context) error   { return nil }

func emitLoop(traces int, steps ...processors.Processor) (f func(from, n int), closer func() error, err error) {
	p, err := processors.NewPipeline(processors.DefaultConfig(), steps...)
	if err != nil {
		return nil, nil, err
	}
	logger := p.Logger(record.Scope{Name: loggerName})
	r := prebuilt(1)[0]
	ctx := context.Background()
	return func(from, n int) {
		for id := from; id < from+n; id++ {
			trace := 1 + id%traces
			r.TraceID[0], r.TraceID[1], r.SpanID[0] = byte(trace>>8), byte(trace), 1
			_ = logger.Emit(ctx, &r)
		}
	}, func() error { return p.Shutdown(ctx) }, nil
}

// routeLoop has one logger's records meet a route of which the last rule is
// theirs.
func routeLoop(rules int) (f func(from, n int), closer func() error, err error) {
	list := make([]processors.Rule, rules)
	for i := range list {
		name := fmt.Sprintf("shop.part%d", i)
		if i == rules-1 {
			name = loggerName
		}
		list[i] = processors.Rule{
			Match:      processors.Match{Loggers: []string{name}, MinimumSeverity: processors.Severity(log.SeverityInfo)},
			Processors: []processors.Processor{&end{}},
		}
	}
	route, err := processors.NewRoute(list...)
	if err != nil {
		return nil, nil, err
	}
	return emitLoop(1, route)
}

// end is where a rule's records go: nothing that costs more than a route.
type end struct{ n int }

func (*end) Enabled(context.Context, *record.Origin, log.Severity, string) bool { return true }
func (*end) Branches() []processors.Branch                                      { return nil }
func (*end) ForceFlush(context.Context) error                                   { return nil }
func (*end) Shutdown(context.Context) error                                     { return nil }
func (e *end) OnEmit(ctx context.Context, r *record.Record, next processors.Next) error {
	e.n++
	return next(ctx, r)
}

// prose is a record with a body of 200 bytes in which nothing is secret.
func prose() record.Record {
	r := prebuilt(1)[0]
	text := "order 4711 for customer c-4711-eu-west was accepted after 2 attempts: warehouse 7 ships 3 items on 2026-11-21, " +
		"carrier DHL, total 129.95 EUR; the next reconciliation run is planned for tomorrow at noon"
	r.Body = attribute.StringValue((text + strings.Repeat(".", 200))[:200])
	return r
}

// sluiceDefault is what a configuration file gives: levels, secrets redacted,
// and a route to two rotating files.
const sluiceDefault = "sluice, redact, route to 2 files"

const defaultYAML = `
file_format: "1.1"
logger_provider:
  processors:
    - route:
        rules:
          - match: {minimum_severity: info}
            processors:
              - async: {on_full: block, block_timeout: 1h, exporter: {file: {path: %q, rotation: {max_size: %dMiB}, retention: {max_total_size: 100GiB}}}}
          - match: {minimum_severity: debug}
            processors:
              - async: {on_full: block, block_timeout: 1h, exporter: {file: {path: %q, rotation: {max_size: %dMiB}, retention: {max_total_size: 100GiB}}}}
  logger_configurator/development:
    default_config: {minimum_severity: info}
    loggers:
      - {name: shop.db, config: {minimum_severity: warn}}
`

func openSluiceDefault(dir string, size int) (*session, error) {
	text := fmt.Sprintf(defaultYAML, filepath.Join(dir, "app.jsonl"), size, filepath.Join(dir, "second", "all.jsonl"), size)
	doc, err := config.Parse("default.yaml", []byte(text))
	if err != nil {
		return nil, err
	}
	rt, err := doc.Start(context.Background())
	if err != nil {
		return nil, err
	}
	l := bridge.NewLogger(loggerName, bridge.WithPipeline(rt.Pipeline()))
	return slogSession(l, l, func() error { return rt.Shutdown(context.Background()) }), nil
}
