package main

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

// The record that every contestant logs: a logger's name, a message and five
// attributes, the second of which tells records apart.
const (
	loggerName = "shop.cart"
	message    = "payment accepted"

	keyCustomer = "customer"
	keyID       = "id"
	keyTook     = "took"
	keyRetried  = "retried"
	keyAmount   = "amount"

	customer = "c-4711-eu-west"
	took     = 1234567 * time.Nanosecond
	retried  = true
	amount   = 129.95
)

// session is an open contestant. Each function loops by itself, so that the
// call through the interface is not what is measured; ids count up from `from`.
type session struct {
	// call logs n records with the five attributes in the call.
	call func(from, n int)
	// with logs the same records with all but the id bound to the logger.
	with func(from, n int)
	// disabled makes n calls below the enabled level.
	disabled func(n int)
	// close delivers what is still queued and releases everything.
	close func() error
}

// slogSession logs through l, which must log INFO; quiet must not log DEBUG.
func slogSession(l, quiet *slog.Logger, closer func() error) *session {
	ctx := context.Background()
	bound := l.With(slog.String(keyCustomer, customer), slog.Duration(keyTook, took),
		slog.Bool(keyRetried, retried), slog.Float64(keyAmount, amount))
	return &session{
		call: func(from, n int) {
			for id := from; id < from+n; id++ {
				l.LogAttrs(ctx, slog.LevelInfo, message,
					slog.String(keyCustomer, customer), slog.Int(keyID, id), slog.Duration(keyTook, took),
					slog.Bool(keyRetried, retried), slog.Float64(keyAmount, amount))
			}
		},
		with: func(from, n int) {
			for id := from; id < from+n; id++ {
				bound.LogAttrs(ctx, slog.LevelInfo, message, slog.Int(keyID, id))
			}
		},
		disabled: func(n int) {
			for id := range n {
				quiet.LogAttrs(ctx, slog.LevelDebug, message,
					slog.String(keyCustomer, customer), slog.Int(keyID, id), slog.Duration(keyTook, took),
					slog.Bool(keyRetried, retried), slog.Float64(keyAmount, amount))
			}
		},
		close: closer,
	}
}

// prebuilt returns n records that only need their id, the second attribute.
func prebuilt(n int) []record.Record {
	now := time.Now()
	origin := &record.Origin{Scope: record.Scope{Name: loggerName}}
	recs := make([]record.Record, n)
	for i := range recs {
		recs[i] = record.Record{
			Timestamp: now, Observed: now, Severity: log.SeverityInfo, SeverityText: "INFO",
			Body: attribute.StringValue(message), Origin: origin,
			Attributes: []attribute.KeyValue{
				attribute.String(keyCustomer, customer), attribute.Int(keyID, i), attribute.Int64(keyTook, int64(took)),
				attribute.Bool(keyRetried, retried), attribute.Float64(keyAmount, amount),
			},
		}
	}
	return recs
}
