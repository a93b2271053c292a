package processors

import (
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
)

// Attributes of the summaries that a [Dedup] makes.
const (
	dedupCount = attribute.Key("sluice.dedup.count")
	dedupFirst = attribute.Key("sluice.dedup.first")
	dedupLast  = attribute.Key("sluice.dedup.last")
)

// window is the time after a record passed, in which its repeats are stopped.
type window struct {
	key    string
	opened time.Time
	// size estimates the memory of the window in bytes; lastSize is the part
	// of it that last has.
	size, lastSize int
	resourceSize   int // the part of lastSize that last's resource has
	next           *window

	count uint64 // of the repeats that no summary has told of
	first time.Time
	last  *record.Record // nil while count is 0
}

// windowSize is about what a window takes, in the map too, without its key and
// last record.
const windowSize = 256

// add counts a repeat, whose size without its origin that is, and returns by
// how much the window grows. The origin counts in each window, shared or not.
func (w *window) add(r *record.Record, size int) (growth int) {
	if w.last == nil {
		w.first = r.Time()
		w.last = &record.Record{}
	}
	w.count += weightOf(r)
	if resource := resourceOf(r); resource != resourceOf(w.last) {
		w.resourceSize = int(resourceSize(resource))
	}
	size += int(scopeSize(r)) + w.resourceSize
	attrs := w.last.Attributes
	if n := len(r.Attributes) + 3; cap(attrs) < n || cap(attrs) > 2*n+8 { // 3 are the summary's
		attrs = make([]attribute.KeyValue, 0, n)
	}
	// What is not overwritten would keep memory that nobody accounts for.
	clear(attrs)
	*w.last = *r
	w.last.Attributes = append(attrs[:0], r.Attributes...)
	growth = size - w.lastSize
	w.size += growth
	w.lastSize = size
	return growth
}

// weightOf returns for how many records r stands: a summary of another step
// says so.
func weightOf(r *record.Record) uint64 {
	if v, ok := r.Attr(dedupCount); ok && v.Type() == attribute.INT64 && v.AsInt64() > 0 {
		return uint64(v.AsInt64())
	}
	return 1
}

// rfc3339 is how the encoders write times: with all digits, so that lines sort
// by it.
const rfc3339 = "2006-01-02T15:04:05.000000000Z07:00"

// summary returns the record that tells of the repeats, and begins to count
// anew. The record is the caller's.
func (w *window) summary() *record.Record {
	r := w.last
	setAttribute(r, dedupCount.Int64(int64(w.count)))
	setAttribute(r, dedupFirst.String(w.first.UTC().Format(rfc3339)))
	setAttribute(r, dedupLast.String(r.Time().UTC().Format(rfc3339)))
	w.last, w.lastSize, w.resourceSize, w.count = nil, 0, 0, 0
	return r
}

// setAttribute adds an attribute, or replaces the one with its key.
func setAttribute(r *record.Record, kv attribute.KeyValue) {
	i := slices.IndexFunc(r.Attributes, func(have attribute.KeyValue) bool { return have.Key == kv.Key })
	if i < 0 {
		r.Attributes = append(r.Attributes, kv)
		return
	}
	r.Attributes[i].Value = kv.Value
}
