package decode

import (
	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
)

// isObject reports whether s can only be JSON, if anything.
func isObject(s string) bool {
	p := parser{s: s}
	return p.next('{')
}

// json reads one object into r. It is false if s is none; r is then spoilt.
func (d *Decoder) json(r *record.Record, s string) (logger string, ok bool) {
	p := parser{s: s}
	raw := d.raw[:0]
	ok = p.object(func(key string) bool {
		p.space()
		start := p.pos
		v, ok := p.value(1)
		r.Attributes = append(r.Attributes, attribute.KeyValue{Key: attribute.Key(key), Value: v})
		raw = append(raw, s[start:p.pos])
		return ok
	})
	d.raw = raw
	if ok && p.atEnd() {
		r.Attributes, raw = lastOfEach(r.Attributes, raw)
		logger = d.extract(r, raw)
	} else {
		ok = false
	}
	// The texts would keep the line in memory.
	clear(d.raw)
	return logger, ok
}
