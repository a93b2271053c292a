package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"sync"

	"github.com/seed2f724858/sluice/encode"
)

// Item is a record that was read.
type Item struct {
	Seq      uint64
	Severity uint8
	// OwnUID says that the record has an attribute log.record.uid.
	OwnUID bool
	// Origin is the same pointer for neighbours of one origin, nil for none.
	Origin *encode.OTLPOrigin
	Log    []byte
}

// Reader hands out a queue's records in their order. There is one to a queue.
// Its methods are safe for concurrent use.
type Reader struct {
	j *Journal

	mu      sync.Mutex // held while reading
	seg     *segment   // what is open, or nil
	scan    *scanner
	origins originTable
	// seen counts the records of a compacted segment up to the scanner.
	seen  uint32
	items []Item
	marks []mark

	// Guarded by Journal.mu.
	pos     uint64 // every record before it was handed out, or is not there
	handed  []span // what was handed out and is not settled, in order
	counted uint64 // damage before it was counted
}

// mark is a place in the open segment from which to read again.
type mark struct {
	pos  uint64
	at   int64
	seen uint32
}

const maxMarks = 64

// Reader returns the queue's reader.
func (j *Journal) Reader() *Reader { return &j.reader }

// view is what is to be read next.
type view struct {
	segmentHeader
	seg   *segment
	seed  uint32
	limit int64
	end   uint64
	acked uint64
	// What of the segment is in the books.
	evicted evicted
	missed  bool
}

// ErrUnfinished says that Next has read for a while and found no record, in a
// segment that is damaged: it goes on when it is called again.
var ErrUnfinished = errors.New("journal: no record was found so far")

// Next returns the next records, at most maxRecords, and at most maxBytes unless
// the first is larger; nil when nothing waits. They are valid until the next
// call. What is damaged is left out and counted in [Stats]. An error is
// [ErrUnfinished] or one of reading, and worth another try.
//
// What Next returns counts as waiting until it is settled with [Journal.Ack].
func (r *Reader) Next(maxRecords, maxBytes int) ([]Item, error) {
	j := r.j
	defer j.reportUntold()
	r.mu.Lock()
	defer r.mu.Unlock()
	items, err := r.read(maxRecords, maxBytes)
	if j.detached.Load() {
		r.letGo()
	}
	if err != nil && !errors.Is(err, ErrUnfinished) {
		err = fmt.Errorf("journal: read: %w", err)
	}
	return items, err
}

func (r *Reader) read(maxRecords, maxBytes int) ([]Item, error) {
	j := r.j
	clear(r.items)
	r.items = r.items[:0]
	if r.scan != nil {
		r.scan.pinned = false
	}
	for {
		v, p, ok, err := r.look()
		if err != nil {
			return nil, err
		}
		if ok {
			err = r.open(&v)
		}
		if ok && err == nil {
			err = r.collect(&v, &p, maxRecords, maxBytes)
		}
		settled := r.note(&p)
		if settled {
			if err := j.settleAcked(); err != nil {
				j.mu.Lock()
				j.tell(err)
				j.mu.Unlock()
			}
		}
		switch {
		case len(r.items) > 0:
			return r.items, nil // an error will show again
		case err != nil:
			return nil, err
		case !ok && p.pos == p.from:
			return nil, nil
		}
	}
}

// look finds the segment in which the reader is, and what is missing before it.
func (r *Reader) look() (v view, p progress, ok bool, err error) {
	j := r.j
	if err := j.attach(); err != nil {
		return v, p, false, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return v, p, false, ErrClosed
	}
	p.from, p.pos = r.pos, r.pos
	var before *segment
	for _, seg := range j.segments {
		end, limit := seg.end, seg.limit
		if end == 0 {
			end = j.visible
		}
		if j.lost != nil { // the rest is in memory, and perhaps no longer in files
			copied := j.copies.pieces[0]
			end = min(end, copied.first)
			if seg == j.lost {
				limit = min(limit, copied.at)
			}
		}
		if seg.unsure {
			end = math.MaxUint64
		}
		if end <= r.pos {
			before = seg
			continue
		}
		if seg.first > r.pos { // segments adjoin, but for the first
			p.damaged = append(p.damaged, gap{span: span{r.pos, seg.first}})
		}
		p.pos = max(r.pos, seg.first)
		v = view{seg: seg, limit: limit, end: end, acked: j.acked}
		v.of(seg)
		return v, p, true, nil
	}
	if !j.owned && r.pos < j.next {
		p.damaged = append(p.damaged, gap{span: span{r.pos, j.next}})
		p.pos = j.next
	}
	if before == nil || before != r.seg || before.gone {
		r.letGo() // perhaps the last that keeps a removed file on the disk
	}
	return v, p, false, nil
}

// open makes the view's segment the open one.
func (r *Reader) open(v *view) error {
	if r.seg == v.seg && r.scan.seed == v.seed {
		return nil
	}
	r.letGo()
	f, err := r.j.openSegment(v.seg)
	if errors.Is(err, fs.ErrNotExist) {
		v.limit = 0 // somebody has removed it: nothing is left of it
		if r.j.viewed {
			v.compacted, v.records = true, 0 // its owner has: nothing is missing
		}
		r.seg, r.scan = nil, newScanner(nil, v.seed)
		return nil
	}
	if err != nil {
		return err
	}
	r.j.refresh(v)
	r.seg, r.scan = v.seg, newScanner(f, v.seed)
	return nil
}

// letGo closes what is open.
func (r *Reader) letGo() {
	if r.scan != nil && r.scan.f != nil {
		_ = r.scan.f.Close() // which was only read
	}
	r.seg, r.scan, r.seen = nil, nil, 0
	r.marks = r.marks[:0]
	r.origins.clear()
}

// Rewind goes back to the first record that is not settled: Next hands out
// again what was handed out. What is settled later without having been handed
// out once more does not count.
func (r *Reader) Rewind() {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.j
	j.mu.Lock()
	if len(r.handed) == 0 {
		j.mu.Unlock()
		return
	}
	r.handed = r.handed[:0]
	r.pos = j.acked
	pos := r.pos
	j.mu.Unlock()
	at := -1
	for i, m := range r.marks {
		if m.pos <= pos {
			at = i
		}
	}
	if r.scan == nil || at < 0 {
		r.letGo()
		return
	}
	r.scan.pos, r.scan.wasted, r.seen = r.marks[at].at, 0, r.marks[at].seen
	r.marks = r.marks[:at]
}

// forgetMarks drops marks that no Rewind will use.
func (r *Reader) forgetMarks(acked uint64) {
	n := 0
	for n+1 < len(r.marks) && r.marks[n+1].pos <= acked {
		n++
	}
	if n > 0 {
		r.marks = r.marks[:copy(r.marks, r.marks[n:])]
	}
}
