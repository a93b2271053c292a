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
	spoolNever     = "sluice spool, sync: never"
	spoolInterval  = "sluice spool, sync: every 200ms"
	spoolAlways    = "sluice spool, sync: always"
	collectorQueue = "Collector, sending_queue on file_storage"
)

func queueContestants() []string {
	return []string{spoolNever, spoolInterval, spoolAlways, collectorQueue}
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

// runQueue puts batches into a spool from several goroutines for the job's
// duration.
func runQueue(j job) (result, error) {
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
	var once sync.Once
	var failed error
	n, elapsed := fanOut(j.Goroutines, j.Duration, 1, func(int, int) {
		if _, err := s.Write(ctx, recs); err != nil {
			once.Do(func() { failed = err })
		}
	})
	// What its books do not call waiting is not on disk.
	r := result{Seconds: elapsed.Seconds(), Sent: int(n) * queueBatch, RSS: peakRSS()}
	r.Delivered = float64(s.Spooled().Waiting) / float64(r.Sent)
	return r, errors.Join(failed, s.Shutdown(ctx))
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

// fillQueue does the job in a process of its own.
func fillQueue(j job) (r result, err error) {
	if j.Contestant != collectorQueue {
		return measure(j)
	}
	port, err := freePort()
	if err != nil {
		return result{}, err
	}
	c, err := startCollector(j.Collector, j.Dir, fmt.Sprintf(queueYAML,
		j.Goroutines, queueBatch, j.Duration, port, filepath.Join(j.Dir, "storage")))
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	line, err := c.out.ReadString('\n')
	if err != nil {
		return result{}, err
	}
	// Text after the two figures is an error.
	if n, err := fmt.Sscanf(line, "%d %f\n", &r.Sent, &r.Seconds); err != nil {
		return result{}, fmt.Errorf("the Collector after %d figures: %s", n, line)
	}
	r.Delivered = 1 // it has said so
	return r, nil
}

// queueYAML is a Collector that puts batches into its sending_queue by itself,
// so that only the queue is measured and not the way into the Collector.
const queueYAML = `
receivers:
  flood: {goroutines: %d, batch: %d, duration: %s}
exporters:
  otlp_http:
    endpoint: http://127.0.0.1:%d
    sending_queue: {storage: file_storage, queue_size: 10000000}
    retry_on_failure: {max_elapsed_time: 0}
extensions:
  file_storage: {directory: %q, create_directory: true}
service:
  telemetry: {metrics: {level: none}}
  extensions: [file_storage]
  pipelines: {logs: {receivers: [flood], exporters: [otlp_http]}}
`

// queueRate counts the records that were put into a queue each second.
func queueRate(r result) float64 { return float64(r.Sent) / r.Seconds }
