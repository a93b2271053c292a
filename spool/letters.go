package spool

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/spool/internal/disk"
	"github.com/seed2f724858/sluice/spool/internal/journal"
)

const deadLetterDir = "dead-letter"

// deadLetters is the file of the records that the exporter will never take, as
// OTLP JSON lines. Only the courier writes it.
type deadLetters struct {
	fs    disk.FS
	name  string
	limit int64 // of the file and the one before it
	size  atomic.Int64
	file  disk.File
	at    int64  // the end of the file
	gone  uint64 // letters that were discarded
	buf   []byte
	dec   decode.OTLPProto
}

// write appends lines to the file. A replay may take that away at any time, also
// while they are written, and nobody knows what it has seen: then they go into a
// new file, rather twice than not at all.
func (l *deadLetters) write(lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	for range 3 {
		if err := l.put(lines); err != nil {
			return err
		}
		if l.isThere() {
			return nil
		}
		l.letGo()
	}
	return errors.New("the file is taken away each time")
}

// isThere reports whether the file has its name.
func (l *deadLetters) isThere() bool {
	f, err := l.fs.Open(l.name)
	if err == nil {
		_ = f.Close() // which was not even read
	}
	return !errors.Is(err, fs.ErrNotExist)
}

// letGo gives up a file that was taken.
func (l *deadLetters) letGo() {
	l.close()
	l.size.Add(-l.at)
	l.at = 0
}

// put appends lines to the file, and begins a new file if that would be too
// large. The one before it makes room for a line that is.
func (l *deadLetters) put(lines []byte) error {
	size := int64(len(lines))
	if l.at > 0 && (l.file == nil || l.at+size > l.limit/2) {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	if l.size.Load()+size > l.limit {
		if err := l.discard(l.before()); err != nil {
			return err
		}
		l.size.Store(l.at)
	}
	if l.file == nil {
		if err := l.create(); err != nil {
			return err
		}
	}
	n, err := l.file.WriteAt(lines, l.at)
	if err != nil {
		// A torn line must not swallow the next one.
		_ = l.file.Truncate(l.at)
		return err
	}
	l.at += int64(n)
	l.size.Add(int64(n))
	return nil
}

func (l *deadLetters) create() error {
	err := l.fs.Mkdir(deadLetterDir)
	if err == nil {
		err = l.fs.SyncDir(".")
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	l.prune()
	f, err := l.fs.Create(l.name)
	if err != nil {
		return err
	}
	l.file = f
	return l.fs.SyncDir(deadLetterDir)
}

// prune removes letters of queues that are gone, as long as there are more than
// one process may have: each process has a file of its own.
func (l *deadLetters) prune() {
	letters, err := l.fs.ReadDir(deadLetterDir)
	if err != nil {
		return
	}
	queues, err := journal.List(l.fs)
	if err != nil {
		return
	}
	var gone []disk.Entry
	var size int64
	for _, e := range letters {
		if id, _, _ := strings.Cut(e.Name, "."); e.Regular && isLetters(e.Name) && !slices.Contains(queues, id) {
			gone = append(gone, e)
			size += e.Size
		}
	}
	for _, e := range gone {
		if size <= l.limit {
			return
		}
		if l.discard(deadLetterDir+"/"+e.Name) == nil {
			size -= e.Size
		}
	}
}

// before is what the file before the current one is called.
func (l *deadLetters) before() string { return l.name + ".1" }

// rotate makes the file the one before it, in place of what had that name.
func (l *deadLetters) rotate() error {
	l.close()
	if err := l.discard(l.before()); err != nil {
		return err
	}
	l.size.Store(l.at)
	err := l.fs.Rename(l.name, l.before())
	if errors.Is(err, fs.ErrNotExist) {
		l.letGo()
		return nil
	}
	if err == nil {
		l.at = 0
	}
	return err
}

// discard removes a file of letters, and counts these, unless a replay has
// taken it.
func (l *deadLetters) discard(name string) error {
	n, err := countLines(l.fs, name)
	if err == nil {
		err = l.fs.Remove(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		l.gone += n
	}
	return err
}

func (l *deadLetters) close() {
	if l.file != nil {
		_ = l.file.Close() // whose content is written
		l.file = nil
	}
}
