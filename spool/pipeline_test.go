package spool

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

func pipeline(t testing.TB, step processors.Processor) (*processors.Pipeline, *processors.Logger) {
	t.Helper()
	p, err := processors.NewPipeline(processors.DefaultConfig(), step)
	if err != nil {
		t.Fatal(err)
	}
	return p, p.Logger(record.Scope{Name: "test"})
}

func emit(l *processors.Logger, i int) error {
	return l.Emit(context.Background(), &record.Record{Severity: log.SeverityInfo, Body: attribute.StringValue(sinktest.ID("s", i))})
}

// Behind the processor simple, with sync always, a log call that has returned
// is on the disk.
func TestSimpleIsDurable(t *testing.T) {
	for seed := range uint64(10) {
		d := disktest.New(seed)
		dead := openOn(t, d.Process(), newOutage(errDown), SyncAlways)
		simple, err := processors.NewSimple(dead, processors.DefaultSimpleConfig())
		if err != nil {
			t.Fatal(err)
		}
		p, l := pipeline(t, simple)
		for i := range 20 {
			if err := emit(l, i); err != nil {
				t.Fatal(err)
			}
		}
		d.Crash()
		_ = p.Shutdown(t.Context())
		sink := new(sinktest.Memory)
		s := openOn(t, d.Process(), sink, SyncAlways)
		flushed(t, s)
		wantIDs(t, ids(sink), series("s", 0, 20))
		shutdown(t, s)
	}
}

// The books of a branch balance at any moment, whatever the destination does,
// and Delivered never goes back.
func TestBooksBehindABatch(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	sink := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
		n := rnd.IntN(len(recs) + 1)
		switch rnd.IntN(8) {
		case 0:
			return n, exporters.Poison(errDown)
		case 1:
			return n, exporters.Rejected(n/2, errDown)
		case 2:
			return len(recs) / 2, exporters.Permanent(errDown)
		case 3:
			panic("no")
		}
		return len(recs), nil
	}}
	s := newSpool(t, sink, small(t, DropOldest, nil))
	cfg := processors.DefaultBatchConfig()
	cfg.MaxQueueSize, cfg.MaxExportBatchSize = 256, 64
	b, err := processors.NewBatch(s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	p, l := pipeline(t, b)
	done := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		var last uint64
		for {
			e := p.Stats().Exporters[0]
			if all := e.Delivered + e.DroppedTotal() + e.Spooled + e.Queued + e.InFlight; all != e.Accepted || e.Delivered < last {
				t.Errorf("accepted %d, all else %d, delivered %d before: %+v", e.Accepted, all, last, e)
				return
			}
			last = e.Delivered
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for i := range 20000 {
		_ = emit(l, i)
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	close(done)
	watcher.Wait()
	e := p.Stats().Exporters[0]
	if e.InFlight+e.Queued > 0 || e.Accepted < 20000 || e.Exporter != "sinktest.Script" || e.SpoolCapacity != 512<<10 {
		t.Errorf("%+v", e)
	}
	balanced(t, s.Spooled())
}

// A flush reaches through the branch to the destination; its failure is what
// health tells of.
func TestPipelineBehaviour(t *testing.T) {
	c := config(t, nil)
	synctest.Test(t, func(t *testing.T) {
		sink := newOutage(errors.New("dial https://app:hunter2hunter2@collector: refused"))
		b, err := processors.NewBatch(newSpool(t, sink, c), processors.DefaultBatchConfig())
		if err != nil {
			t.Fatal(err)
		}
		p, l := pipeline(t, b)
		for i := range 10 {
			_ = emit(l, i)
		}
		if err := p.ForceFlush(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "10 records wait on disk: dial https://app:[REDACTED]@collector: refused") {
			t.Errorf("ForceFlush: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if h := p.Health(); h.Status != processors.HealthFailed || len(h.Causes) != 1 || h.Causes[0].Cause != "dial https://app:[REDACTED]@collector: refused" {
			t.Errorf("health: %+v", h)
		}
		sink.end()
		if err := p.ForceFlush(t.Context()); err != nil {
			t.Errorf("ForceFlush: %v", err)
		}
		if h := p.Health(); h.Status != processors.HealthOK {
			t.Errorf("health afterwards: %+v", h)
		}
		wantIDs(t, ids(&sink.Memory), series("s", 0, 10))
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
