package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/seed2f724858/sluice/encode"
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
	limit           int64

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
			if end > j.reader.pos && (!seg.compacted || seg.floor < keep) && seg != j.lost {
				e = &eviction{j: j, seg: seg, prev: prev, keep: keep, pos: j.reader.pos, acked: j.acked, end: end, limit: seg.limit}
				break
			}
			prev = seg
		}
		active := e != nil && e.seg == j.active
		j.mu.Unlock()
		if !active {
			return e, nil
		}
		// Nothing is appended to a segment any more that is evicted.
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
	temp := j.dir + "/" + segmentName(e.seg.first) + tempSuffix
	f, err := createAnew(j.fs, temp)
	if err != nil {
		return err
	}
	made, err := e.copyTo(f)
	if err == nil && j.sync != Never {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		if e.kept == 0 && (e.prev == nil || e.prev.compacted) {
			err = e.remove()
		} else if err = j.fs.Rename(temp, j.dir+"/"+segmentName(e.seg.first)); err == nil {
			e.replace(made)
			temp = ""
			if j.sync != Never {
				err = j.fs.SyncDir(j.dir)
			}
		}
	}
	if temp != "" {
		_ = j.fs.Remove(temp) // else the next Open does
	}
	return err
}

// stays reports whether a record is copied. Those handed out stay, as their
// delivery may fail; those settled go.
func (e *eviction) stays(h *header) bool {
	if h.seq < e.pos {
		return h.seq >= e.acked
	}
	return h.severity >= e.keep
}

// copyTo writes what stays.
func (e *eviction) copyTo(f disk.File) (*segment, error) {
	old := e.seg
	src, err := e.j.fs.Open(e.j.dir + "/" + segmentName(old.first))
	if err != nil {
		return nil, err
	}
	defer func() { _ = src.Close() }() // which was only read
	made := &segment{segmentHeader: segmentHeader{
		queue: old.queue, first: old.first, created: time.Now().UnixNano(), compacted: true, floor: e.keep,
	}}
	_, _ = rand.Read(made.salt[:]) // never fails
	made.seed = seed(made.salt)
	c := copier{f: f, seg: made, at: firstFrame, origins: make(map[uint32]*encode.OTLPOrigin), numbers: make(map[uint32]uint32)}
	s := newScanner(src, old.seed)
	for {
		fr, got, err := s.next(e.limit)
		if err != nil {
			return nil, err
		}
		if got == atLimit || fr.kind == typeRecord && fr.seq >= e.end {
			break
		}
		switch {
		case fr.kind == typeOrigin:
			c.learn(&fr)
		case fr.kind != typeRecord || fr.seq < old.first || !old.compacted && fr.seq > old.atMost(fr.at):
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
				return nil, err
			}
		}
	}
	if err := c.flush(); err != nil {
		return nil, err
	}
	made.records = e.kept
	if _, err := f.WriteAt(appendSegmentHeader(nil, made.segmentHeader), 0); err != nil {
		return nil, err
	}
	made.written = c.at
	return made, nil
}

// replace puts the compacted segment in the place of the old one.
func (e *eviction) replace(made *segment) {
	e.freed = e.seg.written - made.written
	e.settle(func() {
		e.seg.segmentHeader, e.seg.seed = made.segmentHeader, made.seed
		e.seg.limit, e.seg.written = made.written, made.written
		e.seg.missed = false
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
	if err := j.cursor.write(acked, next, true); err != nil {
		return err
	}
	return j.removeSegments([]*segment{e.seg})
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
	} else if from := max(e.pos, old.first, r.counted); from < e.end {
		damaged += e.end - from - min(e.dropped+e.waiting, e.end-from)
	}
	if damaged > 0 {
		j.stats.Damaged += damaged
		j.tell(fmt.Errorf("%d records were lost to damage", damaged))
	}
	j.stats.Waiting -= min(e.dropped+damaged, j.stats.Waiting)
	change()
}

// lostOrigin is a number that no origin of a segment has.
const lostOrigin = math.MaxUint32

// copier writes frames to a compacted segment.
type copier struct {
	f       disk.File
	seg     *segment
	buf     []byte
	at      int64
	origins map[uint32]*encode.OTLPOrigin // by number in the old segment
	numbers map[uint32]uint32             // in the new one, for those that are needed
}

func (c *copier) learn(fr *found) {
	if c.origins[fr.origin] != nil {
		return
	}
	if resource, scope, ok := splitOrigin(fr.payload); ok {
		c.origins[fr.origin] = &encode.OTLPOrigin{
			Resource: append([]byte(nil), resource...),
			Scope:    append([]byte(nil), scope...),
		}
	}
}

func (c *copier) add(fr *found) error {
	origin := c.numbers[fr.origin]
	if o := c.origins[fr.origin]; o != nil && origin == 0 {
		origin = uint32(len(c.numbers)) + 1
		c.numbers[fr.origin] = origin
		c.buf = appendOriginFrames(c.buf, c.seg.seed, fr.seq, origin, o)
	} else if o == nil && fr.origin != 0 {
		origin = lostOrigin // counted when it is read
	}
	at := len(c.buf)
	var blank [frameHeaderSize]byte
	c.buf = append(append(c.buf, blank[:]...), fr.payload...)
	putHeader(c.buf[at:], fr.header)
	stamp(c.buf[at:], c.seg.seed, fr.seq, origin)
	if len(c.buf) < chunk/4 {
		return nil
	}
	return c.flush()
}

func (c *copier) flush() error {
	_, err := c.f.WriteAt(c.buf, c.at)
	c.at += int64(len(c.buf))
	c.buf = c.buf[:0]
	return err
}
