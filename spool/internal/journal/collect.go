package journal

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// span is the records from one to before another.
type span struct{ from, to uint64 }

// gap is records that are missing, and where that showed.
type gap struct {
	span
	segment uint64 // its first record; 0: there is no segment left
	at      int64  // offset in its file
}

func (g *gap) String() string {
	n := g.to - g.from
	if g.segment == 0 {
		return fmt.Sprintf("%d records from number %d on are lost: their segment is missing or cut", n, g.from)
	}
	return fmt.Sprintf("%d records from number %d on are lost: %s is damaged before offset %d", n, g.from, segmentName(g.segment), g.at)
}

// progress is what a Next has found, on its way into the books.
type progress struct {
	from    uint64 // where the reader was
	pos     uint64
	damaged []gap
	// missing counts records that a compacted segment should have.
	missing     uint64
	missed      *segment
	originsLost uint64
}

// collect reads records of the open segment.
func (r *Reader) collect(v *view, p *progress, maxRecords, maxBytes int) error {
	s := r.scan
	if v.limit > 0 {
		if err := s.prefetch(maxBytes, v.limit); err != nil {
			r.cut(v, err) // else what is needed is not there, and that shows
		}
	}
	r.forgetMarks(v.acked)
	if len(r.marks) < maxMarks {
		r.marks = append(r.marks, mark{p.pos, s.pos, r.seen})
	}
	bytes, from := 0, s.spent
	for len(r.items) < max(maxRecords, 1) {
		if s.spent-from > stretch && len(r.items) == 0 {
			return ErrUnfinished
		}
		fr, got, err := s.next(v.limit)
		if err != nil {
			if r.cut(v, err) || len(r.items) == 0 && r.j.pass(v.seg, s) {
				continue
			}
			return err
		}
		if got == windowFull {
			return nil
		}
		if got == gotNothing {
			continue
		}
		if got == atLimit || v.holds(&fr) && fr.seq >= v.end {
			r.finish(v, p)
			return nil
		}
		switch {
		case fr.kind == typeOrigin:
			r.origins.learn(&fr)
		case !v.holds(&fr):
			// Not of this version, or made to mislead.
		case fr.seq < p.pos:
			r.seen++
		case len(r.items) > 0 && bytes+len(fr.payload) > maxBytes:
			s.pos = fr.at
			return nil
		default:
			if fr.seq > p.pos && !v.compacted && !v.missed {
				p.damaged = append(p.damaged, gap{span{p.pos, fr.seq}, v.first, fr.at})
			}
			if v.evicted.has(&fr.header) {
				r.seen++
				p.pos = fr.seq + 1
				continue
			}
			r.take(&fr, p)
			bytes += len(fr.payload)
		}
	}
	return nil
}

// take appends an item.
func (r *Reader) take(fr *found, p *progress) {
	it := Item{Seq: fr.seq, Severity: fr.severity, OwnUID: fr.flags&flagOwnUID != 0, Log: fr.payload}
	if fr.origin > 0 {
		if it.Origin = r.origins.get(fr.origin); it.Origin == nil {
			p.originsLost++
		}
	}
	r.items = append(r.items, it)
	r.scan.pinned = true
	r.seen++
	p.pos = fr.seq + 1
}

// cut reports whether err says that the file became shorter than the view's
// limit, which is then what there is.
func (r *Reader) cut(v *view, err error) bool {
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	size, failed := r.scan.f.Size()
	if failed != nil || size >= v.limit {
		return false
	}
	v.limit = size
	return true
}

// finish notes what the segment should have had beyond what was read.
func (r *Reader) finish(v *view, p *progress) {
	if v.end == math.MaxUint64 {
		v.end = r.j.settleEnd(v.seg, p.pos)
	}
	switch {
	case v.compacted:
		if r.seen < v.records {
			p.missing, p.missed = uint64(v.records-r.seen), v.seg
		}
	case p.pos < v.end && !v.missed:
		p.damaged = append(p.damaged, gap{span{p.pos, v.end}, v.first, v.limit})
	}
	p.pos = max(p.pos, v.end)
}

// note puts what a Next has found into the books, and reports whether records
// are settled by that.
func (r *Reader) note(p *progress) (settled bool) {
	j := r.j
	j.mu.Lock()
	defer j.mu.Unlock()
	if p.pos == p.from {
		return false
	}
	var damaged uint64
	for i := range p.damaged {
		g := &p.damaged[i]
		if g.from = max(g.from, r.counted); g.from < g.to {
			damaged += g.to - g.from
			r.counted = g.to
			j.tell(errors.New(g.String()))
		}
	}
	if p.missed != nil && !p.missed.missed {
		p.missed.missed = true
		damaged += p.missing
		j.tell(fmt.Errorf("%d records are lost: %s is damaged", p.missing, segmentName(p.missed.first)))
	}
	j.stats.Damaged += damaged
	j.stats.Waiting -= min(damaged, j.stats.Waiting)
	j.stats.OriginsLost += p.originsLost
	if len(r.items) > 0 && r.seg != nil {
		r.seg.failures = 0
	}
	for i := range r.items {
		seq := r.items[i].Seq
		if n := len(r.handed); n > 0 && r.handed[n-1].to == seq {
			r.handed[n-1].to++
		} else {
			r.handed = append(r.handed, span{seq, seq + 1})
		}
	}
	r.pos = p.pos
	return j.advance()
}

// advance moves acked to the first record that was handed out and is not
// settled, and reports whether it moved. mu is held.
func (j *Journal) advance() bool {
	acked := j.reader.pos
	if len(j.reader.handed) > 0 {
		acked = j.reader.handed[0].from
	}
	moved := acked > j.acked
	j.acked = max(j.acked, acked)
	return moved
}
