package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// DefaultSegmentSize is that of [Options] without one, in bytes.
const DefaultSegmentSize = 16 << 20

// Sync says when what was appended is forced to the disk, so that it survives a
// power cut: before Append returns, never, or at most so long afterwards.
type Sync time.Duration

const (
	// Never leaves it to the operating system.
	Never Sync = 0
	// Always makes Append return when its records are on the disk. Appends at
	// the same time share one fsync.
	Always Sync = -1
)

// Options are common to all queues of a directory.
type Options struct {
	FS disk.FS
	// SegmentSize is where a segment ends, in bytes. A batch is never split: a
	// larger one has a segment for itself.
	SegmentSize int64
	Sync        Sync
	// Report is called with what goes wrong beside the methods' errors, or was
	// found damaged. No lock is held; calls do not overlap. It may be nil.
	Report func(error)
}

var (
	// ErrLocked says that a process owns the queue.
	ErrLocked = disk.ErrLocked
	// ErrClosed is what methods return after Close.
	ErrClosed = errors.New("journal: closed")
	// ErrTaken says that another process has adopted the queue while its file
	// system was given up: what is in it is not lost, but not ours any more.
	ErrTaken = errors.New("journal: another process has taken the queue")
	// ErrRemoved is an [ErrTaken]: somebody has removed the queue while it was
	// in use. What waited in it is lost, unless that was a process which had
	// delivered it.
	ErrRemoved = fmt.Errorf("%w, or somebody has removed it", ErrTaken)
	// ErrDrained says that the queue was opened to be emptied, not to be filled.
	ErrDrained = errors.New("journal: the queue was left by an earlier process: it takes no records")
)

// Journal is one queue. Its methods are safe for concurrent use.
type Journal struct {
	fs      disk.FS
	id      uint64
	dir     string
	size    int64
	sync    Sync
	report  func(error)
	owned   bool     // we have made it, and append to it
	viewed  bool     // nothing is locked or written
	foreign []string // files that only look like the queue's
	reader  Reader
	changed chan struct{}

	ackMu  sync.Mutex
	cursor cursorFile

	writeMu sync.Mutex
	scratch []byte
	looked  time.Time // when the files were last looked at

	// syncMu is held while the active segment is synced, or closed.
	syncMu  sync.Mutex
	dirty   chan struct{} // something was appended
	hurry   chan struct{} // much was
	closing chan struct{}
	synced  sync.WaitGroup // the goroutine that syncs

	lockMu   sync.Mutex
	detached atomic.Bool // every descriptor was given up

	reportMu sync.Mutex
	untold   atomic.Bool

	mu       sync.Mutex // guards what follows, and every segment
	lock     disk.Lock
	taken    error // ErrTaken, or ErrRemoved
	closed   bool
	segments []*segment
	active   *segment
	acked    uint64 // every record before it is settled
	next     uint64 // what the next record will be called
	visible  uint64 // where the reader stops
	durable  uint64 // every record before it was synced
	// retired are the segments before the active one that are not synced, in
	// order. Their files are open, unless one is lost.
	retired []*segment
	// lost is set when a sync has failed, or a write: it is the first segment of
	// which there are copies, which all go into new ones.
	lost      *segment
	copies    copies
	unsettled []*Batch // that wait for a sync, in order
	crowded   bool     // the disk is full
	undone    bool     // a compaction was: what waits may be more than the books say
	stats     Stats
	reports   []error
}

const (
	queuePrefix = "q-"
	lockName    = "lock"
	// firstSeq leaves 0 for none.
	firstSeq = 1
)

func queueDir(id uint64) string { return fmt.Sprintf("%s%016x", queuePrefix, id) }

// parseID undoes [Journal.ID].
func parseID(id string) (uint64, error) {
	n, err := strconv.ParseUint(id, 16, 64)
	if err != nil || fmt.Sprintf("%016x", n) != id {
		return 0, fmt.Errorf("journal: %q is no queue", id)
	}
	return n, nil
}

// List returns the queues in a directory, by their ids.
func List(fsys disk.FS) ([]string, error) {
	entries, err := fsys.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutPrefix(e.Name, queuePrefix); ok && e.Dir {
			if _, err := parseID(id); err == nil {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}

func newJournal(o Options, id uint64) *Journal {
	if o.SegmentSize <= 0 {
		o.SegmentSize = DefaultSegmentSize
	}
	j := &Journal{
		fs: o.FS, id: id, dir: queueDir(id), size: o.SegmentSize, sync: o.Sync, report: o.Report,
		changed: make(chan struct{}, 1),
		dirty:   make(chan struct{}, 1),
		hurry:   make(chan struct{}, 1),
		closing: make(chan struct{}),
		acked:   firstSeq, next: firstSeq, visible: firstSeq, durable: firstSeq,
	}
	j.cursor = cursorFile{fs: o.FS, dir: j.dir, queue: id, durable: o.Sync != Never}
	j.reader = Reader{j: j, pos: firstSeq}
	return j
}

// Create makes a queue with an id of its own, and locks it.
func Create(o Options) (*Journal, error) {
	for range 10 {
		var id [8]byte
		_, _ = rand.Read(id[:]) // never fails
		j := newJournal(o, binary.LittleEndian.Uint64(id[:]))
		j.owned = true
		switch err := j.make(); {
		case err == nil:
			if j.sync > 0 {
				j.synced.Go(j.syncInBackground)
			}
			return j, nil
		case !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrLocked):
			return nil, fmt.Errorf("journal: create a queue: %w", err)
		}
		// Somebody has the id, or took our empty directory for an orphan.
	}
	return nil, errors.New("journal: create a queue: new ones are taken at once")
}

func (j *Journal) make() error {
	if err := j.fs.Mkdir(j.dir); err != nil {
		return err
	}
	lock, err := j.fs.Lock(j.dir + "/" + lockName)
	if err != nil {
		if !errors.Is(err, ErrLocked) {
			_ = j.fs.Remove(j.dir) // which is empty, or somebody else's
		}
		return err
	}
	j.lock = lock
	err = j.cursor.write(j.acked, j.next, true)
	if err == nil && j.sync != Never {
		err = j.fs.SyncDir(".")
	}
	if err != nil {
		return errors.Join(err, j.cursor.close(), j.removeAll())
	}
	return nil
}

// ID returns the queue's id: 16 hexadecimal digits.
func (j *Journal) ID() string { return fmt.Sprintf("%016x", j.id) }

// UID returns what a record is called everywhere: the queue's id and seq.
func (j *Journal) UID(seq uint64) string { return string(j.AppendUID(nil, seq)) }

// AppendUID appends UID(seq).
func (j *Journal) AppendUID(dst []byte, seq uint64) []byte {
	var b [33]byte
	putHex(b[:16], j.id)
	b[16] = '-'
	putHex(b[17:], seq)
	return append(dst, b[:]...)
}

func putHex(p []byte, n uint64) {
	for i := len(p) - 1; i >= 0; i-- {
		p[i] = "0123456789abcdef"[n&15]
		n >>= 4
	}
}

// Wait returns a channel that becomes readable when something was appended
// after it was last read.
func (j *Journal) Wait() <-chan struct{} { return j.changed }

func (j *Journal) announce() { signal(j.changed) }
