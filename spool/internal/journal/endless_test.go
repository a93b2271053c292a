package journal

import (
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// endless is a file system on which one segment is as large as a file system
// allows, most of it zeros.
type endless struct {
	*memory
	name  string
	size  int64
	tail  []byte // at the end
	holes bool   // it tells where they are
	read  int64  // bytes of it
}

func (e *endless) Open(name string) (disk.File, error) {
	f, err := e.memory.Open(name)
	if err != nil || name != e.name {
		return f, err
	}
	if file := (&endlessFile{f.(*memoryFile), e}); e.holes {
		return sparseFile{file}, nil
	} else {
		return file, nil
	}
}

type endlessFile struct {
	*memoryFile
	e *endless
}

func (f *endlessFile) Size() (int64, error) { return f.e.size, nil }

func (f *endlessFile) ReadAt(p []byte, off int64) (int, error) {
	n := int(min(int64(len(p)), f.e.size-off))
	f.e.read += int64(n)
	clear(p[:n])
	if off < int64(len(f.data)) {
		copy(p[:n], f.data[off:])
	}
	if from := off - (f.e.size - int64(len(f.e.tail))); from >= 0 {
		copy(p[:n], f.e.tail[from:])
	} else if -from < int64(n) {
		copy(p[-from:n], f.e.tail)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

type sparseFile struct{ *endlessFile }

func (f sparseFile) NextData(off int64) (int64, error) {
	switch tail := f.e.size - int64(len(f.e.tail)); {
	case off < int64(len(f.data)):
		return off, nil
	case len(f.e.tail) == 0:
		return 0, io.EOF
	default:
		return max(off, tail), nil
	}
}

// endlessQueue has records 1 and 2 at the beginning, and 3 at the end.
func endlessQueue(size int64) (*endless, Options) {
	c := craft()
	c.segment(segmentHeader{first: 1}, craftedRecord(1), craftedRecord(2))
	e := &endless{memory: c.m, name: queueDir(1) + "/" + segmentName(1), size: size, tail: craftedRecord(3)}
	return e, Options{FS: e}
}

// However large a segment is said to be, what has to be quick is: opening it,
// looking at it, making room, and each call of Next.
func TestEndlessSegment(t *testing.T) {
	const most = largeSegment + 2*stretch
	e, o := endlessQueue(1 << 50)
	j := reopen(t, o, craftedID)
	if s := j.Stats(); s.Waiting != 2 || e.read > most {
		t.Fatalf("%+v, %d bytes read", s, e.read)
	}
	e.read = 0
	p, err := Peek(e, craftedID)
	if err != nil || p.Waiting != 2 || string(p.Oldest) != "record 1 " || string(p.Newest) != "record 2 " || e.read > 3*largeSegment {
		t.Fatalf("%+v, %v, %d bytes read", p, err, e.read)
	}
	items, err := j.Reader().Next(10, 1<<20)
	if err != nil || len(items) != 2 {
		t.Fatal(items, err)
	}
	if err := j.Ack(1); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		e.read = 0
		if items, err := j.Reader().Next(10, 1<<20); !errors.Is(err, ErrUnfinished) || len(items) > 0 || e.read > stretch+2*chunk {
			t.Fatal(items, err, e.read)
		}
	}
	j.Reader().Rewind()
	if items, err := j.Reader().Next(10, 1<<20); err != nil || len(items) != 1 || items[0].Seq != 2 {
		t.Fatal(items, err)
	}
	e.read = 0
	n, freed, err := j.Evict(17)
	if n != 0 || freed < 1<<49 || err != nil || e.read > most {
		t.Fatalf("%d records, %d bytes, %v; %d bytes read", n, freed, err, e.read)
	}
	e.name = ""
	j.Reader().Rewind()
	if got := readAll(t, j); !slices.Equal(got, []uint64{2}) || j.Stats().Waiting != 0 {
		t.Fatal(got, j.Stats())
	}
	closeQueue(t, j)
	wantGone(t, e.memory)
}

// Where a file tells of its holes, nobody reads them, and what lies behind them
// is found.
func TestSparseSegment(t *testing.T) {
	e, o := endlessQueue(1 << 50)
	e.holes = true
	report, err := Verify(e, craftedID)
	if err != nil || report.Records != 3 || report.Damaged > 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	j := reopen(t, o, craftedID)
	if s := j.Stats(); s.Waiting != 3 {
		t.Fatalf("%+v", s)
	}
	if got := readAll(t, j); !slices.Equal(got, []uint64{1, 2, 3}) || e.read > 32*chunk {
		t.Fatal(got, e.read)
	}
	closeQueue(t, j)
	wantGone(t, e.memory)
}

// Next goes on where it was, and what showed only then is in the books.
func TestLargeSegmentIsReadToItsEnd(t *testing.T) {
	e, o := endlessQueue(largeSegment + 64<<20)
	for name, evict := range map[string]bool{"read": false, "evict": true} {
		t.Run(name, func(t *testing.T) {
			c := *e
			c.memory = e.killed()
			o.FS = &c
			j := reopen(t, o, craftedID)
			if s := j.Stats(); s.Waiting != 2 || s.Next != 3 {
				t.Fatalf("%+v", s)
			}
			if evict {
				if n, _, err := j.Evict(EvictAll); n != 2 || err != nil {
					t.Fatal(n, err)
				}
			} else if got := readAll(t, j); !slices.Equal(got, []uint64{1, 2, 3}) {
				t.Fatal(got)
			}
			if s := j.Stats(); s.Waiting != 0 || s.Damaged != 0 {
				t.Fatalf("%+v", s)
			}
			closeQueue(t, j)
			wantGone(t, c.memory)
		})
	}
}

// Frames that are none of our business do not keep Next from returning either.
func TestManyFramesOfNoRecord(t *testing.T) {
	c := craft()
	var frames []byte
	for len(frames) < 3*stretch {
		frames = append(frames, craftedFrame(header{kind: 99, seq: 1}, make([]byte, 1000))...)
	}
	c.segment(segmentHeader{first: 1}, frames, craftedRecord(1))
	j := reopen(t, Options{FS: c.m}, craftedID)
	if _, err := j.Reader().Next(10, 1<<20); !errors.Is(err, ErrUnfinished) {
		t.Fatal(err)
	}
	if got := readAll(t, j); !slices.Equal(got, []uint64{1}) {
		t.Fatal(got)
	}
	closeQueue(t, j)
}
