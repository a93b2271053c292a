package spool

import (
	"cmp"
	"errors"
	"io/fs"
	"strings"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// A replay leaves these names behind if it is interrupted:
//
//	q-NEW.replay                   a queue that is being made
//	dead-letter/FILE.NEW.replay    the letters that go into it
//
// As long as the first one is there, the letters count; without it the queue
// has got its name, and may be delivered already.
const (
	replaySuffix = ".replay"
	replayLock   = deadLetterDir + "/lock"
)

func stagedName(queue string) string { return "q-" + queue + replaySuffix }

// parseStaged undoes stagedName.
func parseStaged(name string) (queue string, ok bool) {
	name, ok = strings.CutSuffix(name, replaySuffix)
	queue, queued := strings.CutPrefix(name, "q-")
	return queue, ok && queued && isID(queue)
}

func takenName(file, queue string) string { return file + "." + queue + replaySuffix }

// parseTaken undoes takenName.
func parseTaken(name string) (queue string, ok bool) {
	name, ok = strings.CutSuffix(name, replaySuffix)
	i := strings.LastIndexByte(name, '.')
	if !ok || i < 0 {
		return "", false
	}
	return name[i+1:], isLetters(name[:i]) && isID(name[i+1:])
}

// lettersOrder has the file before a process's last one come first.
func lettersOrder(a, b string) int {
	idA, restA, _ := strings.Cut(a, ".")
	idB, restB, _ := strings.Cut(b, ".")
	return cmp.Or(strings.Compare(idA, idB), -strings.Compare(restA, restB))
}

// isStaged reports whether a queue is still being made.
func (d *Dir) isStaged(queue string) bool {
	_, err := d.fs.ReadDir(stagedName(queue))
	return err == nil
}

// cleanUp ends what an interrupted replay has begun. The lock is held.
func (d *Dir) cleanUp() error {
	letters, err := d.fs.ReadDir(deadLetterDir)
	if err != nil {
		return err
	}
	for _, e := range letters {
		queue, ok := parseTaken(e.Name)
		if !ok || !e.Regular {
			continue
		}
		_, err := d.fs.ReadDir(stagedName(queue))
		switch {
		case err == nil:
			err = d.giveBack(e.Name, queue)
		case errors.Is(err, fs.ErrNotExist):
			// Before the letters go, the queue's name must be there to stay.
			if err = d.fs.SyncDir("."); err == nil {
				err = d.remove(e.Name)
			}
		}
		if err != nil {
			return err
		}
	}
	entries, err := d.fs.ReadDir(".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if queue, ok := parseStaged(e.Name); ok && e.Dir {
			if err := d.discard(queue); err != nil {
				return err
			}
		}
	}
	return nil
}

// giveBack makes letters that were taken a file of letters again, and then gives
// up the queue they were for: the other way round they would count as stored.
// Their first name may be in use again; the queue's id never is.
func (d *Dir) giveBack(taken, queue string) error {
	err := d.fs.Rename(deadLetterDir+"/"+taken, deadLetterDir+"/"+lettersName(queue))
	if err == nil || errors.Is(err, fs.ErrNotExist) { // they were not taken yet
		err = d.fs.SyncDir(deadLetterDir)
	}
	if err != nil {
		return err
	}
	return d.discard(queue)
}

// remove removes letters that are in a queue.
func (d *Dir) remove(taken string) error {
	if err := d.fs.Remove(deadLetterDir + "/" + taken); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.fs.SyncDir(deadLetterDir)
}

// discard removes a queue that was being made.
func (d *Dir) discard(queue string) error {
	dir := stagedName(queue)
	entries, err := d.fs.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := d.fs.Remove(dir + "/" + e.Name); err != nil {
			return err
		}
	}
	return d.fs.Remove(dir)
}

// staging is an FS in which queues have the names of those that are being made,
// so that no process takes them over. Their directories stay when they are
// closed: what their absence tells is up to the replay.
type staging struct{ disk.FS }

func staged(name string) string {
	dir, file, below := strings.Cut(name, "/")
	if queue, ok := strings.CutPrefix(dir, "q-"); ok {
		dir = stagedName(queue)
	}
	if below {
		return dir + "/" + file
	}
	return dir
}

func (s staging) Open(name string) (disk.File, error)       { return s.FS.Open(staged(name)) }
func (s staging) Create(name string) (disk.File, error)     { return s.FS.Create(staged(name)) }
func (s staging) Rename(from, to string) error              { return s.FS.Rename(staged(from), staged(to)) }
func (s staging) Mkdir(name string) error                   { return s.FS.Mkdir(staged(name)) }
func (s staging) ReadDir(name string) ([]disk.Entry, error) { return s.FS.ReadDir(staged(name)) }
func (s staging) SyncFile(name string) error                { return s.FS.SyncFile(staged(name)) }
func (s staging) SyncDir(name string) error                 { return s.FS.SyncDir(staged(name)) }
func (s staging) Lock(name string) (disk.Lock, error)       { return s.FS.Lock(staged(name)) }

func (s staging) Remove(name string) error {
	if !strings.Contains(name, "/") {
		return nil
	}
	return s.FS.Remove(staged(name))
}
