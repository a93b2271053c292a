package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"time"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// EvictAll is above every severity.
const EvictAll = 255

// Evict makes room: from the oldest segment that may have any, it removes the
// records less severe than keep, and returns how many these were and how many
// bytes that has freed. What was handed out and is not settled stays. It
// returns 0, 0 and no error when no segment has such records: then a higher
// keep may free something, [EvictAll] the most. With an error, what it returns
// is gone nevertheless.
//
// Records that stay are copied to a new file, which replaces the segment in one
// step. Evict holds up Next and Ack meanwhile, but not Append.
func (j *Journal) Evict(keep uint8) (records int, bytes int64, err error) {
	defer j.reportUntold()
	r := &j.reader
	r.mu.Lock()
	defer r.mu.Unlock()
	j.ackMu.Lock()
	defer j.ackMu.Unlock()
	if err := j.attach(); err != nil {
		return 0, 0, fmt.Errorf("journal: evict: %w", err)
	}
	e, err := j.chooseVictim(keep)
	if e == nil || err != nil {
		return 0, 0, err
	}
	if r.seg == e.seg {
		r.letGo()
	}
	if err = e.run(); err != nil {
		j.mu.Lock()
		j.stats.WriteErrors++
		j.failed(err)
		j.mu.Unlock()
		err = fmt.Errorf("journal: evict: %w", err)
	}
	if !e.settled {
		return 0, 0, err
	}
	return int(e.dropped), e.freed, err
}

// eviction is one segment on its way out. Reader.mu and ackMu are held.
type eviction struct {
	j    *Journal
	seg  *segment
	prev *segment // the one before, or nil
	keep uint8
	// What was when it began.
	pos, acked, end uint64

	kept    uint32 // records copied
	waiting uint64 // of them not settled
	dropped uint64 // records taken out
	headers uint32 // records found, of a compacted segment
	freed   int64
	settled bool // it is in the books
}

// chooseVictim returns nil when there is none.
func (j *Journal) chooseVictim(keep uint8) (*eviction, error) {
	for {
		j.mu.Lock()
		if j.closed || j.viewed {
			j.mu.Unlock()
			return nil, ErrClosed
		}
		var e *eviction
		var prev *segment
		for _, seg := range j.segments {
			end := seg.end
			if end == 0 {
				end = j.visible
			}
			if seg.unsure {
				end = math.MaxUint64
			}
			if j.isLost(seg) {
				break // what is in memory cannot be evicted
			}
			if end > j.reader.pos && (!seg.compacted || seg.floor < keep) {
				e = &eviction{j: j, seg: seg, prev: prev, keep: keep, pos: j.reader.pos, acked: j.acked, end: end}
				break
			}
			prev = seg
		}
		final := e == nil || e.seg != j.active && !slices.Contains(j.retired, e.seg)
		if final && e != nil {
			j.copies.forget(e.seg) // it is not what it was
		}
		j.mu.Unlock()
		if final {
			return e, nil
		}
		// Nothing is appended to a segment any more that is evicted, nor written
		// anew because its sync fails.
		j.writeMu.Lock()
		err := j.seal()
		j.writeMu.Unlock()
		if err != nil {
			return nil, fmt.Errorf("journal: evict: %w", err)
		}
	}
}

func (e *eviction) run() error {
	j := e.j
	c := &copier{
		fs: j.fs, name: j.dir + "/" + segmentName(e.seg.first), at: firstFrame,
		numbers: make(map[uint32]uint32),
		seg: &segment{segmentHeader: segmentHeader{
			queue: j.id, first: e.seg.first, created: time.Now().UnixNano(), compacted: true, floor: e.keep,
		}},
	}
	_, _ = rand.Read(c.seg.salt[:]) // never fails
	c.seg.seed = seed(c.seg.salt)
	err := e.copyTo(c)
	if err == nil && e.kept == 0 && (e.prev == nil || e.prev.compacted) {
		return e.remove()
	}
	if err == nil {
		err = c.finish(e.kept, j.sync != Never)
	}
	if err != nil {
		return errors.Join(err, c.giveUp())
	}
	e.replace(c.seg)
	if j.sync != Never {
		return j.fs.SyncDir(j.dir)
	}
	return nil
}

