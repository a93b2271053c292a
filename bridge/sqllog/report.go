package sqllog

import (
	"context"
	"database/sql/driver"
	"errors"
	"log/slog"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// reporter makes records of operations. It is immutable, and safe for
// concurrent use.
type reporter struct {
	logger     *slog.Logger
	system     string
	quotes     quotes
	slow       time.Duration
	literals   bool
	parameters bool
}

// operation is something the driver did.
type operation struct {
	// name is set where it does not stand in the query.
	name string
	// auxiliary operations are worth a record only when slow or failed.
	auxiliary bool
	query     string
	args      []driver.NamedValue
	result    driver.Result
	err       error
}

// start returns the time, or the zero time when no record can result.
func (r *reporter) start(ctx context.Context) time.Time {
	if !r.logger.Enabled(ctx, slog.LevelError) {
		return time.Time{}
	}
	return time.Now()
}

// report logs op, which began at start. Nothing is built for a level that is
// off.
func (r *reporter) report(ctx context.Context, start time.Time, op operation) {
	if start.IsZero() || errors.Is(op.err, driver.ErrSkip) { // ErrSkip: database/sql tries another way
		return
	}
	took := time.Since(start)
	level := r.level(ctx, took, &op)
	if op.auxiliary && level < slog.LevelWarn || !r.logger.Enabled(ctx, level) {
		return
	}
	r.log(ctx, level, took, &op)
}

func (r *reporter) level(ctx context.Context, took time.Duration, op *operation) slog.Level {
	level := slog.LevelDebug
	switch {
	case op.err == nil || canceled(ctx, op.err):
	case errors.Is(op.err, driver.ErrBadConn):
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
	if r.slow > 0 && took >= r.slow {
		level = slog.LevelWarn
	}
	return level
}

func (r *reporter) log(ctx context.Context, level slog.Level, took time.Duration, op *operation) {
	text, seen := r.text(op)
	name := op.name
	if name == "" {
		name = operationName(text)
	}
	attrs := make([]slog.Attr, 0, 8+min(len(op.args), maxParameters))
	if r.system != "" {
		attrs = append(attrs, slog.String(string(semconv.DBSystemNameKey), r.system))
	}
	attrs = append(attrs, slog.String(string(semconv.DBOperationNameKey), name))
	if text != "" {
		attrs = append(attrs, slog.String(string(semconv.DBQueryTextKey), text))
	}
	if r.parameters {
		attrs = appendParameters(attrs, op.args, seen.secretNamed())
	}
	if op.err == nil && op.result != nil {
		if n, err := op.result.RowsAffected(); err == nil {
			attrs = append(attrs, slog.Int64("db.response.affected_rows", n))
		}
	}
	attrs = append(attrs, slog.Float64("db.client.operation.duration", took.Seconds()))
	if op.err != nil {
		attrs = r.appendError(ctx, attrs, op, seen)
	}
	r.logger.LogAttrs(ctx, level, name, attrs...)
}

// text returns db.query.text, and what was seen while it was made.
func (r *reporter) text(op *operation) (string, *reading) {
	seen := read(op.query, r.quotes)
	if r.literals {
		return cut(op.query, maxText), seen
	}
	return cut(seen.masked, maxText), seen
}

func (r *reporter) appendError(ctx context.Context, attrs []slog.Attr, op *operation, seen *reading) []slog.Attr {
	err := op.err
	typ := semconv.ErrorType(err).Value.AsString()
	var state interface{ SQLState() string } // pgx, lib/pq
	switch {
	case canceled(ctx, err):
		typ = "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		typ = "timeout"
	case errors.As(err, &state) && state.SQLState() != "":
		typ = state.SQLState()
		attrs = append(attrs, slog.String(string(semconv.DBResponseStatusCodeKey), typ))
	}
	if !r.literals {
		err = &failure{err, redactText(seen.withhold(err.Error(), op.args))}
	}
	return append(attrs, slog.String(string(semconv.ErrorTypeKey), typ), slog.Any("error", err))
}

// canceled reports whether an operation failed because its context was
// canceled, whatever the driver calls that.
func canceled(ctx context.Context, err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled)
}

// failure is an error whose text lost the statement's literals and parameters.
type failure struct {
	err  error
	text string
}

func (f *failure) Error() string     { return f.text }
func (f *failure) Unwrap() error     { return f.err }
func (f *failure) ErrorType() string { return semconv.ErrorType(f.err).Value.AsString() }
