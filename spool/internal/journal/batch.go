package journal

import (
	"errors"
	"fmt"

	"github.com/seed2f724858/sluice/encode"
)

// ErrTooLarge says that a record or its origin does not fit into a frame.
var ErrTooLarge = errors.New("too large for a disk queue")

// Batch collects records for [Journal.Append]. The zero Batch is empty; used
// again after Reset it allocates nothing. One goroutine uses it at a time.
type Batch struct {
	buf     []byte // frames, not stamped
	entries []entry
	summed  int                  // how many have their payloads' checksums
	origins []*encode.OTLPOrigin // distinct
	numbers map[*encode.OTLPOrigin]uint32
	mapped  []uint32 // by index in origins, its number in the segment

	// Guarded by Journal.mu while Append runs.
	settled bool
	err     error
}

// entry is a frame in the buffer.
type entry struct {
	at     int
	origin uint32 // index in origins + 1; 0 for none
}

// Add appends a record: encode appends its LogRecord fields to dst and returns
// that. Records of one origin come with the same pointer, as each pointer that
// a segment has not seen costs its origin's bytes twice. ownUID says that the
// record has an attribute log.record.uid. The error is [ErrTooLarge]; the batch
// is then as it was.
func (b *Batch) Add(o *encode.OTLPOrigin, severity uint8, ownUID bool, encode func(dst []byte) []byte) error {
	at := len(b.buf)
	var blank [frameHeaderSize]byte
	buf := encode(append(b.buf, blank[:]...))
	length := len(buf) - at - frameHeaderSize
	if length > MaxPayload {
		return fmt.Errorf("record of %d bytes: %w", length, ErrTooLarge)
	}
	origin, err := b.origin(o)
	if err != nil {
		return err
	}
	h := header{kind: typeRecord, severity: severity, length: uint32(length)}
	if ownUID {
		h.flags = flagOwnUID
	}
	putHeader(buf[at:], h)
	b.buf = buf
	b.entries = append(b.entries, entry{at, origin})
	return nil
}

// sum computes the payloads' checksums that are missing. Add leaves them out:
// for bytes that were written just before, by smaller or unaligned stores, each
// load would wait until these have reached the cache.
func (b *Batch) sum() {
	for ; b.summed < len(b.entries); b.summed++ {
		end := len(b.buf)
		if next := b.summed + 1; next < len(b.entries) {
			end = b.entries[next].at
		}
		putPayloadCRC(b.buf[b.entries[b.summed].at:end])
	}
}

func (b *Batch) origin(o *encode.OTLPOrigin) (uint32, error) {
	if o == nil {
		return 0, nil
	}
	if n := len(b.origins); n > 0 && b.origins[n-1] == o {
		return uint32(n), nil
	}
	if n, ok := b.numbers[o]; ok {
		return n, nil
	}
	if n := originLen(o.Resource, o.Scope); n > MaxOrigin {
		return 0, fmt.Errorf("origin of %d bytes: %w", n, ErrTooLarge)
	}
	if b.numbers == nil {
		b.numbers = make(map[*encode.OTLPOrigin]uint32)
	}
	b.origins = append(b.origins, o)
	n := uint32(len(b.origins))
	b.numbers[o] = n
	return n, nil
}

// Len returns how many records there are.
func (b *Batch) Len() int { return len(b.entries) }

// Bytes returns what the records take on disk, origins not counted.
func (b *Batch) Bytes() int { return len(b.buf) }

// Truncate keeps the first n records.
func (b *Batch) Truncate(n int) {
	if n < len(b.entries) {
		b.buf = b.buf[:b.entries[n].at]
		b.entries = b.entries[:n]
		b.summed = min(b.summed, n)
	}
}

// maxKeptBatch bounds the memory that an empty batch keeps.
const maxKeptBatch = 4 << 20

// Reset empties the batch and keeps its memory, unless that is unusually large.
func (b *Batch) Reset() {
	if cap(b.buf) > maxKeptBatch {
		*b = Batch{}
		return
	}
	b.buf, b.entries, b.summed = b.buf[:0], b.entries[:0], 0
	clear(b.origins)
	b.origins = b.origins[:0]
	clear(b.numbers)
}
