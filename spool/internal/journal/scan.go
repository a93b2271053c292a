package journal

import (
	"bytes"
	"errors"
	"io"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

const (
	// chunk is how much of a segment is read at once, unless a frame is larger.
	chunk = 1 << 20
	// smallChunk is for a few records at the end of the active segment.
	smallChunk = 64 << 10
	// stretch is how much is read without a result before somebody is asked
	// whether to go on.
	stretch = 8 << 20
	// largeSegment is more than a writer puts into one. Larger ones were made to
	// keep us busy: a file may be said to have an exabyte, at no cost.
	largeSegment = 256 << 20
)

// scanner reads a segment's frames from a file, and goes past what is damaged
// in it. It takes time linear in the file's length, whatever that contains, and
// memory for one chunk or frame.
type scanner struct {
	f    disk.File
	seed uint32
	pos  int64 // of the next frame
	// window holds the file's bytes from start on.
	window []byte
	start  int64
	// pinned keeps the window as it is: slices of it are in use.
	pinned bool
	// wasted counts the bytes of payloads whose checksum was computed in vain.
	wasted int64
	// spent counts what was read, too.
	spent int64
}

// found is a frame in a segment.
type found struct {
	header
	at      int64
	payload []byte // in the window
}

// outcome of a scan's step.
type outcome uint8

const (
	gotFrame outcome = iota
	atLimit
	// windowFull: only a window that is not pinned could give more.
	windowFull
	// gotNothing: a stretch has no frame.
	gotNothing
)

func newScanner(f disk.File, seed uint32) *scanner {
	return &scanner{f: f, seed: seed, pos: firstFrame, start: firstFrame}
}

// next returns the next frame before limit that is whole. An error is one of
// reading: the same call may be repeated.
func (s *scanner) next(limit int64) (found, outcome, error) {
	from := s.spent
	for s.pos+frameHeaderSize <= limit {
		if s.spent-from > stretch {
			return found{}, gotNothing, nil
		}
		p, ok, err := s.need(frameHeaderSize, limit)
		if err != nil || !ok {
			return found{}, windowFull, err
		}
		h, ok := parseHeader(p, s.seed)
		if !ok {
			if ok, err := s.resync(limit); err != nil || !ok {
				return found{}, windowFull, err
			}
			continue
		}
		size := int64(frameHeaderSize) + int64(h.length)
		if size > limit-s.pos {
			s.pos += frameHeaderSize // cut; nothing else is lost with it
			continue
		}
		p, ok, err = s.need(int(size), limit)
		if err != nil || !ok {
			return found{}, windowFull, err
		}
		if payloadCRC(p[frameHeaderSize:]) != h.payloadCRC {
			s.skipDamaged(size, limit)
			continue
		}
		fr := found{header: h, at: s.pos, payload: p[frameHeaderSize:size:size]}
		s.pos += size
		return fr, gotFrame, nil
	}
	return found{}, atLimit, nil
}

// skipDamaged goes past a frame whose payload is not what it was. Frames that
// stand where the payload should be (a part of the file is missing) are found,
// as long as that is not what somebody counts on to keep us busy.
func (s *scanner) skipDamaged(size, limit int64) {
	s.wasted += size
	s.spent += size
	if s.wasted > 4*min(limit, largeSegment) {
		s.pos += size
		return
	}
	s.pos += frameHeaderSize
}

var magicBytes = []byte{frameMagic & 0xFF, frameMagic >> 8}

// resync moves to the next place where a header may begin, a stretch at most.
func (s *scanner) resync(limit int64) (bool, error) {
	s.pos++
	from := s.spent
	for s.pos+frameHeaderSize <= limit && s.spent-from <= stretch {
		p, ok, err := s.need(frameHeaderSize, limit)
		if err != nil || !ok {
			return false, err
		}
		p = s.rest(limit)
		i := bytes.Index(p[atMagic:], magicBytes)
		if i >= 0 {
			s.pos += int64(i)
			return true, nil
		}
		// The window's last bytes may begin a magic.
		s.pos += int64(len(p) - atMagic - 1)
		s.skipHole(limit)
	}
	return true, nil
}

// skipHole goes past bytes that the file does not have, in one that is too large
// to be sound.
func (s *scanner) skipHole(limit int64) {
	f, ok := s.f.(disk.Sparse)
	if !ok || limit-s.pos <= largeSegment {
		return
	}
	at, err := f.NextData(s.pos)
	if errors.Is(err, io.EOF) {
		at, err = limit, nil
	}
	if err == nil {
		s.pos = max(s.pos, min(at, limit)-atMagic)
	}
}

// rest returns what the window holds from pos to limit.
func (s *scanner) rest(limit int64) []byte {
	p := s.window[s.pos-s.start:]
	return p[:min(int64(len(p)), limit-s.pos)]
}

// need returns n bytes at pos, which are before limit. It reports false if the
// window would have to move and is pinned.
func (s *scanner) need(n int, limit int64) ([]byte, bool, error) {
	if at := s.pos - s.start; at >= 0 && at+int64(n) <= int64(len(s.window)) {
		return s.window[at : at+int64(n)], true, nil
	}
	if s.pinned {
		return nil, false, nil
	}
	if err := s.fill(n, limit); err != nil {
		return nil, false, err
	}
	return s.window[:n], true, nil
}

// prefetch moves the window so that the next n bytes are in it, as far as
// there are any and a chunk allows.
func (s *scanner) prefetch(n int, limit int64) error {
	want := min(int64(n), chunk/2, limit-s.pos)
	if have := s.start + int64(len(s.window)) - s.pos; want <= 0 || have >= want {
		return nil
	}
	return s.fill(int(want), limit)
}

// blockSize is what a disk loses at once.
const blockSize = 4096

// skipBlock goes past the block at which reading has failed.
func (s *scanner) skipBlock() {
	failed := max(s.pos, s.start+int64(len(s.window)))
	s.pos = (failed/blockSize + 1) * blockSize
}

// fill moves the window to pos and reads at least n bytes.
func (s *scanner) fill(n int, limit int64) error {
	left := limit - s.pos
	size := max(n, int(min(chunk, left)))
	var kept []byte
	if at := s.pos - s.start; at >= 0 && at < int64(len(s.window)) {
		kept = s.window[at:]
	}
	if cap(s.window) < size || cap(s.window) > 4*max(chunk, size) {
		moved := make([]byte, len(kept), max(size, min(chunk, 2*size), smallChunk))
		copy(moved, kept)
		s.window = moved
	} else {
		s.window = s.window[:copy(s.window[:cap(s.window)], kept)]
	}
	s.start = s.pos
	have := len(s.window)
	want := int(min(int64(cap(s.window)), left))
	read, err := s.f.ReadAt(s.window[have:want], s.start+int64(have))
	s.window = s.window[:have+read]
	s.spent += int64(read)
	if len(s.window) >= n {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		// The file is shorter than it was said to be: somebody cuts it.
		err = io.ErrUnexpectedEOF
	}
	return err
}
