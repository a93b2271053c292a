package spool

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func newSimple(t testing.TB, s exporters.Sink) *processors.Simple {
	t.Helper()
	simple, err := processors.NewSimple(s, processors.DefaultSimpleConfig())
	if err != nil {
		t.Fatal(err)
	}
	return simple
}

func end(context.Context, *record.Record) error { return nil }

// Callers that write at once each keep their order, and the books balance at
// any moment.
func TestSimpleFromManyGoroutines(t *testing.T) {
	const each = 200
	callers := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	sink := new(sinktest.Memory)
	simple := newSimple(t, newSpool(t, sink, config(t, func(c *Config) { c.Sync = SyncNever })))
	var wg sync.WaitGroup
	for _, name := range callers {
		wg.Go(func() {
			for _, r := range sinktest.Records(name, 0, each) {
				if err := simple.OnEmit(t.Context(), &r, end); err != nil {
					t.Error(err)
				}
				if s := simple.Stats(); s.Accepted != s.Delivered+s.Spooled+s.InFlight || s.DroppedTotal() > 0 {
					t.Errorf("the books do not balance: %+v", s)
				}
			}
		})
	}
	wg.Wait()
	if err := simple.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	of := make(map[string][]string)
	for _, id := range ids(sink) {
		name := strings.Split(id, "-")[1]
		of[name] = append(of[name], id)
	}
	for _, name := range callers {
		wantIDs(t, of[name], series(name, 0, each))
	}
}

// BenchmarkSimple is the cost of a log call that returns when its record is in
// the queue, alone and beside others.
func BenchmarkSimple(b *testing.B) {
	for _, policy := range []SyncPolicy{DefaultConfig().Sync, SyncAlways} {
		for _, callers := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/callers=%d", policy, callers), func(b *testing.B) {
				simple := newSimple(b, newSpool(b, new(idle), config(b, func(c *Config) { c.Sync = policy })))
				b.ReportAllocs()
				var wg sync.WaitGroup
				for i := range callers {
					wg.Go(func() {
						r := sinktest.Record("x")
						for n := i; n < b.N; n += callers {
							if err := simple.OnEmit(context.Background(), &r, end); err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
				_ = simple.Shutdown(context.Background())
			})
		}
	}
}
