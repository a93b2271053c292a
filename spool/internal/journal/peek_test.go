package journal

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// Peek tells the first and the last record that can be read, in use or not, and
// changes nothing.
func TestPeek(t *testing.T) {
	m, _, id, records := small(t)
	var seqs []uint64
	for seq := range records {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	n := len(seqs)
	want := func(m *memory, oldest, newest uint64, damaged uint64) {
		t.Helper()
		before := m.killed()
		p, err := Peek(m, id)
		if err != nil || p.Waiting != uint64(n) || p.Damaged != damaged || (damaged > 0) != (len(p.Problems) > 0) ||
			!bytes.HasPrefix(p.Oldest, fmt.Appendf(nil, "record %d ", oldest)) || !bytes.HasPrefix(p.Newest, fmt.Appendf(nil, "record %d ", newest)) {
			t.Errorf("%+v, %v", p, err)
		}
		for name, f := range before.files {
			if f != nil && !bytes.Equal(f.data, m.files[name].data) {
				t.Errorf("%s was changed", name)
			}
		}
	}
	want(m, 1, seqs[n-1], 0)
	first, last := m.killed(), m.killed()
	first.files[records[1].file].data[records[1].to-1] ^= 1
	want(first, 2, seqs[n-1], 1)
	end := records[seqs[n-1]]
	last.files[end.file].data[end.to-1] ^= 1
	want(last, 1, seqs[n-2], 1)
}

func TestPeekInUse(t *testing.T) {
	d := openDir(t)
	o := options(t, d, Never)
	o.SegmentSize = 8 << 10
	j := create(t, o)
	if p, err := Peek(d, j.ID()); err != nil || p.Waiting != 0 || p.Oldest != nil || p.Newest != nil {
		t.Errorf("empty: %+v, %v", p, err)
	}
	fill(t, j, origin("a"), 300, 10, 100)
	items, err := j.Reader().Next(100, 1<<20)
	if err == nil {
		err = j.Ack(items[len(items)-1].Seq)
	}
	if err != nil {
		t.Fatal(err)
	}
	p, err := Peek(d, j.ID())
	if err != nil || !bytes.HasPrefix(p.Oldest, fmt.Appendf(nil, "record %d ", len(items)+1)) || !bytes.HasPrefix(p.Newest, []byte("record 300 ")) || p.Waiting != uint64(300-len(items)) {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := Peek(d, "0123456789abcdef"); err == nil || errors.Is(err, ErrLocked) {
		t.Errorf("no such queue: %v", err)
	}
}
