package journal

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"github.com/seed2f724858/sluice/encode"
)

var errKilled = errors.New("killed")

// life is what a process does with a queue, and what it knows of it.
type life struct {
	id      string
	stored  []uint64        // Append has returned
	tried   uint64          // Append was called with records up to here
	settled map[uint64]bool // Ack was called
	evicted bool            // Evict was called: what is below error may be gone
}

// live runs until something fails, or to the end.
func live(o Options) (l *life) {
	l = &life{settled: map[uint64]bool{}}
	j, err := Create(o)
	if err != nil {
		return l
	}
	defer func() { _ = j.Close() }()
	l.id = j.ID()
	origins := []*encode.OTLPOrigin{nil, origin("one"), origin("two")}
	var b Batch
	n := uint64(1)
	for round := range 14 {
		b.Reset()
		for range 4 {
			severity := uint8(9)
			if n%5 == 0 {
				severity = 17
			}
			payload := body(n, sizeOf(n))
			if b.Add(origins[n%3], severity, false, func(dst []byte) []byte { return append(dst, payload...) }) != nil {
				return l
			}
			n++
		}
		l.tried = n
		first, err := j.Append(&b)
		if err != nil {
			return l
		}
		for i := range b.Len() {
			l.stored = append(l.stored, first+uint64(i))
		}
		switch round % 5 {
		case 1, 2:
			items, err := j.Reader().Next(5, 1<<20)
			if err != nil {
				return l
			}
			for _, it := range items {
				l.settled[it.Seq] = true
			}
			if len(items) > 0 && j.Ack(items[len(items)-1].Seq) != nil {
				return l
			}
		case 3:
			if round > 5 {
				l.evicted = true
				if _, _, err := j.Evict(17); err != nil {
					return l
				}
			}
		}
	}
	if j.Close() != nil {
		return l
	}
	return l
}

// After a kill at any step, everything stored is found: what was not settled
// nor evicted for certain, and nothing that was never appended.
func TestKilledAtEveryStep(t *testing.T) {
	for name, sync := range map[string]Sync{"never": Never, "always": Always} {
		t.Run(name, func(t *testing.T) {
			steps := 0
			for stop := 0; ; stop++ {
				m := newMemory()
				steps = 0
				m.fault = func(op, name string, size int) (int, error) {
					steps++
					if steps > stop {
						if steps == stop+1 && op == "write" {
							return size / 2, errKilled
						}
						return 0, errKilled
					}
					return size, nil
				}
				l := live(Options{FS: m, SegmentSize: firstFrame + 900, Sync: sync})
				m.fault = nil
				l.check(t, m.killed(), sync)
				if t.Failed() {
					t.Fatalf("after step %d", stop)
				}
				if steps <= stop {
					break
				}
			}
			if steps < 60 {
				t.Fatalf("only %d steps", steps)
			}
		})
	}
}

func (l *life) check(t *testing.T, m *memory, sync Sync) {
	t.Helper()
	ids, err := List(m)
	if err != nil {
		t.Fatal(err)
	}
	found := map[uint64]bool{}
	for _, id := range ids {
		j, err := Open(Options{FS: m, Sync: sync}, id)
		if err != nil {
			t.Fatal(err)
		}
		waiting := j.Stats().Waiting
		for {
			items, err := j.Reader().Next(7, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if len(items) == 0 {
				break
			}
			for _, it := range items {
				if found[it.Seq] || it.Seq >= l.tried {
					t.Fatalf("record %d comes again or was never written", it.Seq)
				}
				found[it.Seq] = true
				if string(it.Log) != string(body(it.Seq, sizeOf(it.Seq))) {
					t.Fatalf("record %d = %q", it.Seq, it.Log)
				}
				if (it.Origin == nil) != (it.Seq%3 == 0) {
					t.Fatalf("record %d has origin %v", it.Seq, it.Origin)
				}
			}
			if err := j.Ack(items[len(items)-1].Seq); err != nil {
				t.Fatal(err)
			}
		}
		if s := j.Stats(); s.Damaged != 0 || s.Waiting != 0 || waiting != uint64(len(found)) {
			t.Fatalf("%d waited, %d found, %+v", waiting, len(found), s)
		}
		closeQueue(t, j)
	}
	wantGone(t, m)
	for _, seq := range l.stored {
		mayBeGone := l.settled[seq] || l.evicted && seq%5 != 0
		if !found[seq] && !mayBeGone {
			t.Fatalf("record %d is lost", seq)
		}
	}
}

// What another process has adopted while its file system was given up is not
// touched any more.
func TestTaken(t *testing.T) {
	m := newMemory()
	j := create(t, options(t, m, Never))
	fill(t, j, nil, 10, 3, 50)
	broken := true
	m.fault = func(op, name string, size int) (int, error) {
		if broken && op == "write" {
			return 0, syscall.EROFS
		}
		return size, nil
	}
	var b Batch
	add(t, &b, nil, 9, body(11, 50))
	if _, err := j.Append(&b); !errors.Is(err, syscall.EROFS) {
		t.Fatal(err)
	}
	broken = false
	k := reopen(t, options(t, m, Never), j.ID())
	for range 2 {
		if _, err := j.Append(&b); !errors.Is(err, ErrTaken) {
			t.Fatal(err)
		}
		if _, err := j.Reader().Next(1, 1); !errors.Is(err, ErrTaken) {
			t.Fatal(err)
		}
	}
	wantRun(t, drain(t, k, 50), 1, 11)
	closeQueue(t, k)
	if err := j.Close(); !errors.Is(err, ErrTaken) {
		t.Fatal(err)
	}
	wantGone(t, m)
	if _, err := Open(options(t, m, Never), j.ID()); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// The same when the other process is gone again, with a part of the queue.
func TestTakenAndLeft(t *testing.T) {
	m := newMemory()
	j := create(t, options(t, m, Never))
	fill(t, j, nil, 10, 3, 50)
	broken := true
	m.fault = func(op, name string, size int) (int, error) {
		if broken && op == "write" {
			return 0, syscall.EIO
		}
		return size, nil
	}
	var b Batch
	add(t, &b, nil, 9, body(11, 50))
	if _, err := j.Append(&b); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	broken = false
	k := reopen(t, options(t, m, Never), j.ID())
	items, err := k.Reader().Next(5, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Ack(items[4].Seq); err != nil {
		t.Fatal(err)
	}
	closeQueue(t, k)
	if _, err := j.Append(&b); !errors.Is(err, ErrTaken) {
		t.Fatal(err)
	}
	if _, err := j.Reader().Next(1, 1); !errors.Is(err, ErrTaken) {
		t.Fatal(err)
	}
	wantRun(t, drain(t, reopen(t, options(t, m, Never), j.ID()), 50), 6, 11)
}
