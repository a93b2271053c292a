package processors

import (
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/record"
)

// keptRings bounds the empty rings that are kept for the next keys.
const keptRings = 1024

// rings holds copies of records in rings, one a key, within a bound for all of
// them. It does no locking of its own.
//
// A record sits in a cell, which is part of two lists: its ring's, and that of
// all records by age. So the oldest record of all is always the first of its
// ring, and forgetting it costs the same however many rings there are. Cells
// are used again and again; those of one ring are in no other one's way.
type rings struct {
	capacity int
	max      int64
	base     int64 // of a cell without attributes, and its share of a ring

	byKey map[ringKey]*ring
	last  *ring // the one found last: records come in runs of one key

	oldest, newest *cell // what may be forgotten to make room
	count          int
	bytes          int64 // of the cells in use, those of releases included, and their resources
	forgotten      uint64
	resource       *heldResource // of the record held last

	spare      *cell // empty ones
	spareBytes int64
	spareRings *ring
	ringsKept  int
}

// ringKey tells rings apart: by logger, by trace, or not at all.
type ringKey struct {
	logger string
	trace  trace.TraceID
}

// ring holds the records of one key, oldest first.
type ring struct {
	key         ringKey
	first, last *cell
	count       int
	// detached says that the ring takes no more records: they are on their
	// way.
	detached bool
	// releasing is closed when the records that were here before these have
	// all been released; nil when none are on their way.
	releasing chan struct{}
	next      *ring // spare
}

func newRings(capacity int, most int64, many bool) rings {
	q := rings{capacity: capacity, max: most, base: cellBytes, byKey: map[ringKey]*ring{}}
	if many {
		q.base += ringBytes
	}
	return q
}

// find returns the key's ring, nil if there is none.
func (q *rings) find(k ringKey) *ring {
	if q.last == nil || q.last.key != k {
		q.last = q.byKey[k]
	}
	return q.last
}

// push holds a copy of r, whose Size is given, and forgets what is too much.
func (q *rings) push(k ringKey, r *record.Record, size int) {
	resource := q.hold(resourceOf(r)) // before others that share it let go
	rg := q.find(k)
	if rg != nil && rg.count == q.capacity {
		q.forget(rg)
	}
	payload := int64(size) - recordBytes - int64(len(r.Attributes))*attributeBytes + scopeSize(r)
	if !q.makeRoom(len(r.Attributes), payload, resource) {
		q.letGo(resource)
		q.forgotten++
		return
	}
	c := q.cell(r, payload)
	c.resource = resource
	q.bytes += c.cost
	q.count++

	if rg == nil || rg != q.last { // the ring is new, or was dropped meanwhile
		rg = q.ring(k)
	}
	c.ring = rg
	if rg.last == nil {
		rg.first = c
	} else {
		rg.last.next = c
	}
	rg.last = c
	rg.count++

	c.older = q.newest
	if q.newest == nil {
		q.oldest = c
	} else {
		q.newest.younger = c
	}
	q.newest = c
}

// pop takes the ring's oldest record, whose cell comes back with giveBack.
func (q *rings) pop(rg *ring) *cell {
	c := rg.first
	if rg.first = c.next; rg.first == nil {
		rg.last = nil
	}
	rg.count--
	q.count--
	q.unlink(c)
	c.ring, c.next = nil, nil
	return c
}

// unlink takes a cell out of the list by age, if it is there still.
func (q *rings) unlink(c *cell) {
	switch {
	case c.older != nil:
		c.older.younger = c.younger
	case q.oldest == c:
		q.oldest = c.younger
	default:
		return
	}
	if c.younger == nil {
		q.newest = c.older
	} else {
		c.younger.older = c.older
	}
	c.older, c.younger = nil, nil
}

// forget forgets the ring's oldest record.
func (q *rings) forget(rg *ring) {
	q.giveBack(q.pop(rg))
	q.forgotten++
	if rg.count == 0 && !rg.detached {
		q.drop(rg)
	}
}

// forgetAll forgets all records but those of releases under way.
func (q *rings) forgetAll() {
	for c := q.oldest; c != nil; {
		rg := c.ring
		c = c.younger
		if !rg.detached {
			q.forget(rg)
		}
	}
	q.spare, q.spareBytes, q.spareRings, q.ringsKept = nil, 0, nil, 0
}

// ring adds a ring for a key that has none.
func (q *rings) ring(k ringKey) *ring {
	rg := q.spareRings
	if rg == nil {
		rg = &ring{}
	} else {
		q.spareRings, rg.next = rg.next, nil
		q.ringsKept--
	}
	rg.key = k
	q.byKey[k], q.last = rg, rg
	return rg
}

// drop gives up an empty ring, unless records before it are on their way.
func (q *rings) drop(rg *ring) {
	if rg.releasing != nil {
		return
	}
	delete(q.byKey, rg.key)
	if q.last == rg {
		q.last = nil
	}
	q.keep(rg)
}

func (q *rings) keep(rg *ring) {
	*rg = ring{}
	if q.ringsKept < keptRings {
		rg.next, q.spareRings = q.spareRings, rg
		q.ringsKept++
	}
}

// detach puts an empty ring into the place of rg, whose records are to be
// released. Until attach the two belong together.
func (q *rings) detach(rg *ring) *ring {
	rg.detached = true
	q.ring(rg.key).releasing = make(chan struct{})
	return rg
}

// attach ends the release of a detached ring.
func (q *rings) attach(rg *ring) {
	for rg.first != nil {
		q.forget(rg)
	}
	after := q.byKey[rg.key]
	close(after.releasing)
	after.releasing = nil
	if after.count == 0 {
		q.drop(after)
	}
	q.keep(rg)
}
