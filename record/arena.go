package record

import "go.opentelemetry.io/otel/attribute"

// A Chunk's capacity: about 64 KiB, records and attributes together, in the
// proportion of records with five to six attributes.
const (
	chunkRecords    = 112
	chunkAttributes = 640
)

// ChunkBytes is about the memory that a [Chunk] takes.
const ChunkBytes = chunkRecords*recordSize + chunkAttributes*keyValueSize

// Chunk is a block of memory for copies of records and their attributes, made
// once and filled again and again: copying a record into it allocates nothing
// unless that record alone has more attributes than a chunk holds.
//
// A Chunk is not safe for concurrent use, except that records which
// [Chunk.Records] returned may be read and released while others are appended.
type Chunk struct {
	recs  []Record
	attrs []attribute.KeyValue
}

// NewChunk returns an empty chunk.
func NewChunk() *Chunk {
	return &Chunk{
		recs:  make([]Record, 0, chunkRecords),
		attrs: make([]attribute.KeyValue, 0, chunkAttributes),
	}
}

// Append copies r into the chunk and reports whether it had room.
func (c *Chunk) Append(r *Record) bool {
	n, start := len(r.Attributes), len(c.attrs)
	if len(c.recs) == cap(c.recs) {
		return false
	}
	if n > cap(c.attrs)-start {
		if n <= cap(c.attrs) {
			return false
		}
		c.recs = append(c.recs, r.Clone())
		return true
	}
	c.recs = append(c.recs, *r)
	if n == 0 {
		c.recs[len(c.recs)-1].Attributes = nil
		return true
	}
	c.attrs = append(c.attrs, r.Attributes...)
	c.recs[len(c.recs)-1].Attributes = c.attrs[start : start+n : start+n]
	return true
}

// Len returns the number of records appended since the last Reset.
func (c *Chunk) Len() int { return len(c.recs) }

// Records returns records from up to, not including, to. They are the chunk's
// own memory.
func (c *Chunk) Records(from, to int) []Record { return c.recs[from:to] }

// Release lets go of what a chunk's records refer to, so that the garbage
// collector may have it while the chunk's memory waits to be used again.
func Release(recs []Record) {
	for i := range recs {
		clear(recs[i].Attributes)
	}
	clear(recs)
}

// Reset empties the chunk, whose records must all have been released.
func (c *Chunk) Reset() {
	c.recs = c.recs[:0]
	c.attrs = c.attrs[:0]
}
