package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/spool/internal/disk"
	"github.com/seed2f724858/sluice/spool/internal/journal"
)

// Dir is a directory of disk queues, seen from outside of the processes that
// use them. But for [Dir.Replay] its methods take no lock and change nothing;
// what owners write, deliver or drop meanwhile may be missing. They may be
// called at the same time.
type Dir struct {
	fs     disk.FS
	locked func(name string) (bool, error)
	path   string // "" in memory
}

// ErrVersion says that a queue was written by a later version, which alone can
// read it.
var ErrVersion = journal.ErrVersion

// OpenDir returns the directory at path, which must be there. No symbolic link
// in it is followed.
func OpenDir(path string) (*Dir, error) {
	dir, err := disk.ExistingDir(path)
	if err != nil {
		return nil, fmt.Errorf("spool: directory: %w", err)
	}
	return &Dir{fs: dir, locked: dir.Locked, path: dir.Path()}, nil
}

// QueueInfo is what is known of a queue.
type QueueInfo struct {
	// ID is the number of the queue: 16 hexadecimal digits.
	ID string
	// InUse says that a process has the queue: the one that has made it, or
	// one that took it over. It is false, too, when nobody may look.
	InUse bool
	// Waiting counts the records that are neither delivered nor dropped.
	Waiting uint64
	// Segments counts the files of the queue, Bytes is their length.
	Segments int
	Bytes    int64
	// Oldest and Newest are when the first and the last of the waiting records
	// were made; the zero time if none waits or they do not tell.
	Oldest, Newest time.Time
	// Damaged counts records that are lost, as far as the look went:
	// [Dir.Queues] looks at both ends, [Dir.Verify] everywhere.
	Damaged uint64
	// Problems say what is damaged, with file and offset, or none of the
	// queue's: most of them, if there are very many.
	Problems []error
	// Err is why the queue cannot be read, [ErrVersion] perhaps.
	Err error

	// Verified says that all of the queue was read, and that what follows is
	// known: how many records can be read, those included that are settled
	// and still there, and how many of these have lost their origin.
	Verified             bool
	Records, OriginsLost uint64
}

// Sound reports whether nothing was found wrong.
func (q *QueueInfo) Sound() bool {
	return q.Err == nil && len(q.Problems) == 0 && q.Damaged == 0 && q.OriginsLost == 0
}

// Queues lists the queues, by their ids. It reads what opening them does, and
// takes well under a second whatever they hold.
func (d *Dir) Queues() ([]QueueInfo, error) {
	ids, err := journal.List(d.fs)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	var all []QueueInfo
	for _, id := range ids {
		q := QueueInfo{ID: id}
		p, err := journal.Peek(d.fs, id)
		if d.note(&q, p.Stats, p.Problems, err) {
			q.Oldest, q.Newest = recordTime(p.Oldest), recordTime(p.Newest)
			all = append(all, q)
		}
	}
	return all, nil
}

// Verify reads all of a queue. What its owner is writing at the moment is no
// damage. Damage is nothing to repair: it is passed over, and counted as
// dropped, when the queue is delivered.
func (d *Dir) Verify(id string) (QueueInfo, error) {
	q := QueueInfo{ID: id}
	r, err := journal.Verify(d.fs, id)
	if !d.note(&q, r.Stats, r.Problems, err) {
		return q, fmt.Errorf("spool: queue %s: %w", id, fs.ErrNotExist)
	}
	q.Verified = err == nil
	q.Records, q.OriginsLost = r.Records, r.OriginsLost
	return q, nil
}

// note fills in what both looks tell. It returns false for a queue that its
// owner has removed meanwhile.
func (d *Dir) note(q *QueueInfo, st journal.Stats, problems []error, err error) bool {
	if errors.Is(err, fs.ErrNotExist) && d.gone(q.ID) {
		return false
	}
	q.InUse, _ = d.locked("q-" + q.ID + "/lock")
	q.Waiting, q.Segments, q.Bytes, q.Damaged = st.Waiting, st.Segments, st.Bytes, st.Damaged
	q.Err = err
	for _, p := range problems {
		q.Problems = append(q.Problems, errors.New(strings.TrimPrefix(p.Error(), "journal q-"+q.ID+": ")))
	}
	return true
}

func (d *Dir) gone(id string) bool {
	ids, err := journal.List(d.fs)
	return err == nil && !slices.Contains(ids, id)
}

func recordTime(log []byte) time.Time {
	if log == nil {
		return time.Time{}
	}
	r, err := new(decode.OTLPProto).Log(log, nil)
	if err != nil {
		return time.Time{}
	}
	return r.Time()
}
