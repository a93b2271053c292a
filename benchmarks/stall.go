package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool"
)

// The behaviours of the sink in a stall measurement.
const (
	sinkFree    = "free"    // takes everything at once
	sinkSlow    = "slow"    // takes slowWrite for each batch
	sinkStalled = "stalled" // takes nothing until the measurement is over
	sinkSpooled = "spooled" // takes everything at once, from a disk queue in front of it
)

const (
	slowWrite = 20 * time.Millisecond
	// The load is even: a burst of calls at every tick, 50,000 a second.
	tick  = time.Millisecond
	burst = 50
)

// gate is the sink behind both contestants.
type gate struct {
	sink  string
	over  chan struct{}
	taken atomic.Int64
}

func (g *gate) take(n int) {
	switch g.sink {
	case sinkSlow:
		time.Sleep(slowWrite)
	case sinkStalled:
		<-g.over
	}
	g.taken.Add(int64(n))
}

type gateSink struct{ *gate }

func (g gateSink) Write(_ context.Context, recs []record.Record) (int, error) {
	g.take(len(recs))
	return len(recs), nil
}
func (gateSink) Forwards() bool { return true }
func (g gateSink) WriteOTLP(_ context.Context, recs []encode.OTLPRecord) (int, error) {
	g.take(len(recs))
	return len(recs), nil
}
func (gateSink) ForceFlush(context.Context) error { return nil }
func (gateSink) Shutdown(context.Context) error   { return nil }

type gateExporter struct {
	discardExporter
	*gate
}

func (g gateExporter) Export(_ context.Context, recs []sdklog.Record) error {
	g.take(len(recs))
	return nil
}

// runStall measures what callers feel of a sink that is slow or stands still.
func runStall(j job) (result, error) {
	g := &gate{sink: j.Sink, over: make(chan struct{})}
	var s *session
	switch j.Contestant {
	case sluiceDirect:
		sink, err := exporters.Sink(gateSink{g}), error(nil)
		if j.Sink == sinkSpooled {
			if sink, err = spool.New(sink, spoolConfig(j.Dir)); err != nil {
				return result{}, err
			}
		}
		if s, err = sluiceDropping(sink); err != nil {
			return result{}, err
		}
	case baseSDK:
		s = sdkSession(sdklog.NewBatchProcessor(gateExporter{gate: g}), io.NopCloser(nil))
	default:
		return result{}, fmt.Errorf("no stalled sink for %q", j.Contestant)
	}
	took := make([]time.Duration, 0, int(j.Duration/tick+1)*burst)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for start := time.Now(); time.Since(start) < j.Duration; <-ticker.C {
		for range burst {
			t := time.Now()
			s.call(len(took), 1)
			took = append(took, time.Since(t))
		}
	}
	close(g.over)
	if err := s.close(); err != nil {
		return result{}, err
	}
	slices.Sort(took)
	at := func(share float64) float64 { return float64(took[int(share*float64(len(took)-1))]) }
	return result{
		P50: at(0.5), P99: at(0.99), P999: at(0.999),
		Delivered: float64(g.taken.Load()) / float64(len(took)),
	}, nil
}
