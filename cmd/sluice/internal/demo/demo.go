// Package demo runs a small instrumented service whose log records go through
// the pipeline of a configuration file to every kind of destination.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/seed2f724858/sluice/config"
	"github.com/seed2f724858/sluice/processors"
)

// drainTimeout bounds the wait for the queues at the end.
const drainTimeout = 30 * time.Second

// collectorBranch is the name of the exporter behind the queue on disk.
const collectorBranch = "otlp"

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

// ErrMissing says that the collector lacks records that count as delivered.
var ErrMissing = errors.New("records are missing at the collector")

const dirHint = "give a directory that you may write to: --dir DIR"

const startHint = "the log files must be writable, and SLUICE_LEVELS of a form like info,shop.db=debug"

// Run runs the demo for cfg.Duration or until end is done, then drains the
// queues (hurry being done gives up on them) and prints the books, which it
// returns.
func Run(end, hurry context.Context, cfg Config) (books []processors.ExporterStats, err error) {
	say := voice{w: cfg.Out, color: cfg.Color}
	f := filesIn(cfg.Dir)
	col, err := startCollector(f.collected)
	if err != nil {
		return nil, &SetupError{err, dirHint}
	}
	defer func() { err = errors.Join(err, col.close(hurry)) }()
	kept, err := f.write(col.endpoint)
	if err != nil {
		return nil, &SetupError{err, dirHint}
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
	away := &outage{
		collector: col,
		books:     func() processors.ExporterStats { return branch(rt.Stats(), collectorBranch) },
		say:       say,
		spool:     f.spool,
	}
	panicTrace, err := runShop(end, cfg, rt, tracers, away)
	drain, cancel := context.WithTimeout(hurry, drainTimeout)
	defer cancel()
	err = errors.Join(err, rt.Shutdown(drain), tracers.Shutdown(drain))
	away.tellDrained()

	stats := rt.Stats()
	arrived, again := col.counts()
	say.books(stats.Exporters, f, away.waited)
	say.collected(branch(stats, collectorBranch), f, arrived, again)
	say.steps(stats.Steps, f)
	say.next(cfg.Command, f, panicTrace)
	if delivered := branch(stats, collectorBranch).Delivered; arrived < delivered {
		err = errors.Join(err, fmt.Errorf("%w: it has %d of %d", ErrMissing, arrived, delivered))
	}
	return stats.Exporters, err
}

// branch returns the books of the exporter with that name.
func branch(stats processors.Stats, name string) processors.ExporterStats {
	for _, e := range stats.Exporters {
		if e.Name == name {
			return e
		}
	}
	return processors.ExporterStats{}
}

// runShop serves the traffic, with the collector down for a while, and returns
// the trace of a request that panicked, if one did.
func runShop(end context.Context, cfg Config, rt *config.Runtime, tracers *sdktrace.TracerProvider, away *outage) (string, error) {
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
	var wg sync.WaitGroup
	wg.Go(func() { away.during(ctx, cfg.Duration) })
	traffic(ctx, url, cfg.Rate, cfg.Duration)
	wg.Wait()
	cancel()
	err = stop()
	// An outage that is still on has this record at least to keep.
	s.http.InfoContext(end, "shop is closed")
	away.finish(end)
	id, _ := s.couponTrace.Load().(string)
	return id, err
}
