package spool

import (
	"errors"
	"fmt"
	"io/fs"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool/internal/journal"
)

// Records calls yield with each record that waits in a queue, in its order and
// with the attribute log.record.uid, as a destination would get them. A record
// is borrowed: it is overwritten when yield has returned. An error of yield
// ends it, and is returned.
//
// lost counts the records that could not be read; [Dir.Verify] tells where they
// were.
func (d *Dir) Records(id string, yield func(*record.Record) error) (lost uint64, err error) {
	j, err := journal.View(d.fs, id)
	if errors.Is(err, fs.ErrNotExist) && d.gone(id) {
		return 0, nil // delivered
	}
	if err != nil {
		return 0, fmt.Errorf("spool: %w", err)
	}
	defer func() { _ = j.Close() }() // which was only read
	x := extract{id: j}
	for {
		items, err := j.Reader().Next(maxRecords, maxBytes)
		if errors.Is(err, journal.ErrUnfinished) {
			continue
		}
		if err != nil || len(items) == 0 {
			if err != nil {
				err = fmt.Errorf("spool: queue %s: %w", id, err)
			}
			return x.undecoded + j.Stats().Damaged, err
		}
		for _, it := range items {
			if err := x.pass(it, yield); err != nil {
				return x.undecoded + j.Stats().Damaged, err
			}
		}
	}
}

// extract makes records of items.
type extract struct {
	id        interface{ UID(seq uint64) string }
	dec       decode.OTLPProto
	of        *encode.OTLPOrigin
	origin    *record.Origin
	undecoded uint64
}

func (x *extract) pass(it journal.Item, yield func(*record.Record) error) error {
	if it.Origin != x.of {
		x.of, x.origin = it.Origin, nil
		if x.of != nil {
			// Without an origin rather than not at all.
			x.origin, _ = x.dec.Origin(x.of.Resource, x.of.Scope)
		}
	}
	r, err := x.dec.Log(it.Log, x.origin)
	if err != nil {
		x.undecoded++
		return nil
	}
	if !it.OwnUID {
		r.AddAttributes(attribute.String(string(semconv.LogRecordUIDKey), x.id.UID(it.Seq)))
	}
	return yield(r)
}
