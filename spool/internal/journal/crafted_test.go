package journal

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/seed2f724858/sluice/encode"
)

// crafted is a queue made by somebody who knows the format and means no good.
// Its segments have a salt of zeros.
type crafted struct{ m *memory }

const craftedID = "0000000000000001"

func craft() crafted {
	c := crafted{newMemory()}
	c.m.files[queueDir(1)] = nil
	return c
}

func (c crafted) put(name string, data []byte) {
	c.m.files[queueDir(1)+"/"+name] = &memoryFile{m: c.m, name: name, data: data}
}

func (c crafted) segment(h segmentHeader, frames ...[]byte) {
	h.queue = 1
	c.put(segmentName(h.first), slices.Concat(appendSegmentHeader(nil, h), slices.Concat(frames...)))
}

// cursor writes a slot to either place.
func (c crafted) cursor(one, two position) {
	var slots [2][slotSize]byte
	putSlot(&slots[0], 1, one)
	putSlot(&slots[1], 1, two)
	c.put(cursorName, slices.Concat(slots[0][:], make([]byte, slotDistance-slotSize), slots[1][:]))
}

func craftedFrame(h header, payload []byte) []byte {
	p := append(make([]byte, frameHeaderSize), payload...)
	h.length, h.payloadCRC = uint32(len(payload)), payloadCRC(payload)
	putHeader(p, h)
	stamp(p, seed([saltSize]byte{}), h.seq, h.origin)
	return p
}

func craftedRecord(seq uint64) []byte {
	return craftedFrame(header{kind: typeRecord, severity: 9, seq: seq}, fmt.Appendf(nil, "record %d ", seq))
}

// next reads until something shows.
func next(j *Journal) (items []Item, err error) {
	err = ErrUnfinished
	for errors.Is(err, ErrUnfinished) {
		items, err = j.Reader().Next(10, 1<<20)
	}
	return items, err
}

// readAll hands out and settles everything.
func readAll(t *testing.T, j *Journal) (seqs []uint64) {
	t.Helper()
	for {
		items, err := next(j)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) == 0 {
			return seqs
		}
		for _, it := range items {
			seqs = append(seqs, it.Seq)
		}
		if err := j.Ack(seqs[len(seqs)-1]); err != nil {
			t.Fatal(err)
		}
	}
}

// Numbers that no writer can have reached are damage: they cost no sound record
// beside them, and no sum of them goes wrong.
func TestImpossibleNumbers(t *testing.T) {
	const most = math.MaxUint64
	sound := []uint64{1, 2}
	for name, make := range map[string]func(c crafted){
		"last segment": func(c crafted) {
			c.segment(segmentHeader{first: 1}, craftedRecord(1), craftedRecord(2))
			c.segment(segmentHeader{first: most}, craftedRecord(most))
		},
		"last segments": func(c crafted) {
			c.segment(segmentHeader{first: 1}, craftedRecord(1), craftedRecord(2))
			c.segment(segmentHeader{first: most - 1}, craftedRecord(most-1), craftedRecord(most))
			c.segment(segmentHeader{first: maxSeq}, craftedRecord(maxSeq))
		},
		"segment of nothing": func(c crafted) {
			c.segment(segmentHeader{first: 0}, craftedRecord(0))
			c.segment(segmentHeader{first: 1}, craftedRecord(1), craftedRecord(2))
		},
		"record of a compacted segment": func(c crafted) {
			h := segmentHeader{first: 1, compacted: true, records: 2}
			c.segment(h, craftedRecord(1), craftedRecord(most), craftedRecord(most-1), craftedRecord(maxSeq), craftedRecord(2))
		},
		"record of a segment": func(c crafted) {
			c.segment(segmentHeader{first: 1}, craftedRecord(1), craftedRecord(most), craftedRecord(2), craftedRecord(maxSeq))
		},
		"next": func(c crafted) {
			c.segment(segmentHeader{first: 1}, craftedRecord(1), craftedRecord(2))
			c.cursor(position{1, 1, 3}, position{2, 1, most})
		},
		"half of it": func(c crafted) {
			c.segment(segmentHeader{first: 1}, craftedRecord(1), craftedRecord(2))
			c.cursor(position{2, 1, 1 << 63}, position{1, 1, 2})
		},
		"acked": func(c crafted) {
			c.segment(segmentHeader{first: 1}, craftedRecord(1), craftedRecord(2))
			c.cursor(position{2, most, most}, position{3, most - 1, most})
		},
		"counter": func(c crafted) {
			c.segment(segmentHeader{first: 1}, craftedRecord(1), craftedRecord(2))
			c.cursor(position{1, 1, 2}, position{most, 3, 3})
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := craft()
			make(c)
			report, err := Verify(c.m, craftedID)
			if err != nil || report.Waiting != 2 || report.Records != 2 {
				t.Errorf("%+v, %v", report, err)
			}
			j := reopen(t, Options{FS: c.m}, craftedID)
			if s := j.Stats(); s.Waiting != 2 || s.Next != 3 {
				t.Errorf("%+v", s)
			}
			got := readAll(t, j)
			if s := j.Stats(); !slices.Equal(got, sound) || s.Damaged != 0 || s.Waiting != 0 {
				t.Errorf("%d, %+v", got, s)
			}
			closeQueue(t, j)
			wantGone(t, c.m)
		})
	}
}

