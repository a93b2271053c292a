package journal

import (
	"errors"
	"fmt"

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
	if p.Oldest, err = j.reader.last(1); err == nil {
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

// newest reads the segments from the last one on backwards until one has
// something that the reader has not handed out.
func (j *Journal) newest() ([]byte, error) {
	r := &j.reader
	j.mu.Lock()
	from, segments := r.pos, j.segments
	j.mu.Unlock()
	for i := len(segments) - 1; i >= 0; i-- {
		j.mu.Lock()
		r.pos = max(from, segments[i].first)
		r.counted = r.pos
		j.mu.Unlock()
		if payload, err := r.last(1 << 10); payload != nil || err != nil {
			return payload, err
		}
	}
	return nil, nil
}

// last reads to the end, or one record, and returns the last one's payload.
func (r *Reader) last(maxRecords int) (payload []byte, err error) {
	for {
		items, err := r.Next(maxRecords, chunk)
		if err != nil || len(items) == 0 {
			return payload, err
		}
		payload = append(payload[:0], items[len(items)-1].Log...)
		if maxRecords == 1 {
			return payload, nil
		}
	}
}
