package journal

import (
	"slices"
	"testing"
)

// levels fills j with n records, every tenth of severity 17, the others 9.
func levels(t testing.TB, j *Journal, n int) {
	t.Helper()
	var b Batch
	next := j.Stats().Next
	o := origin("a")
	for i := range uint64(n) {
		b.Reset()
		severity := uint8(9)
		if (next+i)%10 == 0 {
			severity = 17
		}
		add(t, &b, o, severity, body(next+i, 80))
		if _, err := j.Append(&b); err != nil {
			t.Fatal(err)
		}
	}
}

func evictable(t *testing.T, sync Sync) (*memory, Options, *Journal) {
	m := newMemory()
	o := options(t, m, sync)
	o.SegmentSize = firstFrame + 2400 // 20 records a segment
	j := create(t, o)
	levels(t, j, 100)
	return m, o, j
}

// all returns every sequence number that can be read.
func all(t testing.TB, j *Journal) (seqs []uint64) {
	t.Helper()
	for {
		items, err := j.Reader().Next(7, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) == 0 {
			return seqs
		}
		for _, it := range items {
			if string(it.Log) != string(body(it.Seq, 80)) || it.Origin == nil || string(it.Origin.Scope) != "scope a" {
				t.Fatalf("record %d: %+v", it.Seq, it)
			}
			seqs = append(seqs, it.Seq)
		}
	}
}

func TestEvictKeepsTheSevere(t *testing.T) {
	for name, sync := range everySync {
		t.Run(name, func(t *testing.T) {
			m, o, j := evictable(t, sync)
			var dropped int
			for range 3 {
				before := j.Stats()
				n, freed, err := j.Evict(17)
				if err != nil || n == 0 {
					t.Fatal(n, err)
				}
				dropped += n
				after := j.Stats()
				if before.Bytes-after.Bytes != freed || before.Waiting-after.Waiting != uint64(n) || freed < 1000 {
					t.Fatalf("%d freed, %d dropped: %+v, then %+v", freed, n, before, after)
				}
			}
			if err := j.Sync(); err != nil {
				t.Fatal(err)
			}
			k := reopen(t, on(o, m.killed()), j.ID())
			if s := k.Stats(); s.Waiting != uint64(100-dropped) || s.Kept == 0 {
				t.Fatalf("%+v", s)
			}
			for _, q := range []*Journal{j, k} {
				got := all(t, q)
				if len(got) != 100-dropped || got[0] != 10 || got[1] != 20 || q.Stats().Damaged != 0 {
					t.Fatal(got, q.Stats())
				}
				for seq := uint64(10); seq <= 100; seq += 10 {
					if !slices.Contains(got, seq) {
						t.Fatalf("%d is gone", seq)
					}
				}
				if err := q.Ack(100); err != nil {
					t.Fatal(err)
				}
				if s := q.Stats(); s.Waiting != 0 {
					t.Fatalf("%+v", s)
				}
				closeQueue(t, q)
			}
			wantGone(t, m)
		})
	}
}

func on(o Options, m *memory) Options { o.FS = m; return o }

// When less severe records are used up there is nothing to evict, until
// somebody asks for more: then the oldest go whole.
func TestEvictEverything(t *testing.T) {
	m, o, j := evictable(t, Always)
	dropped := 0
	for {
		n, _, err := j.Evict(17)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		dropped += n
	}
	if dropped != 90 || j.Stats().Waiting != 10 {
		t.Fatalf("%d dropped, %+v", dropped, j.Stats())
	}
	n, _, err := j.Evict(EvictAll)
	if err != nil || n == 0 {
		t.Fatal(n, err)
	}
	got := all(t, reopen(t, on(o, m.killed()), j.ID()))
	if len(got) != 10-n || got[0] != uint64(10*n+10) {
		t.Fatal(n, got)
	}
	for {
		n, _, err := j.Evict(EvictAll)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	if s := j.Stats(); s.Waiting != 0 || s.Damaged != 0 || s.Segments != 0 {
		t.Fatalf("%+v", s)
	}
	levels(t, j, 30)
	if got := all(t, j); len(got) != 30 {
		t.Fatal(got)
	}
	k := reopen(t, on(o, m.killed()), j.ID())
	if got := all(t, k); len(got) != 30 || k.Stats().Damaged != 0 {
		t.Fatal(got, k.Stats())
	}
}

// What was handed out stays until it is settled, and is read again after a
// rewind; so does what is more severe, behind it.
func TestEvictLeavesWhatIsOnItsWay(t *testing.T) {
	m, o, j := evictable(t, Always)
	r := j.Reader()
	items, err := r.Next(5, 1<<20)
	if err != nil || len(items) != 5 {
		t.Fatal(len(items), err)
	}
	if err := j.Ack(2); err != nil {
		t.Fatal(err)
	}
	for _, keep := range []uint8{17, EvictAll, EvictAll} {
		if _, _, err := j.Evict(keep); err != nil {
			t.Fatal(err)
		}
	}
	k := reopen(t, on(o, m.killed()), j.ID())
	if k.Stats().Waiting != j.Stats().Waiting {
		t.Fatalf("%+v, reopened %+v", j.Stats(), k.Stats())
	}
	r.Rewind()
	for _, q := range []*Journal{j, k} {
		got := all(t, q)
		if !slices.Equal(got[:3], []uint64{3, 4, 5}) || got[3] < 20 || uint64(len(got)) != q.Stats().Waiting || q.Stats().Damaged != 0 {
			t.Fatal(got, q.Stats())
		}
		if err := q.Ack(100); err != nil {
			t.Fatal(err)
		}
		if s := q.Stats(); s.Waiting != 0 {
			t.Fatalf("%+v", s)
		}
	}
}

// Damage in what is evicted counts as damage; in what stays it does not spread.
func TestEvictDamaged(t *testing.T) {
	m, _, j := evictable(t, Always)
	name := m.segments(t, j.ID())[0]
	data := m.files[name].data
	for _, at := range []int{1200, 2000} {
		data[firstFrame+at] ^= 1
	}
	n, _, err := j.Evict(17)
	if err != nil {
		t.Fatal(err)
	}
	got := all(t, j)
	if s := j.Stats(); s.Damaged != 2 || int(s.Waiting) != len(got) || len(got)+n+2 != 100 {
		t.Fatalf("%d read, %d evicted, %+v", len(got), n, s)
	}
}
