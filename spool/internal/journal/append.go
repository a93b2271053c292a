package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// Append stores the batch and returns the sequence number of its first record;
// the others follow. When it returns they are as durable as Options.Sync says.
//
// With an error none of them is in the queue, and Append may be tried again: at
// once it would fail again, with a disk that is full ([disk.IsFull]) or broken
// it works when that is over. [ErrTaken], [ErrClosed] and [ErrDrained] stay.
func (j *Journal) Append(b *Batch) (first uint64, err error) {
	if b.Len() == 0 {
		return 0, nil
	}
	defer j.reportUntold()
	j.writeMu.Lock()
	first, err = j.write(b)
	j.writeMu.Unlock()
	if err == nil && j.sync == Always {
		err = j.commit(b)
	}
	if err != nil {
		return 0, fmt.Errorf("journal: append: %w", err)
	}
	if j.sync > 0 {
		j.syncSoon()
	}
	j.announce()
	return first, nil
}

// write puts the batch into the active segment. writeMu is held.
func (j *Journal) write(b *Batch) (first uint64, err error) {
	if err := j.usable(); err != nil {
		return 0, err
	}
	seg, err := j.ready(int64(len(b.buf)))
	if err != nil {
		return 0, err
	}
	first = j.next // which only holders of writeMu change
	known := len(seg.origins)
	j.scratch = j.scratch[:0]
	b.mapped = b.mapped[:0]
	for _, o := range b.origins {
		var n uint32
		j.scratch, n = seg.number(j.scratch, o, first)
		b.mapped = append(b.mapped, n)
	}
	for i, e := range b.entries {
		origin := uint32(0)
		if e.origin > 0 {
			origin = b.mapped[e.origin-1]
		}
		stamp(b.buf[e.at:], seg.seed, first+uint64(i), origin)
	}
	if err := j.writeFrames(seg, b.buf); err != nil {
		seg.forget(known)
		return 0, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	seg.written += int64(len(j.scratch) + len(b.buf))
	j.next += uint64(b.Len())
	if j.sync != Never {
		j.pending = append(j.pending, b.buf...)
	}
	if j.sync == Always {
		b.settled, b.err = false, nil
		j.unsettled = append(j.unsettled, b)
	} else {
		j.show(seg, j.next, seg.written)
		if j.sync == Never {
			j.works()
		}
	}
	return first, nil
}

// show lets the reader see records before visible. mu is held.
func (j *Journal) show(seg *segment, visible uint64, limit int64) {
	j.stats.Waiting += visible - j.visible
	j.visible, seg.limit = visible, limit
}

// usable reports what keeps the queue from taking records.
func (j *Journal) usable() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.closed:
		return ErrClosed
	case !j.owned:
		return ErrDrained
	case j.taken:
		return ErrTaken
	}
	return nil
}

// ready returns the active segment with room for n bytes. writeMu is held.
func (j *Journal) ready(n int64) (*segment, error) {
	if err := j.attach(); err != nil {
		return nil, err
	}
	if err := j.renew(); err != nil {
		return nil, err
	}
	if seg := j.active; seg != nil && (seg.written <= firstFrame || seg.written+n <= j.size) {
		return seg, nil
	}
	if err := j.seal(); err != nil {
		return nil, err
	}
	if j.active == nil {
		seg, err := j.begin(j.next, nil, nil)
		if err != nil {
			return nil, j.diskFailed(err)
		}
		j.mu.Lock()
		j.adopt(seg)
		j.mu.Unlock()
	}
	return j.active, nil
}

// adopt makes seg the active segment. mu is held.
func (j *Journal) adopt(seg *segment) {
	for i, old := range j.segments {
		if old.first == seg.first { // of which nothing counts: it was replaced
			old.gone = true
			j.segments = append(j.segments[:i], j.segments[i+1:]...)
			break
		}
	}
	if n := len(j.segments); n > 0 && j.segments[n-1].end == 0 {
		j.segments[n-1].end = seg.first
	}
	j.segments = append(j.segments, seg)
	j.active, j.durableLimit = seg, seg.written
	seg.limit = seg.written
}

