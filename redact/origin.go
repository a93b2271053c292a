package redact

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed2f724858/sluice/record"
)

// Origin returns o, or a copy without its secrets if it holds some: always the
// same copy as far as memory is given to that (512 origins), because encoders
// tell origins apart by their pointers. o must not change any more.
func (d *Redactor) Origin(o *record.Origin) *record.Origin {
	return d.origins.get(o, d.redactOrigin)
}

func (d *Redactor) redactOrigin(o *record.Origin) *record.Origin {
	c := *o
	if o.Resource != nil {
		c.Resource = d.resources.get(o.Resource, d.redactResource)
	}
	c.Scope.Attributes = slices.Clone(o.Scope.Attributes)
	if d.Attributes(c.Scope.Attributes) == 0 && c.Resource == o.Resource {
		return o
	}
	return &c
}

func (d *Redactor) redactResource(r *record.Resource) *record.Resource {
	c := *r
	c.Attributes = slices.Clone(r.Attributes)
	if d.Attributes(c.Attributes) == 0 {
		return r
	}
	return &c
}

const (
	memoSlots = 512 // a power of two
	memoTries = 4   // slots that one key may stand in
)

// memo remembers for pointers what was made of them. It is bounded: what has
// no room pushes out another. Reading takes no lock.
type memo[T any] struct {
	slots [memoSlots]atomic.Pointer[made[T]]
	mu    sync.Mutex // held while something is made
}

type made[T any] struct{ from, to *T }

var seed = maphash.MakeSeed()

func (m *memo[T]) get(from *T, redact func(*T) *T) *T {
	first := int(maphash.Comparable(seed, from))
	if to := m.find(first, from); to != nil {
		return to
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if to := m.find(first, from); to != nil {
		return to // made meanwhile
	}
	e := &made[T]{from, redact(from)}
	for i := range memoTries {
		if m.slots[(first+i)&(memoSlots-1)].CompareAndSwap(nil, e) {
			return e.to
		}
	}
	m.slots[first&(memoSlots-1)].Store(e)
	return e.to
}

func (m *memo[T]) find(first int, from *T) *T {
	for i := range memoTries {
		if e := m.slots[(first+i)&(memoSlots-1)].Load(); e != nil && e.from == from {
			return e.to
		}
	}
	return nil
}
