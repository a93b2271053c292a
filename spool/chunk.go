package spool

import (
	"errors"
	"fmt"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool/internal/journal"
)

const (
	// maxChunk bounds, in bytes, what is admitted and written at once. It
	// leaves seven eighths of the smallest segment to others.
	maxChunk = 256 << 10
	// segmentOverhead is what a segment takes besides records and origins, and
	// originOverhead an origin besides its bytes, twice.
	segmentOverhead = 8 << 10
	originOverhead  = 2 * 64
)

// chunk is a part of a Write: records that are encoded, and admitted to the
// journal, together.
type chunk struct {
	batch    journal.Batch
	recs     []record.Record // the caller's
	sizes    []int           // what each takes on disk
	origins  int64           // what their origins take in a new segment
	last     *encode.OTLPOrigin
	reserved int64
}

// fill encodes the first of recs and returns how many it took. The error tells
// that the record behind those is none for a queue.
func (c *chunk) fill(s *Spool, recs []record.Record) (n int, err error) {
	c.reset()
	for n < len(recs) && c.batch.Bytes() < s.chunkSize() {
		if err = c.add(s, &recs[n]); err != nil {
			break
		}
		n++
	}
	c.recs = recs[:n]
	return n, err
}

func (c *chunk) add(s *Spool, r *record.Record) error {
	before := c.batch.Bytes()
	origin := s.origins.of(s.enc, r.Origin)
	_, ownUID := r.Attr(semconv.LogRecordUIDKey)
	err := c.batch.Add(origin, severityOf(r), ownUID, func(dst []byte) []byte { return s.enc.AppendLog(dst, r) })
	size := c.batch.Bytes() - before
	if err == nil && int64(size) > s.largest() {
		c.batch.Truncate(c.batch.Len() - 1)
		err = fmt.Errorf("record of %d bytes: larger than a quarter of max_size (%s)", size, s.cfg.MaxSize)
	}
	if err != nil {
		return exporters.Poison(fmt.Errorf("spool: %w", err))
	}
	c.sizes = append(c.sizes, size)
	c.count(origin)
	return nil
}

// count adds what an origin may take; one that comes again counts again, which
// only makes a chunk look larger.
func (c *chunk) count(o *encode.OTLPOrigin) {
	if o != nil && o != c.last {
		c.origins += int64(2*(len(o.Resource)+len(o.Scope)) + originOverhead)
	}
	c.last = o
}

// need is what the chunk takes on disk at most.
func (c *chunk) need() int64 { return int64(c.batch.Bytes()) + c.origins + segmentOverhead }

// keep encodes the chunk again without the records that were refused.
func (c *chunk) keep(s *Spool, refused []bool) error {
	recs := c.recs
	c.reset()
	for i := range recs {
		if refused[i] {
			continue
		}
		if err := c.add(s, &recs[i]); err != nil {
			return err // it was taken before
		}
	}
	return nil
}

func (c *chunk) reset() {
	c.batch.Reset()
	*c = chunk{batch: c.batch, sizes: c.sizes[:0]}
}

// chunkSize is what a chunk may grow to before its last record.
func (s *Spool) chunkSize() int { return int(min(maxChunk, s.cfg.segmentSize()/2)) }

// largest is the size of the largest record that a queue takes: two of them
// must never be all that fits.
func (s *Spool) largest() int64 { return int64(s.cfg.MaxSize) / 4 }

// severityOf returns a record's severity as the journal keeps it.
func severityOf(r *record.Record) uint8 { return uint8(min(max(r.Severity, 0), 255)) }

// isError reports whether the reserve is for a record.
func isError(r *record.Record) bool { return r.Severity >= log.SeverityError1 }

// errFull says that the queue takes nothing at present.
var errFull = errors.New("the queue on disk is full")
