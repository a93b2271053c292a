package socket

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

// look lets go of a connection that is over.
func (e *Exporter) look() {
	if e.link == nil {
		return
	}
	if err := e.link.look(); err != nil || e.ep.network == "udp" && time.Since(e.link.since) > lookupEvery {
		e.drop(err)
	}
}

// writeStream writes the frames of recs, a buffer at a time. If the receiver
// reset the connection, what the kernel had taken of the batch was thrown away
// there: none of it counts. If it only stopped reading, it will find what the
// kernel has when it goes on.
func (e *Exporter) writeStream(ctx context.Context, recs []record.Record) (n int, err error) {
	for n < len(recs) {
		if err := e.format.fill(&e.out, recs[n:]); err != nil {
			return n, err // nothing is in the buffer
		}
		written, err := e.link.write(ctx, e.out.buf, e.timeout)
		switch {
		case err == nil:
			n += e.out.records
		case interrupted(err):
			n += e.out.recordsWithin(written)
			e.link.records += uint64(n)
			e.drop(err)
			return n, err
		default:
			e.drop(err)
			return 0, err
		}
	}
	return e.settle(n)
}

// writeDatagrams writes a datagram a record. A refused one tells of those
// before it: none of the batch counts.
func (e *Exporter) writeDatagrams(ctx context.Context, recs []record.Record) (n int, err error) {
	for n < len(recs) {
		if err := e.format.fill(&e.out, recs[n:n+1]); err != nil {
			return n, err
		}
		_, err := e.link.write(ctx, e.out.buf, e.timeout)
		switch {
		case err == nil:
			n++
		case isTooLarge(err) && len(e.out.buf)/2 >= leastMessage:
			// Some systems and links take less than the protocol does.
			e.format.limit = len(e.out.buf) / 2
		case isTooLarge(err):
			return n, exporters.Poison(err)
		case interrupted(err):
			e.drop(nil) // others went out whole
			return n, err
		default:
			e.drop(err)
			return 0, err
		}
	}
	return e.settle(n)
}

// settle looks at the connection behind a batch of n records.
func (e *Exporter) settle(n int) (int, error) {
	if err := e.link.look(); err != nil && !errors.Is(err, io.EOF) {
		e.drop(err)
		return 0, err
	}
	e.link.records += uint64(n)
	return n, nil
}

// drop closes the connection at once. What that may cost is kept to be told.
func (e *Exporter) drop(cause error) {
	e.untold = e.untold.and(e.link.lost(cause))
	e.link.close()
	e.link = nil
}
