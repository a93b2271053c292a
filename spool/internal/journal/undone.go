package journal

import (
	"errors"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// evicted is what a compaction has taken out of a segment: the records from one
// on that are less severe than another.
type evicted struct {
	below uint8
	from  uint64
}

func (e *evicted) has(h *header) bool { return h.severity < e.below && h.seq >= e.from }

func (e *evicted) add(below uint8, from uint64) {
	if below > e.below {
		*e = evicted{below, from}
	}
}

// openSegment opens a segment to read it. What the file says of itself counts
// if it is not the one that was known: somebody else's, who may have compacted
// it, or the one before a compaction of ours. If the directory could not be
// synced after that, a repair of the file system may have undone the rename.
//
// Reader.mu is held, and mu is not.
func (j *Journal) openSegment(seg *segment) (disk.File, error) {
	f, err := j.fs.Open(j.dir + "/" + segmentName(seg.first))
	if err != nil {
		return nil, err
	}
	h, err := readSegmentHeader(f)
	if err != nil || h.queue != j.id || h.first != seg.first {
		return f, nil // what is known will do
	}
	j.mu.Lock()
	known := h.salt == seg.salt
	j.mu.Unlock()
	if known {
		return f, nil
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	seg.segmentHeader, seg.seed, seg.limit, seg.written = h, seed(h.salt), size, size
	if !j.viewed {
		seg.missed, j.undone = true, true
	}
	return f, nil
}

// refresh has a view show what openSegment has found.
func (j *Journal) refresh(v *view) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if v.salt != v.seg.salt {
		v.of(v.seg)
		v.limit = v.seg.limit
	}
}

// of shows what is known of the segment. mu is held.
func (v *view) of(seg *segment) {
	v.segmentHeader, v.seed, v.evicted, v.missed = seg.segmentHeader, seg.seed, seg.evicted, seg.missed
}
