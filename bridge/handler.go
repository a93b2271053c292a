package bridge

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// severityOffset is what OpenTelemetry adds to slog's levels: slog.LevelInfo
// is 0, SeverityInfo 9.
const severityOffset = slog.Level(log.SeverityInfo) - slog.LevelInfo

// The levels that severities 1 and 24 have.
const (
	minLevel = slog.Level(log.SeverityTrace1) - severityOffset
	maxLevel = slog.Level(log.SeverityFatal4) - severityOffset
)

// severityTexts holds the levels' names, which slog formats anew at each call.
// Two of them are words in OpenTelemetry that slog has not.
var severityTexts = func() (texts [maxLevel - minLevel + 1]string) {
	for i := range texts {
		texts[i] = (minLevel + slog.Level(i)).String()
	}
	texts[0] = "TRACE"
	texts[slog.Level(log.SeverityFatal1)-severityOffset-minLevel] = "FATAL"
	return texts
}()

func clampLevel(l slog.Level) slog.Level { return min(max(l, minLevel), maxLevel) }

// Handler is the [slog.Handler] of the bridge. It is immutable and safe for
// concurrent use.
type Handler struct {
	*front
	// level is nil when only the provider behind otelslog decides.
	level *processors.Level
	// Exactly one of direct and through is set.
	direct  *processors.Logger
	through slog.Handler

	// attrs are the With attributes given before any group was opened, err
	// the first error of all With attributes.
	attrs  []attribute.KeyValue
	err    thrown
	groups []group
}

// front is what a handler shares with all those derived from it.
type front struct {
	source     bool
	stackLevel slog.Leveler
	flush      func(context.Context) error
	// lost counts the records that the pipeline has lost, if there is one.
	lost func() uint64
	// reported holds the types whose methods were reported as panicking.
	reported sync.Map
}

// group is an open group, outermost first in Handler.groups.
type group struct {
	name  string
	attrs []attribute.KeyValue
}

var _ slog.Handler = (*Handler)(nil)

// NewLogger returns a logger on [NewHandler].
func NewLogger(name string, opts ...Option) *slog.Logger {
	return slog.New(NewHandler(name, opts...))
}

// NewHandler returns a handler for the logger with that name, which is the
// name of the instrumentation scope; names form a hierarchy at "." and "/".
func NewHandler(name string, opts ...Option) *Handler {
	c := config{stackLevel: slog.LevelError}
	for _, opt := range opts {
		opt(&c)
	}
	c.scope.Name = name
	h := &Handler{front: &front{source: c.source, stackLevel: c.stackLevel}}
	if c.pipeline != nil {
		h.direct = c.pipeline.Logger(c.scope)
		h.level = h.direct.Level()
		h.flush = c.pipeline.ForceFlush
		h.lost = func() uint64 { return lostOf(c.pipeline.Stats()) }
		return h
	}
	h.through = newThrough(c)
	h.flush = func(ctx context.Context) error { return flushProvider(ctx, c.provider) }
	h.lost = func() uint64 { return 0 }
	if c.levels != nil {
		h.level = c.levels.For(name, nil)
	}
	return h
}

// Enabled reports whether a record of that level would go anywhere.
func (h *Handler) Enabled(ctx context.Context, l slog.Level) bool {
	l = clampLevel(l)
	if h.level != nil && !h.level.Enabled(log.Severity(l+severityOffset)) {
		return false
	}
	return h.through == nil || h.through.Enabled(ctx, l)
}

// Handle converts r and hands it on. The error is the pipeline's; behind
// otelslog errors go to OpenTelemetry's error handler instead.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	r.Level = clampLevel(r.Level)
	if h.direct == nil {
		return h.handleThrough(ctx, &r)
	}
	c := newConverter()
	fill(ctx, &c.rec, &r)
	c.rec.Attributes = append(c.rec.Attributes, h.attrs...)
	c.addAll(ctx, h, &r, nil)
	err := h.direct.Emit(ctx, &c.rec)
	h.report(c.panics)
	c.release()
	return err
}

// ForceFlush delivers what was logged before the call, within ctx's deadline:
// it is the pipeline's, or the provider's where that has one.
func (h *Handler) ForceFlush(ctx context.Context) error { return h.flush(ctx) }

// WithAttrs converts attrs once, for all records of the returned handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	kvs, err, panics := convertAttrs(attrs)
	h.report(panics)
	h2 := *h
	if h2.err.err == nil {
		h2.err = err
	}
	if n := len(h.groups); n > 0 {
		h2.groups = slices.Clone(h.groups)
		last := &h2.groups[n-1]
		last.attrs = slices.Concat(last.attrs, kvs)
		return &h2
	}
	h2.attrs = slices.Concat(h.attrs, kvs)
	if h.through != nil && len(kvs) > 0 {
		h2.through = h.through.WithAttrs(toSlog(nil, kvs))
	}
	return &h2
}

// WithGroup opens a group for the attributes that follow.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	h2 := *h
	h2.groups = append(slices.Clip(h.groups), group{name: name})
	return &h2
}

// report tells OpenTelemetry's error handler of methods that panicked, once
// for each type.
func (f *front) report(panics []panicked) {
	for _, p := range panics {
		if _, known := f.reported.LoadOrStore(p.typ, struct{}{}); !known {
			otel.Handle(p.err)
		}
	}
}

// panicked is a panic in a method of a logged value's type.
type panicked struct {
	typ reflect.Type
	err error
}

// convertAttrs converts attributes to keep.
func convertAttrs(attrs []slog.Attr) ([]attribute.KeyValue, thrown, []panicked) {
	c := newConverter()
	for _, a := range attrs {
		c.add(a)
	}
	kvs, err, panics := slices.Clone(c.rec.Attributes), c.err, slices.Clone(c.panics)
	c.release()
	return kvs, err, panics
}

// fill sets all of dst but its attributes.
func fill(ctx context.Context, dst *record.Record, r *slog.Record) {
	dst.Timestamp = r.Time
	dst.Observed = r.Time // the log call is where it is first seen
	if r.Time.IsZero() {
		dst.Observed = time.Now()
	}
	dst.Severity = log.Severity(r.Level + severityOffset)
	dst.SeverityText = severityTexts[r.Level-minLevel]
	dst.Body = attribute.StringValue(r.Message)
	sc := trace.SpanContextFromContext(ctx)
	dst.TraceID, dst.SpanID, dst.TraceFlags = sc.TraceID(), sc.SpanID(), sc.TraceFlags()
}
