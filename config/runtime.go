package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// Start opens every exporter of the document and starts its processors. ctx
// bounds the start alone. If anything fails, what was opened already is closed
// again; an exporter that cannot be opened is an [*Error] with its place.
//
// What [Document.Warnings] returns is told to OpenTelemetry's error handler.
//
// A document that is disabled, or has no logger_provider, starts a Runtime
// that takes records and delivers none.
func (d *Document) Start(ctx context.Context) (*Runtime, error) {
	cfg := DefaultRuntimeConfig()
	cfg.Resource = d.model.Resource.build(ctx, d.options.attributes)
	cfg.Levels = d.options.levels
	if redact := d.model.Distribution["sluice"].sluice.Redact; redact != nil {
		cfg.Redact = *redact
	}
	cfg.MeterProvider = d.options.meters
	d.model.AttributeLimits.apply(&cfg.Limits)
	steps := slices.Clone(d.options.steps)
	s := &starter{ctx: ctx, secrets: d.secrets, blocking: d.options.blocking, shared: map[string]*shared{}}
	if lp := d.model.LoggerProvider; lp != nil {
		lp.Limits.apply(&cfg.Limits)
		cfg.Levels = lp.Configurator.rules(d.options.levels)
		cfg.TraceBased = lp.Configurator.traceBased()
		if !d.model.Disabled {
			d.warnings.tell()
			built, err := s.build(lp.Processors)
			if err != nil {
				s.close(steps)
				return nil, err
			}
			steps = append(steps, built...)
		}
	}
	if d.model.Disabled {
		s.close(steps)
		steps = nil
	}
	rt, err := NewRuntime(cfg, steps...)
	if err != nil {
		return nil, err
	}
	rt.reopeners = s.reopeners
	return rt, nil
}

// RuntimeConfig configures a [Runtime] that is made in Go.
type RuntimeConfig struct {
	// Resource describes the process; nil is the SDK's default. As with every
	// SDK provider, OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES add what it
	// leaves open.
	Resource *resource.Resource
	// Limits bound the attributes of records.
	Limits processors.Limits
	// Levels are the configured levels; SLUICE_LEVELS goes over them.
	Levels processors.LevelRules
	// TraceBased is as in [processors.Config].
	TraceBased map[string]bool
	// MeterProvider is as in [processors.Config].
	MeterProvider metric.MeterProvider
	// Redact puts a step in front of all others that redacts secrets, unless
	// there is a [processors.Redact] in front of every step that delivers.
	Redact bool
}

// DefaultRuntimeConfig returns a RuntimeConfig with the standard's limits,
// which redacts secrets.
func DefaultRuntimeConfig() RuntimeConfig {
	return RuntimeConfig{Limits: processors.DefaultLimits(), Redact: true}
}

// Runtime is a running pipeline with its ways in: slog loggers, and an
// OpenTelemetry LoggerProvider. All methods are safe for concurrent use.
type Runtime struct {
	pipeline *processors.Pipeline
	provider *sdklog.LoggerProvider
	// reopeners are the exporters of the configuration that can reopen.
	reopeners []exporters.Reopener

	mu      sync.Mutex
	loggers map[string]*slog.Logger
	restore func() // undoes SetDefault
	stopped chan struct{}
	stop    sync.Once
}

// maxLoggers bounds the loggers that are kept: names may be input.
const maxLoggers = 1024

