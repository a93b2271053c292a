package processors

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"

	"github.com/seed2f724858/sluice/record"
)

// Config configures a [Pipeline].
type Config struct {
	// Resource describes the process that logs. It is used for records that
	// come directly; those that come through the SDK carry their provider's.
	Resource *record.Resource
	// Limits bound the attributes of every record.
	Limits Limits
	// Levels decides which severities loggers log; nil means levels of the
	// pipeline's own, without rules.
	Levels *Levels
	// TraceBased says, for loggers by name or glob as in [LevelRules], whether
	// records that belong to a trace which is not sampled are refused.
	TraceBased map[string]bool
	// MeterProvider gets the books as metrics; nil means OpenTelemetry's global
	// one. Pipelines with exporters of the same names want providers of their
	// own.
	MeterProvider metric.MeterProvider
}

// DefaultConfig returns a Config with [DefaultLimits].
func DefaultConfig() Config { return Config{Limits: DefaultLimits()} }

// Pipeline takes records and hands them down a list of steps. Records come
// directly, through a [Logger], or from an OpenTelemetry SDK provider, whose
// Processor it is: both ways are treated alike. It removes duplicate keys (the
// last one wins) and applies the limits before the first step, so a provider
// in front of it should leave that alone: see [Pipeline.ProviderOptions].
//
// All methods are safe for concurrent use.
type Pipeline struct {
	resource   *record.Resource
	limits     Limits
	levels     *Levels
	traceBased map[string]bool
	chain      *chain
	spools     []sharedQueue

	// The SDK asks Enabled without a resource: two caches, so that neither
	// question spoils the other's fast path.
	enabled, emitted sdkLoggers

	feedback *feedback
	meters   *meters
	failures *failures
	filtered atomic.Uint64
	closed   atomic.Bool
	ending   ending

	// first is the step that redacts, if it stands in front of all others: the
	// pipeline calls it itself. entry is what follows, readOnly says that this
	// changes no record. later are the redacts further down the list.
	first    *Redact
	entry    Next
	readOnly bool
	later    []*Redact
}

// NewPipeline returns a pipeline of the given steps, which it then owns:
// Shutdown shuts them down.
func NewPipeline(cfg Config, steps ...Processor) (*Pipeline, error) {
	c, err := newChain(steps)
	if err != nil {
		return nil, err
	}
	p := &Pipeline{
		entry:      c.first,
		readOnly:   c.readOnly,
		resource:   cfg.Resource,
		limits:     cfg.Limits,
		levels:     cfg.Levels,
		traceBased: cfg.TraceBased,
		chain:      c,
		feedback:   &feedback{},
		failures:   newFailures(),
		ending:     newEnding(),
	}
	if p.resource == nil {
		p.resource = &record.Resource{}
	}
	if p.levels == nil {
		p.levels = NewLevels()
	}
	for i, step := range c.steps {
		switch s, ok := step.(*Redact); {
		case ok && i == 0:
			p.first, p.entry, p.readOnly = s, c.rest, c.restReadOnly
		case ok:
			p.later = append(p.later, s)
		}
	}
	p.failures.tell = p.feedback.callHandler
	if p.meters, err = newMeters(cfg.MeterProvider, p.Stats); err != nil {
		p.failures.add(err) // no reason not to log
	}
	for _, step := range c.all() {
		if s, ok := inner(step).(interface{ reports() *failures }); ok {
			s.reports().tell = p.feedback.callHandler
		}
	}
	p.spools = sharedQueues(c.branches(), p.feedback.callHandler)
	name := namer{}
	for _, b := range c.branches() {
		if b, ok := b.(linkable); ok {
			b.join(p.feedback, p.meters, name.of(statsOf(b).Name))
		}
	}
	return p, nil
}

// namer gives names that occur more than once a number from the second on
// ("file", "file/2"), as package config does.
type namer map[string]bool

func (n namer) of(name string) string {
	unique := name
	for i := 2; n[unique]; i++ {
		unique = name + "/" + strconv.Itoa(i)
	}
	n[unique] = true
	return unique
}

// Levels returns the levels that the pipeline's loggers obey.
func (p *Pipeline) Levels() *Levels { return p.levels }

// Refresh computes the loggers' levels again after a step changed what it is
// Enabled for.
func (p *Pipeline) Refresh() { p.levels.Refresh() }

// Stats returns the books of the pipeline, its steps and every exporter below
// it, under names that tell them apart.
func (p *Pipeline) Stats() Stats {
	s := Stats{Filtered: p.filtered.Load(), Feedback: p.feedback.stopped.Load(), Steps: p.chain.books()}
	name := namer{}
	for i := range s.Steps {
		s.Steps[i].Name = name.of(s.Steps[i].Name)
	}
	name = namer{}
	for _, b := range p.chain.branches() {
		e := statsOf(b)
		e.Name = name.of(e.Name)
		s.Exporters = append(s.Exporters, e)
	}
	for _, q := range p.spools {
		e := rowOf(q.queue)
		e.Name = name.of(e.Name)
		s.Exporters = append(s.Exporters, e)
	}
	return s
}