// stays reports whether a record is copied. Those handed out stay, as their
// delivery may fail; those settled go.
func (e *eviction) stays(h *header) bool {
	if h.seq < e.pos {
		return h.seq >= e.acked
	}
	return h.severity >= e.keep
}

// source opens the segment, and tells where it ends. A file that was not on the
// disk when that failed is missing, or shorter than it was.
func (e *eviction) source() (f disk.File, limit int64, err error) {
	f, err = e.j.openSegment(e.seg)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, min(e.seg.limit, size), nil
}

// copyTo writes what stays. Appends wait for the room, so no more is read of a
// segment than a writer can have put there: what lies behind goes.
func (e *eviction) copyTo(c *copier) error {
	old := e.seg
	past := old.first
	src, limit, err := e.source()
	if err != nil {
		return err
	}
	if src == nil {
		limit = 0
	} else {
		defer func() { _ = src.Close() }() // which was only read
	}
	s := newScanner(src, old.seed)
	for {
		fr, got, err := s.next(limit)
		if err != nil {
			if e.j.pass(old, s) {
				continue
			}
			return err
		}
		if got == atLimit || s.spent > largeSegment || old.holds(&fr) && fr.seq >= e.end {
			if e.end == math.MaxUint64 {
				e.end = e.j.settleEnd(old, past)
			}
			return nil
		}
		if got == gotNothing {
			continue
		}
		if old.holds(&fr) {
			past = max(past, fr.seq+1)
		}
		switch {
		case fr.kind == typeOrigin:
			c.origins.learn(&fr)
		case !old.holds(&fr):
		case old.evicted.has(&fr.header):
			e.headers++
		case !e.stays(&fr.header):
			e.headers++
			if fr.seq >= e.pos {
				e.dropped++
			}
		default:
			e.headers++
			e.kept++
			if fr.seq >= e.pos {
				e.waiting++
			}
			if err := c.add(&fr); err != nil {
				return err
			}
		}
	}
}

// replace puts the compacted segment in the place of the old one.
func (e *eviction) replace(made *segment) {
	e.freed = e.seg.written - made.written
	e.settle(func() {
		e.seg.segmentHeader, e.seg.seed = made.segmentHeader, made.seed
		e.seg.limit, e.seg.written = made.written, made.written
		e.seg.missed = false
		e.seg.evicted.add(e.keep, e.pos)
	})
}

// remove takes the whole segment away. The oldest is behind the cursor first;
// after a compacted one nobody misses it.
func (e *eviction) remove() error {
	j := e.j
	e.freed = e.seg.written
	e.settle(func() {
		if e.prev != nil {
			e.prev.end = e.end
		}
		if r := &j.reader; e.prev == nil || r.pos >= e.seg.first {
			r.pos = max(r.pos, e.end)
		}
		j.advance()
	})
	j.mu.Lock()
	acked, next := j.acked, j.next
	j.mu.Unlock()
	return j.store(acked, next, []*segment{e.seg})
}

// settle does change and counts what became of the segment's records.
func (e *eviction) settle(change func()) {
	j := e.j
	j.mu.Lock()
	defer j.mu.Unlock()
	e.settled = true
	old, r := e.seg, &j.reader
	var damaged uint64
	if from := max(r.pos, r.counted); e.prev == nil && from < old.first {
		damaged, r.counted = old.first-from, old.first
	}
	if old.compacted {
		if !old.missed && e.headers < old.records {
			damaged += uint64(old.records - e.headers)
		}
	} else if from := max(e.pos, old.first, r.counted); from < e.end && !old.missed {
		damaged += e.end - from - min(e.dropped+e.waiting, e.end-from)
	}
	if damaged > 0 {
		j.stats.Damaged += damaged
		j.tell(fmt.Errorf("%d records were lost to damage", damaged))
	}
	j.stats.Waiting -= min(e.dropped+damaged, j.stats.Waiting)
	change()
}
