package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool"
)

// backlog is how many records make 1 GiB on disk.
const backlog = 6_000_000

// drainTimeout ends the wait for records that do not come.
const drainTimeout = 2 * time.Minute

// The sinks that a backlog goes to. Both do nothing with it.
const (
	sinkForwards = "forwarded" // takes OTLP as it stands on disk
	sinkDecoded  = "decoded"   // takes records
)

// runBacklog fills a disk queue whose destination is down, and has another
// process deliver what is in it.
func runBacklog(j job) (r result, err error) {
	s, err := spool.New(down{}, spoolConfig(j.Dir))
	if err != nil {
		return result{}, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	recs := numbered(queueBatch)
	start := time.Now()
	for sent := 0; sent < j.Records; sent += len(recs) {
		recs = recs[:min(len(recs), j.Records-sent)]
		if _, err := s.Write(ctx, recs); err != nil {
			return result{}, errors.Join(err, s.Shutdown(ctx))
		}
	}
	filled := time.Since(start).Seconds()
	if err := s.Shutdown(ctx); err != nil {
		return result{}, err
	}
	j.Kind = kindDrain
	second, err := startWriter(ctx, j)
	if err != nil {
		return result{}, err
	}
	err = errors.Join(second.out.Decode(&r), second.wait())
	r.Seconds = filled
	return r, err
}

// runDrain opens the queue that another process has filled, and reports when
// everything in it is delivered.
func runDrain(j job, out io.Writer) error {
	t := &taking{start: time.Now(), want: j.Records, all: make(chan struct{})}
	sink := exporters.Sink(t)
	if j.Sink == sinkForwards {
		sink = forwarding{t}
	}
	s, err := spool.New(sink, spoolConfig(j.Dir))
	if err != nil {
		return err
	}
	select {
	case <-t.all:
	case <-time.After(drainTimeout): // what is missing shows in the result
	}
	ctx := context.Background()
	r := result{
		Sent: j.Records, Open: t.open.Seconds(), RSS: t.rss,
		Drained: (time.Since(t.start) - t.open).Seconds(),
	}
	// Whatever comes beyond the last expected record is a duplicate.
	if err := s.Shutdown(ctx); err != nil {
		return err
	}
	r.Delivered = float64(min(t.n, j.Records)) / float64(j.Records)
	r.Duplicates = max(0, t.n-j.Records)
	return json.NewEncoder(out).Encode(r)
}

// taking is a sink that counts.
type taking struct {
	start time.Time
	want  int
	all   chan struct{} // closed when as many records came as were wanted

	mu   sync.Mutex
	n    int
	open time.Duration // until the first record
	rss  int64         // then
}

func (t *taking) take(n int) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == 0 {
		t.open, t.rss = time.Since(t.start), peakRSS()
	}
	before := t.n
	t.n += n
	if before < t.want && t.n >= t.want {
		close(t.all)
	}
	return n, nil
}

func (t *taking) Write(_ context.Context, recs []record.Record) (int, error) {
	return t.take(len(recs))
}
func (*taking) Quiet() bool                      { return true }
func (*taking) ForceFlush(context.Context) error { return nil }
func (*taking) Shutdown(context.Context) error   { return nil }

// forwarding is the same sink for records as they stand on disk.
type forwarding struct{ *taking }

func (forwarding) Forwards() bool { return true }
func (f forwarding) WriteOTLP(_ context.Context, recs []encode.OTLPRecord) (int, error) {
	return f.take(len(recs))
}

func drainRate(r result) float64 { return float64(r.Sent) / r.Drained }

// drainShare is the rate at which a backlog was delivered divided by that at
// which it was stored.
func drainShare(r result) float64 { return r.Seconds / r.Drained }

func opening(r result) float64 { return r.Open }

func backlogDetails(runs []result) string {
	return fmt.Sprintf("%s delivered, %.2f × as fast as filled, first record after %.3f s with %.0f MiB",
		percent(runs), median(runs, drainShare), median(runs, opening), median(runs, rss)/(1<<20))
}
