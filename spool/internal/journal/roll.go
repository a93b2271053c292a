package journal

import (
	"cmp"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/seed2f724858/sluice/encode"
)

// ready returns the active segment with room for n bytes. writeMu is held.
func (j *Journal) ready(n int64) (*segment, error) {
	if now := time.Now(); now.Sub(j.looked) >= lookEvery {
		j.looked = now
		j.checkNames()
	}
	if err := j.attach(); err != nil {
		return nil, err
	}
	if err := j.renew(); err != nil {
		return nil, err
	}
	if seg := j.active; seg != nil && (seg.written <= firstFrame || seg.written+n <= j.size) {
		return seg, nil
	}
	if err := j.roll(); err != nil {
		return nil, err
	}
	if j.active == nil {
		seg, err := j.begin(j.next, nil, j.sync == Always)
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
			j.segments = slices.Delete(j.segments, i, i+1)
			break
		}
	}
	at, _ := slices.BinarySearchFunc(j.segments, seg.first, func(s *segment, first uint64) int { return cmp.Compare(s.first, first) })
	if at > 0 && j.segments[at-1].end == 0 {
		j.segments[at-1].end = seg.first
	}
	j.segments = slices.Insert(j.segments, at, seg)
	j.active = seg
	seg.limit = seg.written
}

// begin makes the file of a new segment, with frames of an earlier one in it.
// The file gets its name when it is complete. If it is not synced here, that is
// due before anything in it is durable. writeMu is held.
func (j *Journal) begin(first uint64, earlier []*piece, sync bool) (*segment, error) {
	seg := &segment{segmentHeader: segmentHeader{queue: j.id, first: first, created: time.Now().UnixNano()}, fresh: !sync}
	_, _ = rand.Read(seg.salt[:]) // never fails
	seg.seed = seed(seg.salt)
	seg.numbers = make(map[*encode.OTLPOrigin]uint32)
	content := appendSegmentHeader(nil, seg.segmentHeader)
	for _, p := range earlier {
		content = seg.appendFrames(content, p.frames, p.seg)
	}
	seg.written = int64(len(content))

	temp := j.dir + "/" + segmentName(first) + tempSuffix
	f, err := createAnew(j.fs, temp)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil && sync {
		err = f.Sync()
	}
	if err == nil {
		err = j.fs.Rename(temp, j.dir+"/"+segmentName(first))
	}
	if err == nil && sync {
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

// maxRetired bounds the files that wait to be synced.
const maxRetired = 4

// roll ends the active segment, which is full. With a sync in the background,
// Append does not wait for it, but leaves it to that. writeMu is held.
func (j *Journal) roll() error {
	j.mu.Lock()
	retire := j.sync > 0 && j.active != nil && len(j.retired) < maxRetired
	if retire {
		j.active.end, j.active.limit = j.next, j.active.written
		j.retired = append(j.retired, j.active)
		j.active = nil
	}
	j.mu.Unlock()
	if retire {
		signal(j.dirty)
		return nil
	}
	return j.seal()
}

// seal ends the active segment, and has the retired ones synced. When that is
// impossible, another may be active afterwards. writeMu is held.
func (j *Journal) seal() error {
	if err := j.syncActive(); err != nil {
		return j.renew()
	}
	if j.active == nil {
		return nil
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
	err := seg.done()
	if j.sync != Never {
		err = nil // what was synced is not lost in closing
	}
	return err
}

// done closes a segment that was synced. Its origins stay for a while: see
// [copies].
func (s *segment) done() error {
	s.numbers = nil
	return s.close()
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
	putHeader(dst[at:], header{kind: typeOrigin, length: uint32(len(dst) - at - frameHeaderSize)})
	putPayloadCRC(dst[at:])
	stamp(dst[at:], seed, seq, n)
	return append(dst, dst[at:]...)
}

// forget takes back all origins but the first n. Their numbers are not used again:
// what was cut off a file may be there once more after a power cut.
func (s *segment) forget(n int) {
	for i, o := range s.origins[n:] {
		delete(s.numbers, o)
		s.origins[n+i] = nil
	}
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