// NewRuntime starts a Runtime of the given steps, which it then owns: Shutdown
// shuts them down, and so does a failure of NewRuntime itself.
func NewRuntime(cfg RuntimeConfig, steps ...processors.Processor) (*Runtime, error) {
	res := cfg.Resource
	if res == nil {
		res = resource.Default()
	}
	levels := processors.NewLevels()
	levels.Configure(cfg.Levels)
	err := levels.FromEnvironment()
	if err == nil && cfg.Redact {
		steps, err = redacted(steps)
	}
	var pipeline *processors.Pipeline
	if err == nil {
		pipeline, err = processors.NewPipeline(processors.Config{
			Resource:      recordResource(res),
			Limits:        cfg.Limits,
			Levels:        levels,
			TraceBased:    cfg.TraceBased,
			MeterProvider: cfg.MeterProvider,
		}, steps...)
	}
	if err != nil {
		(&starter{ctx: context.Background()}).close(steps)
		return nil, fmt.Errorf("config: %w", err)
	}
	return &Runtime{
		pipeline: pipeline,
		provider: sdklog.NewLoggerProvider(append(pipeline.ProviderOptions(), sdklog.WithResource(res))...),
		loggers:  map[string]*slog.Logger{},
		stopped:  make(chan struct{}),
	}, nil
}

// recordResource returns what an SDK provider with the resource attaches to
// its records, so that both ways into the pipeline give the same record.
func recordResource(res *resource.Resource) *record.Resource {
	merged, err := resource.Merge(resource.Environment(), res)
	if err != nil {
		otel.Handle(fmt.Errorf("config: resource: %w", err))
	}
	return &record.Resource{Attributes: merged.Attributes(), SchemaURL: merged.SchemaURL()}
}

// Logger returns the logger with that name, which goes directly into the
// pipeline. Names form a hierarchy at "." and "/", as package bridge has it.
func (r *Runtime) Logger(name string) *slog.Logger {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, ok := r.loggers[name]
	if !ok {
		l = bridge.NewLogger(name, bridge.WithPipeline(r.pipeline))
		if len(r.loggers) < maxLoggers {
			r.loggers[name] = l
		}
	}
	return l
}

// LoggerProvider returns an OpenTelemetry provider in front of the pipeline,
// for bridges of other libraries. Shutting it down stops the pipeline too.
func (r *Runtime) LoggerProvider() *sdklog.LoggerProvider { return r.provider }

// Levels returns the levels that the loggers obey. They can be changed while
// the runtime runs.
func (r *Runtime) Levels() *processors.Levels { return r.pipeline.Levels() }

// Pipeline returns the pipeline.
func (r *Runtime) Pipeline() *processors.Pipeline { return r.pipeline }

// Stats returns the books of every exporter.
func (r *Runtime) Stats() processors.Stats { return r.pipeline.Stats() }

// Health returns how the pipeline and its exporters do.
func (r *Runtime) Health() processors.Health { return r.pipeline.Health() }

// ForceFlush exports what was logged before the call, within ctx's deadline.
func (r *Runtime) ForceFlush(ctx context.Context) error { return r.pipeline.ForceFlush(ctx) }

// Reopen has the exporters of the configuration that write to files open those
// anew whose path names another file now: see [exporters.Reopener]. It waits
// for the writes under way. After Shutdown it does nothing.
func (r *Runtime) Reopen() error {
	var errs []error
	for _, e := range r.reopeners {
		errs = append(errs, e.Reopen())
	}
	return errors.Join(errs...)
}

// Shutdown drains all exporters in parallel and closes them. What could not be
// sent within ctx's deadline is counted as dropped: see Stats, which stays
// readable. Later calls wait for the first one and return nil; what is logged
// afterwards goes nowhere.
func (r *Runtime) Shutdown(ctx context.Context) error {
	first := false
	r.stop.Do(func() { first = true })
	if !first {
		select {
		case <-r.stopped:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer close(r.stopped)
	r.mu.Lock()
	restore := r.restore
	r.restore = nil
	r.mu.Unlock()
	if restore != nil {
		restore()
	}
	// The pipeline first: it releases producers that wait for room, without
	// which the provider would wait for them; and the provider does not reach
	// its processor at all when ctx is done.
	err := r.pipeline.Shutdown(ctx)
	if perr := r.provider.Shutdown(ctx); ctx.Err() == nil {
		err = errors.Join(err, perr)
	}
	return err
}