// Health returns how the pipeline and its exporters do.
func (p *Pipeline) Health() Health { return p.Stats().health(p.closed.Load(), time.Now()) }

// floor returns the lowest severity of scope's records that an exporter
// accepts.
func (p *Pipeline) floor(scope *record.Origin) log.Severity {
	for sev := log.SeverityTrace1; sev <= log.SeverityFatal4; sev++ {
		if p.chain.enabled(context.Background(), scope, sev, "") {
			if sev == log.SeverityTrace1 {
				return log.SeverityUndefined
			}
			return sev
		}
	}
	if p.chain.enabled(context.Background(), scope, log.SeverityUndefined, "") {
		return log.SeverityFatal4
	}
	return SeverityOff
}

// emit sends a record down the list, unless it is refused: redacted, if that
// comes first, and normalized, which it reports both.
func (p *Pipeline) emit(ctx context.Context, l *Logger, r *record.Record) (refused, changed bool, err error) {
	if !l.level.Enabled(r.Severity) || (l.traceBased && r.TraceID.IsValid() && !r.TraceFlags.IsSampled()) {
		p.filtered.Add(1)
		return true, false, nil
	}
	if p.feedback.underWay.Load() != 0 && p.feedback.stops(ctx, l, r, p.failures) {
		return true, false, nil
	}
	r.Origin = l.origin
	if p.first != nil {
		// Before the limits: half a secret may not look like one.
		changed, err = p.first.redact(ctx, r)
	}
	if err == nil {
		changed = p.limits.normalize(r) || changed
		err = p.entry(ctx, r)
	}
	if err != nil {
		p.failures.add(err)
	}
	return false, changed, err
}

// ForceFlush exports all records that were emitted before the call.
func (p *Pipeline) ForceFlush(ctx context.Context) error {
	if p.closed.Load() {
		return nil
	}
	return p.chain.forceFlush(ctx)
}

// Shutdown releases producers that wait for room, drains all branches in
// parallel within ctx's deadline and shuts the exporters down. What could not
// be sent is counted as dropped. Further calls wait for the first one and
// return nil, or ctx's error if that comes first.
func (p *Pipeline) Shutdown(ctx context.Context) error {
	return p.ending.run(ctx, func() error {
		p.closed.Store(true)
		err := p.chain.shutdown(ctx)
		for _, q := range p.spools {
			q.reporter.close(ctx)
		}
		p.failures.close(ctx)
		return errors.Join(err, p.meters.close())
	})
}

// Logger emits records of one instrumentation scope directly into a
// [Pipeline]. It is safe for concurrent use.
type Logger struct {
	pipeline   *Pipeline
	origin     *record.Origin
	level      *Level
	traceBased bool
}

// Logger returns a logger for scope. Loggers are light; keep one per name all
// the same, because encoders group records by it.
func (p *Pipeline) Logger(scope record.Scope) *Logger {
	return p.logger(&record.Origin{Resource: p.resource, Scope: scope})
}

// LoggerFor returns a logger for records whose resource is their own, such as
// those that OTLP brings. origin must not be changed any more.
func (p *Pipeline) LoggerFor(origin *record.Origin) *Logger { return p.logger(origin) }

func (p *Pipeline) logger(origin *record.Origin) *Logger {
	l := &Logger{
		pipeline: p,
		origin:   origin,
		level:    p.levels.For(origin.Scope.Name, func() log.Severity { return p.floor(origin) }),
	}
	l.traceBased, _ = ruleFor(p.traceBased, origin.Scope.Name)
	return l
}

// Enabled reports whether a record of that severity may reach an exporter.
func (l *Logger) Enabled(ctx context.Context, sev log.Severity, event string) bool {
	return l.level.Enabled(sev) && !l.pipeline.closed.Load()
}

// Level returns the logger's effective level, which stays current.
func (l *Logger) Level() *Level { return l.level }

// Origin returns what Emit sets as the origin of records.
func (l *Logger) Origin() *record.Origin { return l.origin }

// Emit sends r down the pipeline. r is borrowed: it may be changed, and is the
// caller's again when Emit returns. Its trace fields are taken as they are.
//
// The error is a step's or a synchronous exporter's. It is told to
// OpenTelemetry's error handler too, from another goroutine, because that may
// log in its turn.
func (l *Logger) Emit(ctx context.Context, r *record.Record) error {
	_, _, err := l.pipeline.emit(ctx, l, r)
	return err
}
