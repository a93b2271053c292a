// Package demo runs a small instrumented service whose log records go through
// the pipeline of a configuration file to every kind of destination.
package demo

import (
	"context"
	"errors"
	"io"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/seed2f724858/sluice/config"
	"github.com/seed2f724858/sluice/processors"
)

// drainTimeout bounds the wait for the queues at the end.
const drainTimeout = 30 * time.Second

// Config says how long and how much.
type Config struct {
	// Dir is where the configuration and the log files go.
	Dir string
	// Duration is how long the service runs.
	Duration time.Duration
	// Rate is the number of records a second to aim at.
	Rate int
	// Out takes what the demo itself says. The terminal exporter writes to
	// the process's standard output.
	Out io.Writer
	// Color marks headings.
	Color bool
	// Command is how the reader calls this program ("sluice").
	Command string
}

// SetupError says that the demo could not begin.
type SetupError struct {
	Err  error
	Hint string // what to do about it
}

func (e *SetupError) Error() string { return e.Err.Error() }
func (e *SetupError) Unwrap() error { return e.Err }

const startHint = "the log files must be writable, and SLUICE_LEVELS of a form like info,shop.db=debug"

// Run runs the demo for cfg.Duration or until end is done, then drains the
// queues (hurry being done gives up on them) and prints the books, which it
// returns.
func Run(end, hurry context.Context, cfg Config) ([]processors.ExporterStats, error) {
	say := voice{w: cfg.Out, color: cfg.Color}
	f, kept, err := writeFiles(cfg.Dir)
	if err != nil {
		return nil, &SetupError{err, "give a directory that you may write to: --dir DIR"}
	}
	doc, err := config.Load(f.config)
	if err != nil {
		return nil, &SetupError{err, startHint}
	}
	rt, err := doc.Start(end)
	if err != nil {
		return nil, &SetupError{err, startHint}
	}
	say.intro(cfg, f, kept)
	tracers := sdktrace.NewTracerProvider()
	panicTrace, err := runShop(end, cfg, rt, tracers)
	drain, cancel := context.WithTimeout(hurry, drainTimeout)
	defer cancel()
	err = errors.Join(err, rt.Shutdown(drain), tracers.Shutdown(drain))

	stats := rt.Stats()
	say.books(stats.Exporters, f)
	say.steps(stats.Steps, f)
	say.next(cfg.Command, f, panicTrace)
	return stats.Exporters, err
}

// runShop serves the traffic and returns the trace of a request that
// panicked, if one did.
func runShop(end context.Context, cfg Config, rt *config.Runtime, tracers *sdktrace.TracerProvider) (string, error) {
	s, err := newShop(rt.Logger, tracers)
	if err != nil {
		return "", err
	}
	url, stop, err := s.serve()
	if err != nil {
		return "", err
	}
	s.http.InfoContext(end, "shop is open", "address", url)
	ctx, cancel := context.WithTimeout(end, cfg.Duration)
	traffic(ctx, url, cfg.Rate, cfg.Duration)
	cancel()
	err = stop()
	s.http.InfoContext(end, "shop is closed")
	id, _ := s.couponTrace.Load().(string)
	return id, err
}
