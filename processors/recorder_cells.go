package processors

import (
	"unsafe"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
)

const (
	recordBytes    = int64(unsafe.Sizeof(record.Record{}))
	attributeBytes = int64(unsafe.Sizeof(attribute.KeyValue{}))
	cellBytes      = int64(unsafe.Sizeof(cell{}))
	// ringBytes is a ring and its entry in the map, whose buckets are half
	// empty after it has grown.
	ringBytes = int64(unsafe.Sizeof(ring{})) + 2*int64(unsafe.Sizeof(ringKey{})+unsafe.Sizeof(uintptr(0)))
)

// keptAttributes bounds the room for attributes that an empty cell keeps.
const keptAttributes = 32

// cell holds one record, or none.
type cell struct {
	rec            record.Record // its slice of attributes stays with the cell
	cost           int64         // what the cell counts for in bytes
	resource       *heldResource
	ring           *ring
	next           *cell // of the ring, or of the spare ones
	older, younger *cell // of all rings
}

// makeRoom makes room for a record in the first spare cell, or in a new one.
// Its resource is in bytes already.
func (q *rings) makeRoom(attributes int, payload int64, resource *heldResource) bool {
	room := roomFor(attributes)
	alone := q.base + int64(room)*attributeBytes + payload
	if resource != nil {
		alone += resource.size
	}
	if alone > q.max {
		return false
	}
	for {
		need := q.base + int64(room)*attributeBytes + payload
		if c := q.spare; c != nil {
			need = q.base + int64(max(room, cap(c.rec.Attributes)))*attributeBytes + payload - c.cost
		}
		switch {
		case q.bytes+q.spareBytes+need <= q.max:
			return true
		case q.spare != nil && (q.spare.next != nil || q.oldest == nil):
			q.takeSpare()
		case q.oldest != nil && q.oldest.ring.detached:
			q.unlink(q.oldest) // a trigger has asked for it
		case q.oldest != nil:
			q.forget(q.oldest.ring)
		default:
			return false
		}
	}
}

// roomFor returns for how many attributes a cell gets room that needs some.
func roomFor(attributes int) int { return (attributes + 7) &^ 7 }

// cell returns a cell with a copy of r in it.
func (q *rings) cell(r *record.Record, payload int64) *cell {
	c := q.takeSpare()
	if c == nil {
		c = &cell{}
	}
	attrs := c.rec.Attributes
	if n := len(r.Attributes); n > cap(attrs) {
		attrs = make([]attribute.KeyValue, 0, roomFor(n))
	}
	c.rec = *r
	c.rec.Attributes = append(attrs, r.Attributes...)
	c.cost = q.base + int64(cap(attrs))*attributeBytes + payload
	return c
}

func (q *rings) takeSpare() *cell {
	c := q.spare
	if c != nil {
		q.spare, c.next = c.next, nil
		q.spareBytes -= c.cost
	}
	return c
}

// giveBack empties a cell that pop has returned. Its room for attributes is
// kept unless it is large, or a step behind has made it larger than it counts
// for.
func (q *rings) giveBack(c *cell) {
	q.bytes -= c.cost
	q.letGo(c.resource)
	c.resource = nil
	attrs := c.rec.Attributes[:cap(c.rec.Attributes)]
	clear(attrs)
	c.rec = record.Record{}
	if cost := q.base + int64(len(attrs))*attributeBytes; len(attrs) <= keptAttributes && cost <= c.cost {
		c.rec.Attributes, c.cost = attrs[:0], cost
	} else {
		c.cost = q.base
	}
	c.next, q.spare = q.spare, c
	q.spareBytes += c.cost
}
