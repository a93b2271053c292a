package journal

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed2f724858/sluice/encode"
)

// small makes a queue of three segments with two origins and records of many
// sizes, left by a process that has ended well, and tells which bytes of which
// file hold which record.
func small(t *testing.T) (m *memory, o Options, id string, records map[uint64]place) {
	m = newMemory()
	o = Options{FS: m, SegmentSize: firstFrame + 1200, Sync: Always}
	j := create(t, o)
	origins := []*encode.OTLPOrigin{nil, origin("one"), origin("two")}
	var b Batch
	for n := uint64(1); n <= 24; {
		b.Reset()
		for range 1 + n%3 {
			add(t, &b, origins[n%3], 9, body(n, sizeOf(n)))
			n++
		}
		if _, err := j.Append(&b); err != nil {
			t.Fatal(err)
		}
	}
	closeQueue(t, j)
	records = map[uint64]place{}
	for _, name := range m.segments(t, j.ID()) {
		f := m.files[name]
		h, err := readSegmentHeader(f)
		if err != nil {
			t.Fatal(err)
		}
		s := newScanner(f, seed(h.salt))
		for {
			fr, got, err := s.next(int64(len(f.data)))
			if err != nil {
				t.Fatal(err)
			}
			if got == atLimit {
				break
			}
			if fr.kind == typeRecord {
				records[fr.seq] = place{name, fr.at, fr.at + frameHeaderSize + int64(fr.length)}
			}
		}
	}
	if len(m.segments(t, j.ID())) != 3 || len(records) < 24 {
		t.Fatalf("%d segments, %d records", len(m.segments(t, j.ID())), len(records))
	}
	return m, o, j.ID(), records
}

// place is where a record stands.
type place struct {
	file     string
	from, to int64
}

// wantLost opens what m holds and wants all records but lost, which are counted.
func wantLost(t *testing.T, m *memory, o Options, id string, records map[uint64]place, mayLoseOrigins uint64, lost func(place) bool) {
	t.Helper()
	o.FS, o.Report = m, nil
	j, err := Open(o, id)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	want := slices.Sorted(maps.Keys(records))
	want = slices.DeleteFunc(want, func(seq uint64) bool { return lost(records[seq]) })
	if waiting := j.Stats().Waiting; waiting != uint64(len(records)) {
		t.Fatalf("%d wait, want %d", waiting, len(records))
	}
	var got []uint64
	for {
		items, err := j.Reader().Next(5, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) == 0 {
			break
		}
		for _, it := range items {
			if string(it.Log) != string(body(it.Seq, sizeOf(it.Seq))) {
				t.Fatalf("record %d = %q", it.Seq, it.Log)
			}
			got = append(got, it.Seq)
		}
		if err := j.Ack(items[len(items)-1].Seq); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
	s := j.Stats()
	if int(s.Damaged) != len(records)-len(want) || s.OriginsLost > mayLoseOrigins || s.Waiting != 0 {
		t.Fatalf("%+v, want %d damaged", s, len(records)-len(want))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, there := m.files[queuePrefix+id]; there {
		t.Fatal("the queue is still there")
	}
}

// sizeOf is what the records of small differ in.
func sizeOf(seq uint64) int { return int(seq % 7 * 17) }

// offsets returns every offset in f, but for most of the hole in its header.
func (f *memoryFile) offsets() (list []int64) {
	for at := range int64(len(f.data)) {
		if at < segmentHeaderSize || at >= secondHeader || at%101 == 0 {
			list = append(list, at)
		}
	}
	return list
}

// A bit flipped anywhere costs the record it is in, and nothing else.
func TestEveryBitFlip(t *testing.T) {
	m, o, id, records := small(t)
	rng := rand.New(rand.NewPCG(1, 2))
	names := append(m.segments(t, id), queuePrefix+id+"/"+cursorName)
	for _, name := range names {
		for _, at := range m.files[name].offsets() {
			c := m.killed()
			c.files[name].data[at] ^= 1 << rng.UintN(8)
			wantLost(t, c, o, id, records, 0, func(p place) bool { return p.file == name && p.from <= at && at < p.to })
		}
	}
}

// Cut anywhere, a segment loses what is behind the cut, and nothing else.
func TestEveryCut(t *testing.T) {
	m, o, id, records := small(t)
	for _, name := range m.segments(t, id) {
		for _, at := range m.files[name].offsets() {
			c := m.killed()
			c.files[name].data = c.files[name].data[:at]
			wantLost(t, c, o, id, records, 0, func(p place) bool { return p.file == name && p.to > at })
		}
	}
	cursor := queuePrefix + id + "/" + cursorName
	for at := range len(m.files[cursor].data) {
		c := m.killed()
		c.files[cursor].data = c.files[cursor].data[:at]
		wantLost(t, c, o, id, records, 0, func(place) bool { return false })
	}
}

// Bytes that are missing in the middle cost the records they were in, and the
// origin if they hit both its copies.
func TestEveryHole(t *testing.T) {
	m, o, id, records := small(t)
	for _, name := range m.segments(t, id) {
		for at := int64(firstFrame); at < int64(len(m.files[name].data)); at++ {
			c := m.killed()
			f := c.files[name]
			f.data = slices.Delete(f.data, int(at), int(min(at+60, int64(len(f.data)))))
			wantLost(t, c, o, id, records, 24, func(p place) bool {
				// Bytes that follow may be those that are missing.
				return p.file == name && !bytes.Contains(f.data, m.files[name].data[p.from:p.to])
			})
		}
	}
}

func TestMissingSegment(t *testing.T) {
	m, o, id, records := small(t)
	for _, name := range m.segments(t, id) {
		c := m.killed()
		delete(c.files, name)
		wantLost(t, c, o, id, records, 0, func(p place) bool { return p.file == name })
	}
	c := m.killed()
	for _, name := range m.segments(t, id) {
		delete(c.files, name)
	}
	wantLost(t, c, o, id, records, 0, func(p place) bool { return true })
}
