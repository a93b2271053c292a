package journal

import (
	"errors"
	"syscall"
	"testing"
)

// What a disk does not give back costs the records in it, once it is clear that
// the disk works otherwise; while it does not, nothing is given up.
func TestUnreadableBlock(t *testing.T) {
	m := newMemory()
	o := options(t, m, Always)
	o.SegmentSize = 64 << 10
	j := create(t, o)
	fill(t, j, origin("a"), 1000, 10, 100)
	closeQueue(t, j)
	names := m.segments(t, j.ID())
	for i, name := range names {
		size := int64(len(m.files[name].data))
		for _, block := range []int64{2, size / blockSize / 2, size / blockSize} {
			c := m.killed()
			c.files[name].bad = func(at int64) bool { return at/blockSize == block }
			dead := false
			c.fault = func(op, name string, size int) (int, error) {
				if dead && op != "unlock" && op != "lock" {
					return 0, syscall.EIO
				}
				return size, nil
			}
			k := reopen(t, on(o, c), j.ID())
			var got []Item
			failed := 0
			for {
				dead = failed < 3*patience
				items, err := k.Reader().Next(50, 1<<20)
				if err != nil {
					if failed++; !errors.Is(err, syscall.EIO) || failed > 5*patience {
						t.Fatal(err)
					}
					continue
				}
				dead = false
				if len(items) == 0 {
					break
				}
				got = append(got, items...)
				if err := k.Ack(items[len(items)-1].Seq); err != nil {
					t.Fatal(err)
				}
			}
			s := k.Stats()
			if failed < 3*patience || s.Damaged == 0 || s.Damaged > 45 || len(got)+int(s.Damaged) != 1000 || s.Waiting != 0 || s.OriginsLost > 0 {
				t.Fatalf("block %d of segment %d: %d failed, %d read, %+v", block, i, failed, len(got), s)
			}
			closeQueue(t, k)
			wantGone(t, c)
		}
	}
}

func TestEvictUnreadableBlock(t *testing.T) {
	m := newMemory()
	j := create(t, options(t, m, Always))
	fill(t, j, origin("a"), 1000, 10, 100)
	m.files[m.segments(t, j.ID())[0]].bad = func(at int64) bool { return at/blockSize == 5 }
	failed := 0
	n, _, err := j.Evict(17)
	for ; err != nil && failed < 2*patience; failed++ {
		n, _, err = j.Evict(17)
	}
	if s := j.Stats(); err != nil || failed != patience-1 || s.Damaged == 0 || n+int(s.Damaged+s.Waiting) != 1000 {
		t.Fatalf("%v, %d failed, %d evicted, %+v", err, failed, n, s)
	}
}
