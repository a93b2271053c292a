package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Frames inside a record's payload are not taken for frames, not even when the
// record is damaged: nobody who writes records knows the salt.
func TestForgedFrames(t *testing.T) {
	m := newMemory()
	o := Options{FS: m, Sync: Always}
	j := create(t, o)
	forge := func(seed uint32) []byte {
		p := append(make([]byte, frameHeaderSize), "evil"...)
		putHeader(p, header{kind: typeRecord, severity: 21, length: 4, payloadCRC: payloadCRC(p[frameHeaderSize:])})
		stamp(p, seed, 2, 0)
		return p
	}
	payload := slices.Concat(bytes.Repeat(forge(0), 20), bytes.Repeat(forge(seed([saltSize]byte{})), 20), bytes.Repeat(magicBytes, 200))
	var b Batch
	add(t, &b, nil, 9, []byte("before"))
	add(t, &b, nil, 9, payload)
	add(t, &b, nil, 9, []byte("after"))
	if _, err := j.Append(&b); err != nil {
		t.Fatal(err)
	}
	closeQueue(t, j)
	name := m.segments(t, j.ID())[0]
	at := bytes.Index(m.files[name].data, payload)
	for _, damaged := range []int{at - 1, at - frameHeaderSize, at - frameHeaderSize + atLength, at} {
		c := m.killed()
		c.files[name].data[damaged] ^= 0x10
		k := reopen(t, Options{FS: c}, j.ID())
		var got []string
		for {
			items, err := k.Reader().Next(10, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if len(items) == 0 {
				break
			}
			for _, it := range items {
				got = append(got, string(it.Log))
			}
		}
		if !slices.Equal(got, []string{"before", "after"}) || k.Stats().Damaged != 1 {
			t.Fatalf("damage at %d: %q, %+v", damaged-at, got, k.Stats())
		}
	}
}

// A number that no writer can have reached does not make a queue believe that
// it has lost everything before it.
func TestImpossibleNumber(t *testing.T) {
	m := newMemory()
	j := create(t, Options{FS: m, Sync: Always})
	fill(t, j, nil, 3, 3, 10)
	c := m.killed()
	f := c.files[c.segments(t, j.ID())[0]]
	h, err := readSegmentHeader(f)
	if err != nil {
		t.Fatal(err)
	}
	p := append(make([]byte, frameHeaderSize), "far"...)
	putHeader(p, header{kind: typeRecord, length: 3, payloadCRC: payloadCRC([]byte("far"))})
	stamp(p, seed(h.salt), 1<<40, 0)
	f.data = slices.Concat(f.data[:firstFrame], p, f.data[firstFrame:], p)
	k := reopen(t, Options{FS: c}, j.ID())
	if s := k.Stats(); s.Waiting != 3 || s.Next != 4 {
		t.Fatalf("%+v", s)
	}
	wantRun(t, drain(t, k, 10), 1, 4)
}

// countingFile counts the bytes that are read.
type countingFile struct {
	*memoryFile
	read int64
}

func (f *countingFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.memoryFile.ReadAt(p, off)
	f.read += int64(n)
	return n, err
}

// However a segment was made, by somebody who knows its salt too, it is read
// once, and checksums are computed over a bounded multiple of it.
func TestScanIsLinear(t *testing.T) {
	const size = 1 << 20
	var salt [saltSize]byte
	s := seed(salt)
	nested := func(length func(left int) uint32) []byte {
		data := make([]byte, firstFrame+size)
		for at := firstFrame; at+frameHeaderSize <= len(data); at += frameHeaderSize {
			putHeader(data[at:], header{kind: typeRecord, length: length(len(data) - at - frameHeaderSize), payloadCRC: 1})
			stamp(data[at:], s, 1, 0)
		}
		return data
	}
	for name, data := range map[string][]byte{
		"magic":             append(make([]byte, firstFrame), bytes.Repeat(magicBytes, size/2)...),
		"zeros":             make([]byte, firstFrame+size),
		"nested to the end": nested(func(left int) uint32 { return uint32(left) }),
		"nested in halves":  nested(func(left int) uint32 { return uint32(left / 2) }),
		"beyond the end":    nested(func(left int) uint32 { return uint32(left + 1) }),
		"huge":              nested(func(int) uint32 { return MaxPayload + 1 }),
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			f := &countingFile{memoryFile: &memoryFile{m: m, data: data}}
			sc := newScanner(f, s)
			for steps := 0; ; steps++ {
				_, got, err := sc.next(int64(len(data)))
				if err != nil || got == windowFull || steps > size {
					t.Fatal(got, err, steps)
				}
				if got == atLimit {
					break
				}
			}
			if f.read > 3*int64(len(data)) || sc.wasted > 6*int64(len(data)) {
				t.Fatalf("%d bytes read, %d checksummed in vain, of %d", f.read, sc.wasted, len(data))
			}
			if cap(sc.window) > 2*size {
				t.Fatalf("window of %d", cap(sc.window))
			}
		})
	}
}

