package processors

import (
	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
)

// heldResource is the resource of records that were held one after the other.
// It counts once for all of them, as long as one of them is held: a process
// has one resource, but what pipe reads may bring a large one with every
// record.
type heldResource struct {
	resource *record.Resource
	size     int64
	cells    int
}

// hold counts one more record of a resource, nil for none.
func (q *rings) hold(resource *record.Resource) *heldResource {
	if resource == nil {
		return nil
	}
	h := q.resource
	if h == nil || h.resource != resource {
		h = &heldResource{resource: resource, size: resourceSize(resource)}
		q.resource = h
	}
	if h.cells++; h.cells == 1 {
		q.bytes += h.size
	}
	return h
}

// letGo takes back one hold.
func (q *rings) letGo(h *heldResource) {
	if h == nil {
		return
	}
	if h.cells--; h.cells > 0 {
		return
	}
	q.bytes -= h.size
	if q.resource == h {
		q.resource = nil
	}
}

func resourceOf(r *record.Record) *record.Resource {
	if r.Origin == nil {
		return nil
	}
	return r.Origin.Resource
}

// resourceSize estimates the memory of a resource in bytes.
func resourceSize(resource *record.Resource) int64 {
	if resource == nil {
		return 0
	}
	return attributesSize(resource.Attributes) + int64(len(resource.SchemaURL))
}

// scopeSize estimates the memory of a record's scope in bytes. It counts for
// each record, shared or not: scopes are small, but their names may be input.
func scopeSize(r *record.Record) int64 {
	if r.Origin == nil {
		return 0
	}
	s := &r.Origin.Scope
	n := int64(len(s.Name) + len(s.Version) + len(s.SchemaURL))
	if len(s.Attributes) > 0 {
		n += attributesSize(s.Attributes)
	}
	return n
}

// attributesSize is a little more than the attributes': a record's own size
// stands for the structs around them.
func attributesSize(attrs []attribute.KeyValue) int64 {
	r := record.Record{Attributes: attrs}
	return int64(r.Size())
}
