package exporters

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/seed2f724858/sluice/record"
)

// FromExporter makes an SDK exporter a Sink. An exporter that is a Sink itself
// comes back as it is.
//
// The exporter gets true SDK records, made by a private LoggerProvider for each
// resource. Two things have no way through the SDK's interface: the count of
// dropped attributes, and attributes with an empty key.
//
// The SDK's exporters retry by themselves and do not say how far they came, so
// every error of theirs is permanent for the whole batch.
func FromExporter(e sdklog.Exporter) Sink {
	if s, ok := e.(Sink); ok {
		return s
	}
	return &foreign{exporter: e, turn: NewTurn()}
}

type foreign struct {
	exporter sdklog.Exporter
	closed   atomic.Bool

	turn    Turn // Export must not run concurrently with itself; guards what follows
	loggers map[*record.Origin]log.Logger
	// providers hold the loggers of one resource each.
	providers map[*record.Resource]*sdklog.LoggerProvider
	buf       []sdklog.Record
}

// String returns the name of the exporter's package.
func (f *foreign) String() string {
	name, _, _ := strings.Cut(strings.TrimLeft(fmt.Sprintf("%T", f.exporter), "*"), ".")
	return name
}

// Write implements [Sink].
func (f *foreign) Write(ctx context.Context, recs []record.Record) (int, error) {
	if f.closed.Load() {
		return 0, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := f.turn.Lock(ctx); err != nil {
		return 0, fmt.Errorf("another export is blocked: %w", err)
	}
	defer f.turn.Unlock()
	if f.closed.Load() {
		return 0, ErrClosed
	}
	if len(recs) == 0 {
		return 0, nil
	}
	f.convert(recs)
	err := f.exporter.Export(ctx, f.buf)
	clear(f.buf)
	if cap(f.buf) > maxScratch {
		f.buf = nil
	}
	switch {
	case err == nil:
		return len(recs), nil
	case errors.Is(err, sdklog.ErrExporterShutdown):
		return 0, fmt.Errorf("%w: %w", ErrClosed, err)
	default:
		return 0, Permanent(err)
	}
}

// convert fills the buffer with SDK records.
func (f *foreign) convert(recs []record.Record) {
	f.buf = f.buf[:0]
	// Not under Write's ctx: a span there is none of the records'.
	c := &catch{into: f}
	ctx := context.WithValue(context.Background(), catchKey{}, c)
	for i := range recs {
		r := &recs[i]
		c.from = r
		var in log.Record
		in.SetTimestamp(r.Timestamp)
		in.SetSeverity(r.Severity)
		in.SetSeverityText(r.SeverityText)
		in.SetEventName(r.EventName)
		in.SetBody(r.Body)
		in.AddAttributes(r.Attributes...)
		f.logger(r.Origin).Emit(ctx, in)
	}
}

// logger returns the logger that makes records of that origin.
func (f *foreign) logger(o *record.Origin) log.Logger {
	if l := f.loggers[o]; l != nil {
		return l
	}
	if len(f.loggers) >= maxOrigins || f.loggers == nil {
		f.loggers = make(map[*record.Origin]log.Logger)
		f.providers = make(map[*record.Resource]*sdklog.LoggerProvider)
	}
	var from record.Origin
	if o != nil {
		from = *o
	}
	p := f.providers[from.Resource]
	if p == nil {
		res := resource.Empty()
		if from.Resource != nil {
			res = resource.NewWithAttributes(from.Resource.SchemaURL, from.Resource.Attributes...)
		}
		// Limits and duplicate keys were the pipeline's work.
		p = sdklog.NewLoggerProvider(
			sdklog.WithResource(res),
			sdklog.WithProcessor(catcher{}),
			sdklog.WithAllowKeyDuplication(),
			sdklog.WithAttributeCountLimit(-1),
			sdklog.WithAttributeValueLengthLimit(-1),
			sdklog.WithAttributeValueDepthLimit(-1),
		)
		f.providers[from.Resource] = p
	}
	l := p.Logger(from.Scope.Name,
		log.WithInstrumentationVersion(from.Scope.Version),
		log.WithSchemaURL(from.Scope.SchemaURL),
		log.WithInstrumentationAttributes(from.Scope.Attributes...))
	f.loggers[o] = l
	return l
}

// ForceFlush implements [Sink].
func (f *foreign) ForceFlush(ctx context.Context) error {
	if f.closed.Load() {
		return nil
	}
	return f.exporter.ForceFlush(ctx)
}

// Shutdown implements [Sink]. It waits for the export under way; one that is
// still blocked when ctx ends is left to the exporter's own Shutdown.
func (f *foreign) Shutdown(ctx context.Context) error {
	if f.closed.Swap(true) {
		return nil
	}
	if f.turn.Lock(ctx) == nil {
		defer f.turn.Unlock()
	}
	return f.exporter.Shutdown(ctx)
}

// catcher is the processor of the private providers: it hands the SDK record
// to the catch that its context carries.
type catcher struct{}

type catchKey struct{}

// catch says where a record goes, and what it was made from.
type catch struct {
	into *foreign
	from *record.Record
}

func (catcher) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }

// OnEmit completes the record with what only SDK records can be told.
func (catcher) OnEmit(ctx context.Context, r *sdklog.Record) error {
	c, ok := ctx.Value(catchKey{}).(*catch)
	if !ok {
		return errors.New("record emitted outside Write")
	}
	r.SetObservedTimestamp(c.from.Observed)
	r.SetTraceID(c.from.TraceID)
	r.SetSpanID(c.from.SpanID)
	r.SetTraceFlags(c.from.TraceFlags)
	c.into.buf = append(c.into.buf, *r)
	return nil
}

func (catcher) Shutdown(context.Context) error   { return nil }
func (catcher) ForceFlush(context.Context) error { return nil }
