package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Close syncs, and releases the queue; its directory is removed if nothing in
// it waits. Append, Next and Ack fail from now on.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	j.mu.Unlock()
	close(j.closing)
	j.synced.Wait()
	j.reader.mu.Lock()
	defer j.reader.mu.Unlock()
	j.reader.letGo()
	if j.viewed {
		return nil
	}
	err := j.close()
	j.reportUntold()
	if err != nil {
		return fmt.Errorf("journal: close: %w", err)
	}
	return nil
}

func (j *Journal) close() error {
	j.ackMu.Lock()
	defer j.ackMu.Unlock()
	j.writeMu.Lock()
	defer j.writeMu.Unlock()
	j.checkNames()
	err := j.attach()
	if errors.Is(err, ErrTaken) {
		return errors.Join(err, j.cursor.close())
	}
	if err == nil {
		err = j.renew()
	}
	if err == nil {
		err = j.seal()
	}
	j.mu.Lock()
	empty := j.stats.Waiting == 0 && j.lost == nil && (!j.undone || j.acked == j.next) &&
		!slices.ContainsFunc(j.segments, func(s *segment) bool { return s.unsure })
	acked, next := j.acked, j.next
	open := j.retired
	if j.active != nil {
		open = append(open, j.active)
	}
	j.active, j.retired = nil, nil
	j.mu.Unlock()
	for _, seg := range open {
		err = errors.Join(err, seg.close())
	}
	if err == nil {
		if empty {
			acked = next
		}
		err = j.cursor.write(acked, next, true)
	}
	err = errors.Join(err, j.cursor.close())
	if empty && err == nil {
		return j.removeAll()
	}
	return errors.Join(err, j.unlock(false))
}

func (j *Journal) unlock(remove bool) error {
	j.mu.Lock()
	lock := j.lock
	j.lock = nil
	j.mu.Unlock()
	if lock == nil {
		return nil
	}
	return lock.Unlock(remove)
}

// removeAll removes a queue in which nothing waits: its segments first, as
// without a cursor they would be read again, and the lock last. Files that are
// none of the queue's stay, and so does the directory then.
func (j *Journal) removeAll() error {
	entries, err := j.fs.ReadDir(j.dir)
	if err != nil {
		return errors.Join(err, j.unlock(false))
	}
	foreign := false
	for _, e := range entries {
		_, segment := parseSegmentName(e.Name)
		temp, half := strings.CutSuffix(e.Name, tempSuffix)
		switch {
		case (segment || half && isOurs(temp)) && e.Regular && !slices.Contains(j.foreign, e.Name):
			err = errors.Join(err, j.fs.Remove(j.dir+"/"+e.Name))
		case e.Name != cursorName && e.Name != lockName:
			foreign = true
		}
	}
	if err == nil && j.sync != Never {
		err = j.fs.SyncDir(j.dir)
	}
	if err != nil {
		return errors.Join(err, j.unlock(false))
	}
	if err := j.fs.Remove(j.dir + "/" + cursorName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, j.unlock(false))
	}
	if err := j.unlock(true); err != nil || foreign {
		return err
	}
	if err := j.fs.Remove(j.dir); err != nil {
		if left, failed := j.fs.ReadDir(j.dir); failed == nil && len(left) > 0 {
			return nil // somebody was quicker, and finds it empty
		}
		return err
	}
	return nil
}
