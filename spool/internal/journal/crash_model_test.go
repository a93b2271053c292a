package journal

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

// When the power fails under Appends at the same time, of which several share a
// sync and some syncs fail, none of those that have returned is lost; after a
// kill that holds without any sync, too.
func TestCrashUnderConcurrentAppends(t *testing.T) {
	seed, rounds := uint64(time.Now().UnixNano()), 30
	if os.Getenv("SLUICE_LONG") != "" {
		rounds = 1000
	}
	if s := os.Getenv("SLUICE_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SLUICE_SEED: %v", err)
		}
	}
	t.Logf("SLUICE_SEED=%d", seed)
	for name, sync := range everySync {
		t.Run(name, func(t *testing.T) {
			for i := range rounds {
				crashUnderAppends(t, seed+uint64(i), sync)
				if t.Failed() {
					t.Fatalf("in round %d", i)
				}
			}
		})
	}
}

func crashUnderAppends(t *testing.T, seed uint64, mode Sync) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	d := disktest.New(seed)
	p := d.Process()
	o := Options{FS: p, Sync: mode, SegmentSize: 16 << 10}
	j := create(t, o)
	end := d.Steps() + rnd.IntN(600)
	crash := p.Kill
	if mode == Always && rnd.IntN(2) == 0 {
		crash = d.Crash
	}
	fails := mode == Always && rnd.IntN(2) == 0
	var next atomic.Uint64
	var mu sync.Mutex
	kept := make(map[uint64]bool) // acknowledged
	came := make(map[uint64]bool)
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			var b Batch
			for !p.Dead() {
				b.Reset()
				first := next.Add(5) - 5
				for n := range uint64(5) {
					if err := b.Add(nil, 9, false, func(dst []byte) []byte { return append(dst, body(first+n, 200)...) }); err != nil {
						t.Error(err)
					}
				}
				if _, err := j.Append(&b); err == nil {
					mu.Lock()
					for n := range uint64(5) {
						kept[first+n] = true
					}
					mu.Unlock()
				}
			}
		})
	}
	enter := func(items []Item) {
		mu.Lock()
		defer mu.Unlock()
		for i := range items {
			var n uint64
			if _, err := fmt.Sscanf(string(items[i].Log), "record %d ", &n); err != nil || string(items[i].Log) != string(body(n, 200)) {
				t.Errorf("record %q", items[i].Log)
			}
			came[n] = true
		}
	}
	work.Go(func() {
		for !p.Dead() {
			items, err := j.Reader().Next(20, 1<<12)
			if err != nil || len(items) == 0 {
				time.Sleep(10 * time.Microsecond)
				continue
			}
			enter(items)
			_ = j.Ack(items[len(items)-1].Seq)
		}
	})
	for d.Steps() < end {
		if fails && rnd.IntN(4) == 0 {
			d.Fail(disktest.Sync, 1, syscall.EIO)
		}
		time.Sleep(10 * time.Microsecond)
	}
	crash()
	work.Wait()
	_ = j.Close()
	d.Mend()
	o.FS = d.Process()
	ids, err := List(o.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		j := reopen(t, o, id)
		for {
			items, err := j.Reader().Next(100, 1<<16)
			if err != nil {
				t.Fatal(err)
			}
			if len(items) == 0 {
				break
			}
			enter(items)
			if err := j.Ack(items[len(items)-1].Seq); err != nil {
				t.Fatal(err)
			}
		}
		closeQueue(t, j)
	}
	lost := 0
	for n := range kept {
		if !came[n] {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d records that were acknowledged are lost", lost, len(kept))
	}
}
