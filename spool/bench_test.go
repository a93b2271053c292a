package spool

import (
	"context"
	"testing"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// idle is a destination that takes all, in either form.
type idle struct{ sinktest.Memory }

func (*idle) Forwards() bool { return true }

func (*idle) WriteOTLP(_ context.Context, recs []encode.OTLPRecord) (int, error) {
	return len(recs), nil
}

// records is one that wants records.
type records struct{ sinktest.Memory }

func (*records) Write(_ context.Context, recs []record.Record) (int, error) { return len(recs), nil }

// Writing costs no memory for each record.
func TestWriteAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools")
	}
	s := newSpool(t, newOutage(errDown), config(t, func(c *Config) { c.Sync = SyncNever }))
	recs := sinktest.Records("s", 0, 512)
	n := testing.AllocsPerRun(50, func() {
		if _, err := s.Write(context.Background(), recs); err != nil {
			t.Fatal(err)
		}
	})
	if n > 20 {
		t.Errorf("%v allocations for a Write of 512 records", n)
	}
	shutdown(t, s)
}

func BenchmarkWrite(b *testing.B) {
	for _, sync := range []SyncPolicy{SyncNever, SyncPolicy(200e6), SyncAlways} {
		b.Run(sync.String(), func(b *testing.B) {
			s := newSpool(b, new(idle), config(b, func(c *Config) { c.Sync, c.MaxSize, c.OnFull = sync, 4*exporters.GiB, Block }))
			recs := sinktest.Records("s", 0, 512)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Write(context.Background(), recs); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(512*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			_ = s.Shutdown(context.Background())
		})
	}
}

// BenchmarkDrain delivers what was written before.
func BenchmarkDrain(b *testing.B) {
	for name, sink := range map[string]exporters.Sink{"OTLP": new(idle), "records": &records{}} {
		b.Run(name, func(b *testing.B) {
			c := config(b, func(c *Config) { c.Sync, c.MaxSize = SyncNever, 4*exporters.GiB })
			down := newSpool(b, newOutage(errDown), c)
			recs := sinktest.Records("s", 0, 512)
			for range b.N {
				if _, err := down.Write(context.Background(), recs); err != nil {
					b.Fatal(err)
				}
			}
			_ = down.Shutdown(context.Background())
			b.ResetTimer()
			b.ReportAllocs()
			s := newSpool(b, sink, c)
			_ = s.ForceFlush(context.Background())
			b.ReportMetric(512*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			_ = s.Shutdown(context.Background())
		})
	}
}
