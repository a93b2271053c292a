package processors

import (
	"context"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

var _ sdklog.Processor = (*Pipeline)(nil)

// ProviderOptions returns what an SDK provider in front of the pipeline should
// be made with: the pipeline as its processor, and the SDK's own handling of
// duplicate keys and limits switched off, because the pipeline does that work.
func (p *Pipeline) ProviderOptions() []sdklog.LoggerProviderOption {
	return []sdklog.LoggerProviderOption{
		sdklog.WithProcessor(p),
		sdklog.WithAllowKeyDuplication(),
		sdklog.WithAttributeCountLimit(-1),
		sdklog.WithAttributeValueLengthLimit(-1),
		sdklog.WithAttributeValueDepthLimit(-1),
	}
}

// Enabled implements the SDK's Processor.
func (p *Pipeline) Enabled(ctx context.Context, param sdklog.EnabledParameters) bool {
	if p.closed.Load() {
		return false
	}
	l := p.enabled.of(p, nil, &param.InstrumentationScope)
	return l.level.Enabled(param.Severity) &&
		(param.EventName == "" || p.chain.enabled(ctx, l.origin, param.Severity, param.EventName))
}

// OnEmit implements the SDK's Processor. It returns nil: the SDK would call the
// error handler before the log call returns (see [Logger.Emit]). What duplicates, limits and steps
// changed is written back, so that a processor registered behind the pipeline
// sees the same record (but not the number of dropped attributes, which the
// SDK offers no way to set).
func (p *Pipeline) OnEmit(ctx context.Context, src *sdklog.Record) error {
	closed := p.closed.Load()
	if closed && p.first == nil && p.later == nil {
		return nil
	}
	scope := src.InstrumentationScope()
	l := p.emitted.of(p, src.Resource(), &scope)
	r := scratch.Get().(*record.Record)
	exporters.FromSDK(r, src, l.origin)
	nameSeverity(r)
	refused, changed := true, false
	if !closed {
		refused, changed, _ = p.emit(ctx, l, r)
	}
	// What the pipeline does not take, or stops before a redact of its list,
	// goes to the SDK's other processors all the same.
	if refused && p.first != nil {
		changed, _ = p.first.redact(ctx, r)
	}
	for _, s := range p.later {
		hidden, _ := s.redact(ctx, r)
		changed = changed || hidden
	}
	if changed || !refused && !p.readOnly {
		writeBack(src, r)
	}
	// What r refers to stays until the next record overwrites it, or the
	// garbage collector empties the pool.
	putScratch(r)
	return nil
}

// nameSeverity gives two severities the names that OpenTelemetry has for them
// and slog, whose words otelslog brings, has not.
func nameSeverity(r *record.Record) {
	switch {
	case r.Severity == log.SeverityFatal1 && r.SeverityText == "ERROR+4":
		r.SeverityText = "FATAL"
	case r.Severity == log.SeverityTrace1 && r.SeverityText == "DEBUG-4":
		r.SeverityText = "TRACE"
	}
}

// maxScratch bounds the attributes for which memory is kept between records.
const maxScratch = 1024

func putScratch(r *record.Record) {
	if cap(r.Attributes) <= maxScratch {
		scratch.Put(r)
	}
}

var scratch = sync.Pool{New: func() any {
	return &record.Record{Attributes: make([]attribute.KeyValue, 0, 16)}
}}

func writeBack(dst *sdklog.Record, r *record.Record) {
	dst.SetTimestamp(r.Timestamp)
	dst.SetObservedTimestamp(r.Observed)
	dst.SetSeverity(r.Severity)
	dst.SetSeverityText(r.SeverityText)
	dst.SetEventName(r.EventName)
	dst.SetBody(r.Body)
	dst.SetAttributes(r.Attributes...)
}

// maxSDKLoggers bounds the cache; scope names may come from input.
const maxSDKLoggers = 4096

// sdkLoggers finds the pipeline's logger for the SDK's resources and scopes.
type sdkLoggers struct {
	origins exporters.Origins
	last    atomic.Pointer[sdkLogger]
	mu      sync.RWMutex
	loggers map[*record.Origin]*sdkLogger
}

type sdkLogger struct {
	*Logger
	resource *resource.Resource
	scope    instrumentation.Scope
}

func (s *sdkLoggers) of(p *Pipeline, res *resource.Resource, scope *instrumentation.Scope) *Logger {
	// Records come in runs of one logger.
	if l := s.last.Load(); l != nil && l.resource == res && l.scope == *scope {
		return l.Logger
	}
	origin := s.origins.Get(res, *scope)
	s.mu.RLock()
	l := s.loggers[origin]
	s.mu.RUnlock()
	if l == nil {
		made := p.logger(origin) // which may ask users' code, that may log
		s.mu.Lock()
		if l = s.loggers[origin]; l == nil {
			if s.loggers == nil || len(s.loggers) >= maxSDKLoggers {
				s.loggers = make(map[*record.Origin]*sdkLogger)
			}
			l = &sdkLogger{made, res, *scope}
			s.loggers[origin] = l
		}
		s.mu.Unlock()
	}
	s.last.Store(l)
	return l.Logger
}
