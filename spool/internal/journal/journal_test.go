package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/spool/internal/disk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openDir(t testing.TB) *disk.Dir {
	t.Helper()
	d, err := disk.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// options report failures that a test does not expect.
func options(t testing.TB, fsys disk.FS, sync Sync) Options {
	return Options{FS: fsys, Sync: sync, SegmentSize: 64 << 10, Report: func(err error) { t.Log("reported: ", err) }}
}

func create(t testing.TB, o Options) *Journal {
	t.Helper()
	j, err := Create(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func reopen(t testing.TB, o Options, id string) *Journal {
	t.Helper()
	j, err := Open(o, id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func closeQueue(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func origin(name string) *encode.OTLPOrigin {
	return &encode.OTLPOrigin{Resource: []byte("resource " + name), Scope: []byte("scope " + name)}
}

// body makes payloads that tell what they are, size bytes long at least.
func body(n uint64, size int) []byte {
	p := fmt.Appendf(nil, "record %d ", n)
	for len(p) < size {
		p = binary.LittleEndian.AppendUint64(p, n*0x9E3779B97F4A7C15)
	}
	return p
}

func add(t testing.TB, b *Batch, o *encode.OTLPOrigin, severity uint8, payload []byte) {
	t.Helper()
	if err := b.Add(o, severity, false, func(dst []byte) []byte { return append(dst, payload...) }); err != nil {
		t.Fatal(err)
	}
}

// fill appends n records of size bytes in batches of per.
func fill(t testing.TB, j *Journal, o *encode.OTLPOrigin, n, per, size int) {
	t.Helper()
	var b Batch
	next := j.Stats().Next
	for n > 0 {
		b.Reset()
		for i := range min(per, n) {
			add(t, &b, o, 9, body(next+uint64(i), size))
		}
		first, err := j.Append(&b)
		if err != nil {
			t.Fatal(err)
		}
		if first != next {
			t.Fatalf("first = %d, want %d", first, next)
		}
		next += uint64(b.Len())
		n -= b.Len()
	}
}

// drain reads and settles everything, and checks each payload.
func drain(t testing.TB, j *Journal, size int) (seqs []uint64) {
	t.Helper()
	for {
		items, err := j.Reader().Next(100, 64<<10)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) == 0 {
			return seqs
		}
		for _, it := range items {
			if want := body(it.Seq, size); string(it.Log) != string(want) {
				t.Fatalf("record %d = %q, want %q", it.Seq, it.Log, want)
			}
			seqs = append(seqs, it.Seq)
		}
		if err := j.Ack(items[len(items)-1].Seq); err != nil {
			t.Fatal(err)
		}
	}
}

func wantRun(t testing.TB, seqs []uint64, from, to uint64) {
	t.Helper()
	if len(seqs) != int(to-from) {
		t.Fatalf("%d records, want %d", len(seqs), to-from)
	}
	for i, seq := range seqs {
		if seq != from+uint64(i) {
			t.Fatalf("record %d comes at place %d", seq, i)
		}
	}
}

func wantGone(t testing.TB, fsys disk.FS) {
	t.Helper()
	ids, err := List(fsys)
	if err != nil || len(ids) > 0 {
		t.Fatalf("queues %v, %v are left", ids, err)
	}
}

var everySync = map[string]Sync{"never": Never, "every": 1e6, "always": Always}

func TestAppendReadSettle(t *testing.T) {
	for name, sync := range everySync {
		t.Run(name, func(t *testing.T) {
			d := openDir(t)
			j := create(t, options(t, d, sync))
			o := origin("a")
			fill(t, j, o, 3000, 7, 100)
			if s := j.Stats(); s.Waiting != 3000 || s.Segments < 5 {
				t.Fatalf("%+v", s)
			}
			items, err := j.Reader().Next(10, 1<<20)
			if err != nil || len(items) != 10 {
				t.Fatal(len(items), err)
			}
			for _, it := range items {
				if it.Origin == nil || it.Origin != items[0].Origin || string(it.Origin.Resource) != "resource a" || string(it.Origin.Scope) != "scope a" {
					t.Fatalf("origin %v", it.Origin)
				}
				if it.Severity != 9 || it.OwnUID {
					t.Fatalf("%+v", it)
				}
			}
			j.Reader().Rewind()
			wantRun(t, drain(t, j, 100), 1, 3001)
			if s := j.Stats(); s.Waiting != 0 || s.Damaged != 0 || s.Acked != 3001 {
				t.Fatalf("%+v", s)
			}
			closeQueue(t, j)
			wantGone(t, d)
		})
	}
}

func TestReopen(t *testing.T) {
	for name, sync := range everySync {
		t.Run(name, func(t *testing.T) {
			d := openDir(t)
			o := options(t, d, sync)
			j := create(t, o)
			fill(t, j, origin("a"), 3000, 7, 100)
			items, err := j.Reader().Next(1000, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			settled := items[len(items)-1].Seq
			if err := j.Ack(settled); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(o, j.ID()); !errors.Is(err, ErrLocked) {
				t.Fatal(err)
			}
			closeQueue(t, j)
			j = reopen(t, o, j.ID())
			if s := j.Stats(); s.Waiting != 3000-settled {
				t.Fatalf("%+v", s)
			}
			var b Batch
			add(t, &b, nil, 1, []byte("x"))
			if _, err := j.Append(&b); !errors.Is(err, ErrDrained) {
				t.Fatal(err)
			}
			wantRun(t, drain(t, j, 100), settled+1, 3001)
			if s := j.Stats(); s.Waiting != 0 || s.Damaged != 0 {
				t.Fatalf("%+v", s)
			}
			closeQueue(t, j)
			wantGone(t, d)
			if _, err := Open(o, j.ID()); !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		})
	}
}
