package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool"
)

// queueBatch is how many records are put into a disk queue at once: a batch
// processor's.
const queueBatch = 512

// The contestants that keep records on disk for a destination that is down.
const (
	spoolNever    = "sluice spool, sync: never"
	spoolInterval = "sluice spool, sync: every 200ms"
	spoolAlways   = "sluice spool, sync: always"
	// collectorQueue is filled from within the Collector, collectorQueueHTTP
	// as programs do it.
	collectorQueue     = "Collector, sending_queue on file_storage"
	collectorQueueHTTP = "Collector, sending_queue on file_storage, filled by OTLP/HTTP"
)

func queueContestants() []string {
	return []string{spoolNever, spoolInterval, spoolAlways, collectorQueue, collectorQueueHTTP}
}

// spoolConfig is a disk queue below dir that does not get full.
func spoolConfig(dir string) spool.Config {
	cfg := spool.DefaultConfig()
	cfg.Directory, cfg.MaxSize = filepath.Join(dir, "spool"), 100*exporters.GiB
	return cfg
}

// numbered returns n records with ids from 0 on.
func numbered(n int) []record.Record {
	recs := prebuilt(n)
	for i := range recs {
		recs[i].Attributes[1] = attribute.Int(keyID, i)
	}
	return recs
}

// runQueue puts batches into a queue from several goroutines for the job's
// duration.
func runQueue(j job) (result, error) {
	if j.Contestant == collectorQueueHTTP {
		return runPosts(j)
	}
	cfg := spoolConfig(j.Dir)
	switch j.Contestant {
	case spoolNever:
		cfg.Sync = spool.SyncNever
	case spoolInterval:
		cfg.Sync = spool.SyncPolicy(200 * time.Millisecond)
	case spoolAlways:
		cfg.Sync = spool.SyncAlways
	default:
		return result{}, fmt.Errorf("no disk queue is called %q", j.Contestant)
	}
	s, err := spool.New(down{}, cfg)
	if err != nil {
		return result{}, err
	}
	ctx := context.Background()
	recs := numbered(queueBatch)
	r, failed := fill(j, func() error {
		_, err := s.Write(ctx, recs)
		return err
	})
	// What its books do not call waiting is not on disk.
	r.Delivered = float64(s.Spooled().Waiting) / float64(r.Sent)
	return r, errors.Join(failed, s.Shutdown(ctx))
}

// fill calls put, which keeps a batch, for the job's duration.
func fill(j job, put func() error) (result, error) {
	var once sync.Once
	var failed error
	n, elapsed := fanOut(j.Goroutines, j.Duration, 1, func(int, int) {
		if err := put(); err != nil {
			once.Do(func() { failed = err })
		}
	})
	return result{Seconds: elapsed.Seconds(), Sent: int(n) * queueBatch, RSS: peakRSS()}, failed
}

// down is a destination that is not there.
type down struct{}

var errDown = errors.New("the destination is down")

func (down) Write(context.Context, []record.Record) (int, error)         { return 0, errDown }
func (down) Forwards() bool                                              { return true }
func (down) WriteOTLP(context.Context, []encode.OTLPRecord) (int, error) { return 0, errDown }
func (down) Quiet() bool                                                 { return true }
func (down) ForceFlush(context.Context) error                            { return nil }
func (down) Shutdown(context.Context) error                              { return nil }

// queueRate counts the records that were put into a queue each second.
func queueRate(r result) float64 { return float64(r.Sent) / r.Seconds }