// What is none of the queue's files stays, and keeps nothing from working.
func TestForeignFiles(t *testing.T) {
	d := openDir(t)
	o := options(t, d, Always)
	other := create(t, o)
	fill(t, other, nil, 3, 3, 10)
	closeQueue(t, other)
	j := create(t, o)
	fill(t, j, origin("a"), 10, 3, 50)
	closeQueue(t, j)
	dir := filepath.Join(d.Path(), j.dir)
	foreign := map[string][]byte{
		"notes.txt":     []byte("mine"),
		"1.seg":         []byte("mine"),
		"README.tmp":    []byte("mine"),
		segmentName(99): nil,
	}
	var err error
	if foreign[segmentName(99)], err = os.ReadFile(filepath.Join(d.Path(), other.dir, segmentName(1))); err != nil {
		t.Fatal(err)
	}
	for name, data := range foreign {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{segmentName(4) + tempSuffix, segmentName(1 << 60), "cursor.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half made"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, segmentName(7)), 0o700); err != nil {
		t.Fatal(err)
	}
	k := reopen(t, o, j.ID())
	wantRun(t, drain(t, k, 50), 1, 11)
	if s := k.Stats(); s.Damaged != 0 || s.Waiting != 0 {
		t.Fatalf("%+v", s)
	}
	closeQueue(t, k)
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != len(foreign)+1 {
		t.Fatalf("left: %v", left)
	}
	for name, want := range foreign {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%s: %q, %v", name, got, err)
		}
	}
	// Found again, it is an empty queue.
	k = reopen(t, o, j.ID())
	if got := drain(t, k, 50); len(got) > 0 {
		t.Fatal(got)
	}
	closeQueue(t, k)
}

// newer makes a header or slot that a later version has written.
func newer(p []byte) {
	binary.LittleEndian.PutUint16(p[8:], Version+1)
	p[59]++ // a field that we do not know
	binary.LittleEndian.PutUint32(p[60:], crc32.Checksum(p[:60], castagnoli))
}

