package bridge

import (
	"context"
	"log/slog"
	"math"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/attribute"
)

func newThrough(c config) slog.Handler {
	opts := []otelslog.Option{
		otelslog.WithVersion(c.scope.Version),
		otelslog.WithSchemaURL(c.scope.SchemaURL),
		otelslog.WithAttributes(c.scope.Attributes...),
	}
	if c.provider != nil {
		opts = append(opts, otelslog.WithLoggerProvider(c.provider))
	}
	return otelslog.NewHandler(c.scope.Name, opts...)
}

// handleThrough hands r to otelslog: as it is when otelslog loses nothing of
// it, else with attributes that are already converted.
func (h *Handler) handleThrough(ctx context.Context, r *slog.Record) error {
	if !h.source && len(h.groups) == 0 && h.err.err == nil && contextAttrs(ctx) == nil && plain(r) {
		return h.through.Handle(ctx, *r)
	}
	c := newConverter()
	c.addAll(ctx, h, r, h.attrs)
	c.attrs = toSlog(c.attrs[:0], c.rec.Attributes)
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	out.AddAttrs(c.attrs...)
	clear(c.attrs)
	err := h.through.Handle(ctx, out)
	h.report(c.panics)
	c.release()
	return err
}

// plain reports whether otelslog converts all of r's attributes as the bridge
// does.
func plain(r *slog.Record) bool {
	is := true
	r.Attrs(func(a slog.Attr) bool {
		switch a.Value.Kind() {
		case slog.KindString, slog.KindInt64, slog.KindBool, slog.KindFloat64, slog.KindDuration:
		case slog.KindUint64:
			is = a.Value.Uint64() <= math.MaxInt64
		case slog.KindTime:
			is = instant(a.Value.Time()).Type() == attribute.INT64
		default:
			is = false
		}
		is = is && a.Key != "" && a.Key != badKey
		return is
	})
	return is
}

// toSlog appends converted attributes in a form that otelslog keeps: scalars
// as slog's own, so that they need no allocation, the rest as attribute.Value.
func toSlog(dst []slog.Attr, kvs []attribute.KeyValue) []slog.Attr {
	for _, kv := range kvs {
		var v slog.Value
		switch kv.Value.Type() {
		case attribute.STRING:
			v = slog.StringValue(kv.Value.AsString())
		case attribute.INT64:
			v = slog.Int64Value(kv.Value.AsInt64())
		case attribute.BOOL:
			v = slog.BoolValue(kv.Value.AsBool())
		case attribute.FLOAT64:
			v = slog.Float64Value(kv.Value.AsFloat64())
		case attribute.EMPTY:
		default:
			v = slog.AnyValue(kv.Value)
		}
		dst = append(dst, slog.Attr{Key: string(kv.Key), Value: v})
	}
	return dst
}
