package spool

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool/internal/journal"
)

// prepare makes of the batch's items what the exporter takes. Those that cannot
// be decoded are dropped. It reports whether any are left.
func (s *Spool) prepare() bool {
	c := &s.courier
	if s.forward != nil {
		s.forwardable()
		return true
	}
	before := len(c.items)
	items := c.decodeItems()
	s.mu.Lock()
	c.items = items
	lost := before - len(items)
	s.drop(causeDamaged, lost)
	c.queue.gone += uint64(lost)
	if len(items) == 0 {
		c.queue.past = c.end + 1
	}
	s.mu.Unlock()
	if len(items) == 0 {
		s.acknowledge(c.queue, c.end)
	}
	return len(items) > 0
}

// forwardable gives the items their names, as pieces of one string.
func (s *Spool) forwardable() {
	c := &s.courier
	c.uids = c.uids[:0]
	for _, it := range c.items {
		c.uids = c.queue.journal.AppendUID(c.uids, it.Seq)
	}
	uids := string(c.uids)
	size := len(uids) / len(c.items)
	c.otlp = c.otlpRoom[:0]
	for i, it := range c.items {
		r := encode.OTLPRecord{Origin: it.Origin, Log: it.Log}
		if !it.OwnUID {
			r.UID = uids[i*size : (i+1)*size]
		}
		c.otlp = append(c.otlp, r)
	}
	c.otlpRoom = c.otlp[:0]
}

// decodeItems decodes the batch into recs, and returns the items of those.
func (c *courier) decodeItems() []journal.Item {
	clear(c.recsRoom[:cap(c.recsRoom)])
	clear(c.attrs[:cap(c.attrs)])
	c.recs, c.attrs = c.recsRoom[:0], c.attrs[:0]
	var origin *record.Origin
	var of *encode.OTLPOrigin
	var sound error
	kept := c.items[:0]
	for _, it := range c.items {
		if it.Origin != of || of == nil {
			origin, of, sound = nil, it.Origin, nil
			if of != nil {
				origin, sound = c.dec.Origin(of.Resource, of.Scope)
			}
		}
		if sound != nil {
			origin = nil // the record itself may be sound
		}
		r, err := c.dec.Log(it.Log, origin)
		if err != nil {
			continue
		}
		kept = append(kept, it)
		c.recs = append(c.recs, *r)
		start := len(c.attrs)
		c.attrs = append(c.attrs, r.Attributes...)
		if !it.OwnUID {
			c.attrs = append(c.attrs, attribute.String(string(semconv.LogRecordUIDKey), c.queue.journal.UID(it.Seq)))
		}
		c.recs[len(c.recs)-1].Attributes = c.attrs[start:len(c.attrs):len(c.attrs)]
	}
	c.recsRoom = c.recs[:0]
	return kept
}