// What origins take in memory is bounded, whatever a segment holds: those for
// which there is no room are lost, and counted.
func TestManyOrigins(t *testing.T) {
	for name, size := range map[string]int{"large": MaxOrigin, "small": 1 << 10} {
		t.Run(name, func(t *testing.T) {
			fit := maxOrigins / (size + originOverhead)
			c := craft()
			var frames []byte
			payload := make([]byte, size)
			for n := range fit + 2 {
				frames = append(frames, craftedFrame(header{kind: typeOrigin, seq: 1, origin: uint32(n + 1)}, payload)...)
			}
			for seq, n := range []int{1, fit, fit + 1, fit + 2} {
				frames = append(frames, craftedFrame(header{kind: typeRecord, seq: uint64(seq + 1), origin: uint32(n)}, nil)...)
			}
			c.segment(segmentHeader{first: 1}, frames)
			j := reopen(t, Options{FS: c.m}, craftedID)
			items, err := next(j)
			if err != nil || len(items) != 4 || items[0].Origin == nil || items[1].Origin == nil || items[2].Origin != nil || items[3].Origin != nil {
				t.Fatal(items, err)
			}
			if s := j.Stats(); s.OriginsLost != 2 || s.Damaged != 0 {
				t.Fatalf("%+v", s)
			}
			if o := &j.reader.origins; o.bytes > maxOrigins || len(o.byNumber) != fit {
				t.Fatalf("%d origins, %d bytes", len(o.byNumber), o.bytes)
			}
		})
	}
}

// An origin that is larger than any is none: what is in it may be frames.
func TestHugeOrigin(t *testing.T) {
	c := craft()
	huge := bytes.Repeat([]byte{0}, MaxOrigin+1)
	c.segment(segmentHeader{first: 1},
		craftedFrame(header{kind: typeOrigin, seq: 1, origin: 1}, huge),
		craftedFrame(header{kind: typeRecord, seq: 1, origin: 1}, []byte("a")))
	j := reopen(t, Options{FS: c.m}, craftedID)
	items, err := j.Reader().Next(10, 1<<20)
	if s := j.Stats(); err != nil || len(items) != 1 || items[0].Origin != nil || s.OriginsLost != 1 {
		t.Fatal(items, s, err)
	}
	var b Batch
	for n, want := range []error{nil, ErrTooLarge} {
		o := &encode.OTLPOrigin{Resource: make([]byte, MaxOrigin-3+n)} // and three for its length
		err := b.Add(o, 9, false, func(dst []byte) []byte { return dst })
		if !errors.Is(err, want) || b.Len() != 1 {
			t.Fatalf("origin of %d bytes: %v", len(o.Resource), err)
		}
	}
}
