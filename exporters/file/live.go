package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// live is the open live file.
type live struct {
	f    *os.File // nil when not open
	info os.FileInfo
	size int64 // up to the end of the last whole record
	// sound tells that the file ends at size, behind a line feed. It does not
	// before the tail was looked at, nor when a failed write could not be
	// taken back.
	sound bool
	// excess is how many bytes of a failed write stand behind size.
	excess int64
	period period // what is written belongs to
}

// open opens the live file unless it is open. The tail is looked at later, by
// ready, so that a full disk does not keep a program from starting.
func (e *Exporter) open() error {
	if e.live.f != nil {
		return nil
	}
	if err := e.sameDirectory(); err != nil {
		return err
	}
	f, info, err := openRegular(e.cfg.Path, e.cfg.Permissions, e.cfg.DirectoryPermissions)
	if err != nil {
		return err
	}
	if err := e.claim.opened(e.cfg.Path, info); err != nil {
		return errors.Join(err, f.Close())
	}
	e.live = live{f: f, info: info, size: info.Size()}
	if e.syncs() {
		// The file may be new, and a backup may have got its name just now.
		if err := syncDirectory(e.dir); err != nil {
			return errors.Join(err, e.close())
		}
	}
	first := !e.opened
	if first && e.cfg.Mode == "truncate" {
		if err := f.Truncate(0); err != nil {
			return errors.Join(fmt.Errorf("file: %w", err), e.close())
		}
		e.live.size = 0
	}
	e.opened = true
	e.begin(info.ModTime())
	if first && e.limits.rotate() {
		return e.catchUp(info)
	}
	return nil
}

// catchUp does what an earlier process left undone: the rotation that has
// fallen due since, and deletions. What fails is tried again by the next write.
func (e *Exporter) catchUp(info os.FileInfo) error {
	var written time.Time
	if info.Size() > 0 {
		written = info.ModTime()
	}
	own, err := listBackups(e.dir, e.names)
	if err != nil {
		e.stats.pruneFailures.Add(1)
	}
	e.pruner.begin(written, own)
	if !e.due() || e.ready() != nil || e.rotate() != nil {
		e.prune()
	}
	e.keeper.opened()
	return e.open()
}

// ready makes the live file ready for the next record: open, and ending where
// a record may begin.
func (e *Exporter) ready() error {
	if err := e.open(); err != nil {
		return err
	}
	l := &e.live
	if l.sound {
		return nil
	}
	if l.excess > 0 {
		return e.takeBack()
	}
	size, torn, err := repairTail(l.f, l.size, e.cfg.Format)
	if err != nil {
		return err
	}
	if torn {
		e.stats.tornTails.Add(1)
	}
	if _, err := l.f.Seek(size, io.SeekStart); err != nil {
		return fmt.Errorf("file: %w", err)
	}
	l.size, l.sound = size, true
	return nil
}

// append writes p, whole records, and returns how much of it was written. What
// a failed write leaves is cut off at whole, the end of the last whole record,
// given the number of bytes written.
func (e *Exporter) append(p []byte, whole func(written int) int) (kept int, err error) {
	l := &e.live
	written, err := e.write(l.f, p)
	if err == nil && written < len(p) {
		err = io.ErrShortWrite
	}
	if err == nil {
		l.size += int64(len(p))
		e.stats.bytes.Add(uint64(len(p)))
		return len(p), nil
	}
	err = fmt.Errorf("file: %w", err)
	kept = whole(written)
	l.size += int64(kept)
	e.stats.bytes.Add(uint64(kept))
	if l.excess = int64(written - kept); l.excess > 0 {
		l.sound = false
		err = errors.Join(err, e.takeBack())
	}
	if isFull(err) {
		if e.limits.rotate() && e.cfg.Retention.MinFree > 0 {
			e.prune()
		}
	} else {
		// The file system may be gone or read-only: an open file would keep
		// it from being repaired.
		err = errors.Join(err, e.close())
	}
	return kept, err
}

// takeBack cuts off what a failed write has left behind the last whole record.
// When the file has grown by more than that, another program writes to it too;
// then the torn end is left to repairTail.
func (e *Exporter) takeBack() error {
	l := &e.live
	info, err := l.f.Stat()
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	if info.Size() != l.size+l.excess {
		l.size, l.excess = info.Size(), 0
		return nil
	}
	if err := l.f.Truncate(l.size); err != nil {
		return fmt.Errorf("file: take a failed write back: %w", err)
	}
	if _, err := l.f.Seek(l.size, io.SeekStart); err != nil {
		return fmt.Errorf("file: %w", err)
	}
	l.excess, l.sound = 0, true
	return nil
}

// close closes the live file. An error may mean that records written before
// have not reached the disk (a quota on a network file system shows only now).
func (e *Exporter) close() error {
	f := e.live.f
	if f == nil {
		return nil
	}
	err := e.sync()
	if e.live.f == nil {
		return err // the failed sync has closed it
	}
	return errors.Join(err, e.abandon())
}

// abandon closes the live file as it is.
func (e *Exporter) abandon() error {
	f := e.live.f
	e.live = live{}
	e.synced = e.records
	e.claim.closed()
	if err := f.Close(); err != nil {
		return fmt.Errorf("file: %w", err)
	}
	return nil
}

// rotationPause is how long the exporter waits after a rotation that failed
// before it tries the next.
const rotationPause = time.Second

// tryRotate rotates, unless that has just failed. A failure must not keep
// records from being written: it is told and counted, and they go on into the
// live file, over its limit.
func (e *Exporter) tryRotate() bool {
	if time.Now().Before(e.retryRotation) {
		return false
	}
	if err := e.rotate(); err != nil {
		e.stats.rotationFailures.Add(1)
		e.retryRotation = time.Now().Add(rotationPause)
		e.tell(err)
		return false
	}
	return true
}

// rotate makes the live file a backup and deletes what retention does not
// keep. Wherever the process dies, every record stands in one file of the set,
// and the next start carries on: the live file is made by the next write, and
// deletions are made up for when the file is opened.
func (e *Exporter) rotate() error {
	if err := e.sameDirectory(); err != nil {
		return err
	}
	own, err := listBackups(e.dir, e.names)
	if err != nil {
		return fmt.Errorf("file: rotate: %w", err)
	}
	backup, err := e.names.vacate(own, e.stamp())
	if err != nil {
		return fmt.Errorf("file: rotate: %w", err)
	}
	e.tell(e.close())
	// Somebody may have removed the live file; then there is nothing to keep.
	if err := os.Rename(e.cfg.Path, backup); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("file: rotate: %w", err)
	}
	e.stats.rotations.Add(1)
	e.prune()
	e.keeper.rotated()
	return nil
}

// prune deletes the backups that retention does not keep. A failure must not
// keep records from being written: it is counted, and tried again by the next
// rotation.
func (e *Exporter) prune() {
	own, err := listBackups(e.dir, e.names)
	if err != nil {
		e.stats.pruneFailures.Add(1)
		return
	}
	surplus, err := e.pruner.surplus(own)
	if err != nil {
		e.stats.pruneFailures.Add(1)
	}
	for _, b := range e.keeper.dispensable(surplus) {
		if err := b.remove(); err != nil {
			e.stats.pruneFailures.Add(1)
			continue
		}
		e.stats.pruned.Add(1)
	}
}
