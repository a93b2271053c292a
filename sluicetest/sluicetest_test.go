package sluicetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/log"
)

// complaints is a testing.TB that keeps what it is told.
type complaints struct {
	testing.TB
	said []string
}

func (c *complaints) Helper() {}
func (c *complaints) Errorf(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

func TestAssertLogged(t *testing.T) {
	rec := New(t)
	l := rec.Logger("shop.cart").With("tenant", "a").WithGroup("order")
	l.Warn("refused", "id", 7, slog.Group("customer", "name", "Ann"))
	rec.Logger("shop").Error("failed", "err", errors.New("no route"), "tags", []string{"x", "y"})
	rec.Logger("shop").Debug("detail")

	for name, c := range map[string]struct {
		level slog.Level
		msg   string
		attrs []any
		want  bool
	}{
		"no attributes":        {slog.LevelWarn, "refused", nil, true},
		"With attribute":       {slog.LevelWarn, "refused", []any{"tenant", "a"}, true},
		"group":                {slog.LevelWarn, "refused", []any{slog.Group("order", "id", 7, slog.Group("customer", "name", "Ann"))}, true},
		"error":                {slog.LevelError, "failed", []any{"err", errors.New("no route")}, true},
		"asked-for exception":  {slog.LevelError, "failed", []any{"exception.message", "no route"}, true},
		"slice":                {slog.LevelError, "failed", []any{"tags", []string{"x", "y"}}, true},
		"debug":                {slog.LevelDebug, "detail", nil, true},
		"another level":        {slog.LevelError, "refused", nil, false},
		"part of the message":  {slog.LevelWarn, "refuse", nil, false},
		"another value":        {slog.LevelWarn, "refused", []any{"tenant", "b"}, false},
		"another type":         {slog.LevelWarn, "refused", []any{"tenant", 1}, false},
		"missing attribute":    {slog.LevelWarn, "refused", []any{"user", "a"}, false},
		"another error":        {slog.LevelError, "failed", []any{"err", errors.New("no rout")}, false},
		"one of two is wrong":  {slog.LevelError, "failed", []any{"tags", []string{"x", "y"}, "n", 1}, false},
		"another slice":        {slog.LevelError, "failed", []any{"tags", []string{"x"}}, false},
		"exception of another": {slog.LevelError, "failed", []any{"exception.message", "other"}, false},
	} {
		tb := &complaints{TB: t}
		rec.AssertLogged(tb, c.level, c.msg, c.attrs...)
		if got := len(tb.said) == 0; got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if !c.want && !strings.Contains(strings.Join(tb.said, ""), "shop.cart") {
			t.Errorf("%s: the log does not show: %s", name, tb.said)
		}
	}
}

func TestAssertNone(t *testing.T) {
	rec := New(t)
	rec.Logger("a").Warn("careful")
	tb := &complaints{TB: t}
	rec.AssertNone(tb, slog.LevelError)
	if len(tb.said) > 0 {
		t.Errorf("complains about %s", tb.said)
	}
	rec.AssertNone(tb, slog.LevelWarn)
	if len(tb.said) != 1 || !strings.Contains(tb.said[0], "careful") {
		t.Errorf("said %q", tb.said)
	}
	rec.Reset()
	rec.AssertNone(t, slog.LevelDebug)
}

// Levels set from outside do not change what a test sees; levels that the
// test sets do.
func TestLevels(t *testing.T) {
	t.Setenv("SLUICE_LEVELS", "off")
	rec := New(t)
	rec.Logger("a").Debug("detail")
	rec.AssertLogged(t, slog.LevelDebug, "detail")
}

func TestBothWaysIn(t *testing.T) {
	rec := New(t)
	var r log.Record
	r.SetSeverity(log.SeverityInfo)
	rec.LoggerProvider().Logger("otel").Emit(t.Context(), r)
	if recs := rec.Records(); len(recs) != 1 || recs[0].Logger() != "otel" {
		t.Errorf("records: %+v", recs)
	}
}

// The recorder ends with its test; what a default logger was comes back.
func TestCleanup(t *testing.T) {
	before := slog.Default()
	var rec *Recorder
	t.Run("inner", func(t *testing.T) {
		rec = New(t)
		rec.SetDefault("app")
		slog.Info("through the default")
		rec.AssertLogged(t, slog.LevelInfo, "through the default")
	})
	if slog.Default() != before {
		t.Error("slog's default is still the recorder's")
	}
	rec.Logger("late").Info("nobody listens")
	if n := len(rec.Records()); n != 1 {
		t.Errorf("%d records", n)
	}
	if err := rec.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}