// begin makes the file of a new segment, with frames of an earlier one in it.
// The file gets its name when it is complete. writeMu is held.
func (j *Journal) begin(first uint64, frames []byte, from *segment) (*segment, error) {
	seg := &segment{segmentHeader: segmentHeader{queue: j.id, first: first, created: time.Now().UnixNano()}}
	_, _ = rand.Read(seg.salt[:]) // never fails
	seg.seed = seed(seg.salt)
	seg.numbers = make(map[*encode.OTLPOrigin]uint32)
	content := appendSegmentHeader(nil, seg.segmentHeader)
	content = seg.appendFrames(content, frames, from)
	seg.written = int64(len(content))

	temp := j.dir + "/" + segmentName(first) + tempSuffix
	f, err := createAnew(j.fs, temp)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil && j.sync != Never {
		err = f.Sync()
	}
	if err == nil {
		err = j.fs.Rename(temp, j.dir+"/"+segmentName(first))
	}
	if err == nil && j.sync != Never {
		err = j.fs.SyncDir(j.dir)
	}
	if err != nil {
		err = errors.Join(err, f.Close())
		_ = j.fs.Remove(temp) // else the next attempt does
		return nil, err
	}
	seg.file = f
	return seg, nil
}

// writeFrames writes scratch and frames after what the segment has. On failure
// the segment is as it was, or given up. writeMu is held.
func (j *Journal) writeFrames(seg *segment, frames []byte) error {
	at := seg.written
	var err error
	if len(j.scratch) > 0 {
		_, err = seg.file.WriteAt(j.scratch, at)
	}
	if err == nil {
		_, err = seg.file.WriteAt(frames, at+int64(len(j.scratch)))
	}
	if err == nil {
		return nil
	}
	if !isFull(err) {
		return j.diskFailed(err)
	}
	j.noteWrite(err)
	if seg.file.Truncate(at) != nil {
		// What the write has left stays there, behind the end.
		if synced := j.syncActive(); synced == nil {
			_ = j.leave()
		}
	}
	return err
}

func (j *Journal) noteWrite(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stats.WriteErrors++
	j.failed(err)
}

// diskFailed notes an error of the disk. Unless the disk is only full, every
// descriptor is given up. writeMu is held.
func (j *Journal) diskFailed(err error) error {
	j.noteWrite(err)
	if !isFull(err) {
		j.syncMu.Lock()
		j.detach()
		j.syncMu.Unlock()
	}
	return err
}

func isFull(err error) bool { return disk.IsFull(err) || errors.Is(err, io.ErrShortWrite) }

// seal ends the active segment. When that cannot be synced, another may be
// active afterwards. writeMu is held.
func (j *Journal) seal() error {
	if j.active == nil {
		return nil
	}
	if err := j.syncActive(); err != nil {
		return j.renew()
	}
	return j.leave()
}

// leave closes the active segment, which was synced. writeMu is held.
func (j *Journal) leave() error {
	j.syncMu.Lock()
	defer j.syncMu.Unlock()
	seg := j.active
	j.mu.Lock()
	seg.end, seg.limit = j.next, seg.written
	j.active = nil
	j.mu.Unlock()
	err := seg.close()
	if j.sync != Never {
		err = nil // what was synced is not lost in closing
	}
	return err
}

func (s *segment) close() error {
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return f.Close()
}

// number returns o's number in the segment. For one that it has not seen it
// appends two frames to dst, so that one damaged place does not cost it.
func (s *segment) number(dst []byte, o *encode.OTLPOrigin, seq uint64) ([]byte, uint32) {
	if n, ok := s.numbers[o]; ok {
		return dst, n
	}
	s.origins = append(s.origins, o)
	n := uint32(len(s.origins))
	s.numbers[o] = n
	return appendOriginFrames(dst, s.seed, seq, n, o), n
}

func appendOriginFrames(dst []byte, seed uint32, seq uint64, n uint32, o *encode.OTLPOrigin) []byte {
	at := len(dst)
	var blank [frameHeaderSize]byte
	dst = appendOrigin(append(dst, blank[:]...), o.Resource, o.Scope)
	payload := dst[at+frameHeaderSize:]
	putHeader(dst[at:], header{kind: typeOrigin, length: uint32(len(payload)), payloadCRC: payloadCRC(payload)})
	stamp(dst[at:], seed, seq, n)
	return append(dst, dst[at:]...)
}

// forget takes back all origins but the first n.
func (s *segment) forget(n int) {
	for _, o := range s.origins[n:] {
		delete(s.numbers, o)
	}
	s.origins = s.origins[:n]
}

// appendFrames appends records' frames as they stood in another segment, and
// the origins they need.
func (s *segment) appendFrames(dst, frames []byte, from *segment) []byte {
	for len(frames) > 0 {
		h, _ := parseHeader(frames, from.seed)
		size := frameHeaderSize + int(h.length)
		origin := uint32(0)
		if h.origin > 0 {
			dst, origin = s.number(dst, from.origins[h.origin-1], h.seq)
		}
		at := len(dst)
		dst = append(dst, frames[:size]...)
		stamp(dst[at:], s.seed, h.seq, origin)
		frames = frames[size:]
	}
	return dst
}