// What a later version has written is left as it is.
func TestNewerVersion(t *testing.T) {
	m, o, id, _ := small(t)
	o.Report = nil
	names := append(m.segments(t, id), queuePrefix+id+"/"+cursorName)
	for _, name := range names {
		c := m.killed()
		data := c.files[name].data
		for _, at := range []int{0, secondHeader} {
			if at+64 <= len(data) && !bytes.Equal(data[at:at+64], make([]byte, 64)) {
				newer(data[at:])
			}
		}
		before := c.killed()
		o.FS = c
		if _, err := Open(o, id); !errors.Is(err, ErrVersion) {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := Verify(c, id); !errors.Is(err, ErrVersion) {
			t.Fatalf("%s: %v", name, err)
		}
		for name, f := range before.files {
			if f != nil && !bytes.Equal(f.data, c.files[name].data) {
				t.Errorf("%s was changed", name)
			}
		}
		if len(c.locks) > 0 {
			t.Error("the lock is held")
		}
	}
}

func FuzzSegment(f *testing.F) {
	var salt [saltSize]byte
	h := segmentHeader{queue: 1, first: 1, salt: salt}
	salted := seed(salt)
	head := appendSegmentHeader(nil, h)
	frame := func(kind uint8, seq uint64, origin uint32, payload string) []byte {
		p := append(make([]byte, frameHeaderSize), payload...)
		putHeader(p, header{kind: kind, severity: 9, length: uint32(len(payload)), payloadCRC: payloadCRC([]byte(payload))})
		stamp(p, salted, seq, origin)
		return p
	}
	f.Add([]byte{}, false)
	f.Add(frame(typeRecord, 1, 0, "x"), false)
	f.Add(slices.Concat(frame(typeOrigin, 1, 1, "\x01ab"), frame(typeOrigin, 1, 1, "\xFFab"), frame(typeRecord, 1, 1, "x"), frame(typeRecord, 3, 2, "y")), true)
	f.Add(slices.Concat(frame(typeRecord, 1<<63, 0, "far"), frame(typeRecord, 2, 0, "y"), frame(9, 2, 0, "?")), true)
	f.Fuzz(func(t *testing.T, frames []byte, compacted bool) {
		// Headers that look right are made right, else nothing gets past them.
		frames = slices.Clone(frames)
		for at := 0; at+frameHeaderSize <= len(frames); at++ {
			if bytes.HasPrefix(frames[at+atMagic:], magicBytes) {
				binary.LittleEndian.PutUint32(frames[at:], crc32.Update(salted, castagnoli, frames[at+atMagic:at+frameHeaderSize]))
			}
		}
		m := newMemory()
		dir := queueDir(1)
		m.files[dir] = nil
		first := head
		if compacted {
			h := h
			h.compacted, h.records = true, 3
			first = appendSegmentHeader(nil, h)
		}
		put := func(name string, data []byte) {
			m.files[dir+"/"+name] = &memoryFile{m: m, name: name, data: data}
		}
		put(segmentName(1), slices.Concat(first, frames))
		put(segmentName(5), appendSegmentHeader(nil, segmentHeader{queue: 1, first: 5}))
		j, err := Open(Options{FS: m}, "0000000000000001")
		if err != nil {
			t.Fatal(err)
		}
		waiting := j.Stats().Waiting
		last, read := uint64(0), uint64(0)
		for {
			items, err := j.Reader().Next(2, 64)
			if err != nil {
				t.Fatal(err)
			}
			if len(items) == 0 {
				break
			}
			first, n := items[0].Seq, len(items)
			j.Reader().Rewind()
			if items, err = j.Reader().Next(2, 64); err != nil || len(items) != n || items[0].Seq != first {
				t.Fatalf("%v, %v after a rewind, want %d from %d", items, err, n, first)
			}
			for _, it := range items {
				if it.Seq <= last || it.Seq >= 5 {
					t.Fatalf("%d after %d", it.Seq, last)
				}
				last = it.Seq
				read++
			}
			if err := j.Ack(last); err != nil {
				t.Fatal(err)
			}
		}
		if s := j.Stats(); !compacted && (s.Waiting != 0 || s.Damaged+read != waiting) {
			t.Fatalf("%d waited, %d read, %+v", waiting, read, s)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzCursor(f *testing.F) {
	var slot [slotSize]byte
	putSlot(&slot, 1, position{3, 4, 5})
	f.Add(slot[:], []byte{})
	f.Add([]byte{}, slot[:])
	f.Fuzz(func(t *testing.T, one, two []byte) {
		data := make([]byte, slotDistance, slotDistance+len(two))
		copy(data, one)
		data = append(data, two...)
		m := newMemory()
		dir := queueDir(1)
		m.files[dir] = nil
		m.files[dir+"/"+cursorName] = &memoryFile{m: m, data: data}
		c, err := readCursor(m, dir, 1)
		if err == nil && c.acked > c.next {
			t.Fatalf("%+v", c)
		}
		j, err := Open(Options{FS: m}, "0000000000000001")
		if errors.Is(err, ErrVersion) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if items, err := j.Reader().Next(1, 1); err != nil || len(items) > 0 {
			t.Fatal(items, err)
		}
		if s := j.Stats(); s.Waiting != 0 {
			t.Fatalf("%+v", s)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
