package journal

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// Appends from many, a reader that rewinds, and evictions at once: everything
// is read once in the end or was evicted, in its order.
func TestConcurrent(t *testing.T) {
	for name, mode := range everySync {
		t.Run(name, func(t *testing.T) {
			d := openDir(t)
			o := options(t, d, mode)
			j := create(t, o)
			const writers, rounds = 4, 150
			var wg sync.WaitGroup
			done := make(chan struct{})
			var mu sync.Mutex
			stored := map[string]uint64{}
			for w := range uint64(writers) {
				wg.Go(func() {
					var b Batch
					org := origin("w")
					for i := range uint64(rounds) {
						b.Reset()
						n := 1 + i%5
						for k := range n {
							add(t, &b, org, uint8(9+8*(k%2)), body(w<<32|i<<8|k, 60))
						}
						first, err := j.Append(&b)
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						for k := range n {
							stored[string(body(w<<32|i<<8|k, 60))] = first + k
						}
						mu.Unlock()
					}
				})
			}
			evicted := 0
			var evicting sync.WaitGroup
			evicting.Go(func() {
				for range 5 {
					n, _, err := j.Evict(17)
					if err != nil {
						t.Error(err)
					}
					evicted += n
				}
			})
			go func() { wg.Wait(); evicting.Wait(); close(done) }()
			rng := rand.New(rand.NewPCG(3, 4))
			last, read := uint64(0), map[string]uint64{}
			for ended := false; ; {
				items, err := j.Reader().Next(1+rng.IntN(50), 1<<12)
				if err != nil {
					t.Fatal(err)
				}
				if len(items) == 0 {
					if ended {
						break
					}
					select {
					case <-j.Wait():
					case <-done:
						ended = true
					}
					continue
				}
				if rng.IntN(3) == 0 {
					j.Reader().Rewind()
					continue
				}
				settle := items[:1+rng.IntN(len(items))]
				for _, it := range settle {
					if it.Seq <= last {
						t.Fatalf("%d after %d", it.Seq, last)
					}
					last = it.Seq
					read[string(it.Log)] = it.Seq
				}
				if err := j.Ack(last); err != nil {
					t.Fatal(err)
				}
				if len(settle) < len(items) {
					j.Reader().Rewind()
				}
			}
			for text, seq := range read {
				if stored[text] != seq {
					t.Fatalf("%q was read as %d, stored as %d", text, seq, stored[text])
				}
			}
			if len(read)+evicted != len(stored) {
				t.Fatalf("%d read, %d evicted, %d stored", len(read), evicted, len(stored))
			}
			if s := j.Stats(); s.Damaged != 0 || s.Waiting != 0 {
				t.Fatalf("%+v", s)
			}
			closeQueue(t, j)
			wantGone(t, d)
		})
	}
}
