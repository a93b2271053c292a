package journal

import (
	"errors"
	"fmt"
	"slices"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// Peeked is what [Peek] has found.
type Peeked struct {
	// Stats are those from before, but for what was found damaged on the way.
	Stats
	// Oldest and Newest are the payloads of the first and the last record that
	// wait and can be read; nil if none does.
	Oldest, Newest []byte
	// Problems says what showed to be damaged, or none of the queue's.
	Problems []error
}

// Peek looks at both ends of a queue, whoever owns it. It takes no lock and
// repairs nothing. What is damaged in between only [Verify] finds.
func Peek(fsys disk.FS, id string) (Peeked, error) {
	var p Peeked
	j, err := open(Options{FS: fsys, Report: func(err error) { p.Problems = append(p.Problems, err) }}, id, true)
	if err != nil {
		return p, err
	}
	p.Stats = j.Stats()
	if p.Oldest, err = j.reader.first(); err == nil {
		p.Newest, err = j.newest()
	}
	if p.Newest == nil {
		p.Newest = p.Oldest
	}
	p.Damaged = j.Stats().Damaged
	if err != nil {
		err = fmt.Errorf("journal: look into %s: %w", j.dir, err)
	}
	return p, errors.Join(err, j.Close())
}

// first returns the payload of the next record.
func (r *Reader) first() ([]byte, error) {
	for range largeSegment / stretch {
		items, err := r.Next(1, chunk)
		if errors.Is(err, ErrUnfinished) {
			continue
		}
		if err != nil || len(items) == 0 {
			return nil, err
		}
		return slices.Clone(items[0].Log), nil
	}
	return nil, nil
}

// newest reads the segments from the last one on backwards until one has
// something that the reader has not handed out. It gives up when it has read too
// much.
func (j *Journal) newest() ([]byte, error) {
	r := &j.reader
	j.mu.Lock()
	from, segments := r.pos, j.segments
	j.mu.Unlock()
	left := largeSegment
	for i := len(segments) - 1; i >= 0; i-- {
		j.mu.Lock()
		r.pos = max(from, segments[i].first)
		r.counted = r.pos
		j.mu.Unlock()
		if payload, err := r.last(&left); payload != nil || err != nil {
			return payload, err
		}
	}
	return nil, nil
}

// last returns the payload of the last record, or that of the last one before
// there were no bytes left to read.
func (r *Reader) last(left *int) (payload []byte, err error) {
	for *left > 0 {
		items, err := r.Next(1<<10, chunk)
		if errors.Is(err, ErrUnfinished) {
			*left -= stretch
			continue
		}
		if err != nil || len(items) == 0 {
			return payload, err
		}
		for i := range items {
			*left -= frameHeaderSize + len(items[i].Log)
		}
		payload = append(payload[:0], items[len(items)-1].Log...)
	}
	return payload, nil
}
