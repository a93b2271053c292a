package journal

import (
	"errors"
	"io/fs"
)

// detach gives up every descriptor, so that the file system can be unmounted
// and repaired. attach comes back. writeMu and syncMu are held.
func (j *Journal) detach() {
	j.mu.Lock()
	j.lose()
	lock := j.lock
	j.lock = nil
	j.mu.Unlock()
	j.detached.Store(true)
	j.giveUp()
	if lock != nil {
		_ = lock.Unlock(false)
	}
	// Who has these locks lets go at the end.
	if j.reader.mu.TryLock() {
		j.reader.letGo()
		j.reader.mu.Unlock()
	}
	if j.ackMu.TryLock() {
		_ = j.cursor.close()
		j.ackMu.Unlock()
	}
}

// attach locks the queue again after detach.
func (j *Journal) attach() error {
	if !j.detached.Load() || j.viewed {
		return nil
	}
	j.lockMu.Lock()
	defer j.lockMu.Unlock()
	j.mu.Lock()
	held, taken := j.lock != nil, j.taken
	j.mu.Unlock()
	if held {
		return nil
	}
	if taken != nil {
		return taken
	}
	lock, err := j.fs.Lock(j.dir + "/" + lockName)
	switch {
	case errors.Is(err, ErrLocked):
		err = ErrTaken
	case errors.Is(err, fs.ErrNotExist):
		if _, there := j.fs.ReadDir("."); there == nil {
			err = ErrRemoved
		}
	case err == nil:
		// Who had it meanwhile may have delivered a part.
		var c position
		if c, err = readCursor(j.fs, j.dir, j.id); err == nil && c.counter > j.cursor.counter.Load() {
			err = ErrTaken
		}
		if errors.Is(err, errDamaged) {
			err = nil
		}
		if err != nil {
			err = errors.Join(err, lock.Unlock(false))
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		if errors.Is(err, ErrTaken) {
			j.taken = err
		}
		return err
	}
	j.lock = lock
	j.detached.Store(false)
	return nil
}
