package journal

import (
	"errors"
	"slices"
	"syscall"
	"testing"
)

// A file system that is mounted again after an error may have undone the rename
// of a compaction: what that has taken out stays out of the books and is not
// handed out, what it has kept is not lost, and neither is counted as damaged.
func TestCompactionUndone(t *testing.T) {
	for _, damaged := range []bool{false, true} {
		m, o, j := evictable(t, Always)
		o.Report = nil
		first := m.segments(t, j.ID())[0]
		old := m.files[first]
		want := []uint64{10, 20}
		if damaged { // the header of record 1, and record 10
			want = []uint64{20}
			at := old.data[firstFrame:]
			for seq := 0; seq < 10; {
				h, ok := parseHeader(at, j.segments[0].seed)
				if !ok {
					t.Fatal("no frame")
				}
				frame := at[:frameHeaderSize+h.length]
				at = at[len(frame):]
				if h.kind != typeRecord {
					continue
				}
				if seq++; seq == 1 || seq == 10 {
					frame[len(frame)-1] ^= 1
				}
			}
		}
		m.fault = func(op, _ string, size int) (int, error) {
			if op == "syncdir" {
				return 0, syscall.EIO
			}
			return size, nil
		}
		dropped, _, err := j.Evict(17)
		if dropped == 0 || !errors.Is(err, syscall.EIO) {
			t.Fatal(dropped, err)
		}
		m.fault = nil
		m.files[first] = old
		s := j.Stats()
		if lost := uint64(20 - dropped - len(want)); s.Damaged != lost || s.Waiting != uint64(100-dropped)-lost {
			t.Fatalf("%d evicted, %+v", dropped, s)
		}
		got := all(t, j)
		if !slices.Equal(got[:len(want)], want) || got[len(want)] != 21 || uint64(len(got)) != s.Waiting {
			t.Fatal(got)
		}
		j.Reader().Rewind()
		if n, freed, err := j.Evict(17); n != 0 || freed < 1000 || err != nil {
			t.Fatalf("%d records, %d bytes, %v", n, freed, err)
		}
		if again := all(t, j); !slices.Equal(again, got) {
			t.Fatal(again)
		}
		if err := j.Ack(100); err != nil {
			t.Fatal(err)
		}
		if after := j.Stats(); after.Waiting != 0 || after.Damaged != s.Damaged {
			t.Fatalf("%+v", after)
		}
		closeQueue(t, j)
		wantGone(t, m)
	}
}
