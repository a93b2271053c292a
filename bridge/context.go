package bridge

import (
	"context"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/attribute"
)

type contextKey struct{}

// contextValues are the converted attributes of a context.
type contextValues struct {
	attrs []attribute.KeyValue
	err   thrown
	// panics wait for a handler that can report them.
	panics []panicked
}

// With returns a context whose attributes stand on every record that is logged
// with it or with a context derived from it, behind those that ctx has
// already. They are converted once, here, and never fall into a group of
// Logger.WithGroup. A key set by Logger.With is overridden by the context's,
// which the log call's own overrides.
func With(ctx context.Context, attrs ...slog.Attr) context.Context {
	if len(attrs) == 0 {
		return ctx
	}
	var v contextValues
	v.attrs, v.err, v.panics = convertAttrs(attrs)
	if above := contextAttrs(ctx); above != nil {
		v.attrs = slices.Concat(above.attrs, v.attrs)
		v.panics = slices.Concat(above.panics, v.panics)
		if v.err.err == nil {
			v.err = above.err
		}
	}
	return context.WithValue(ctx, contextKey{}, &v)
}

func contextAttrs(ctx context.Context) *contextValues {
	if ctx == nil {
		return nil
	}
	v, _ := ctx.Value(contextKey{}).(*contextValues)
	return v
}
