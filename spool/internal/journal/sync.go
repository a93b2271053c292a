package journal

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Sync makes what was appended last. It does nothing with [Never].
func (j *Journal) Sync() error {
	defer j.reportUntold()
	err := j.syncActive()
	if err == nil {
		return nil
	}
	j.writeMu.Lock()
	err = j.renew()
	j.writeMu.Unlock()
	if err != nil {
		return fmt.Errorf("journal: sync: %w", err)
	}
	return nil
}

// commit waits until the batch is on the disk.
func (j *Journal) commit(b *Batch) error {
	j.syncMu.Lock()
	if settled, _ := j.outcome(b); !settled {
		_ = j.syncLocked() // settles b, or leaves that to renew
	}
	j.syncMu.Unlock()
	settled, err := j.outcome(b)
	if settled {
		return err
	}
	j.writeMu.Lock()
	failed := j.renew()
	j.writeMu.Unlock()
	if settled, err = j.outcome(b); !settled {
		return errors.Join(errors.New("not synced"), failed)
	}
	return err
}

func (j *Journal) outcome(b *Batch) (settled bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return b.settled, b.err
}

func (j *Journal) syncActive() error {
	j.syncMu.Lock()
	defer j.syncMu.Unlock()
	return j.syncLocked()
}

var errUnsynced = errors.New("an earlier sync has failed")

// syncLocked syncs what was written so far. A sync that fails is never
// repeated: it would tell of success and mean nothing. syncMu is held.
func (j *Journal) syncLocked() error {
	for j.sync != Never {
		if more, err := j.syncFirst(); err != nil || !more {
			return err
		}
	}
	return nil
}

// syncFirst syncs the first segment that needs it, and reports whether another
// may. syncMu is held.
func (j *Journal) syncFirst() (more bool, err error) {
	j.mu.Lock()
	if j.lost != nil {
		j.mu.Unlock()
		return false, errUnsynced
	}
	seg, target, left := j.active, j.next, len(j.retired) > 0
	if left {
		seg = j.retired[0]
		target = seg.end
	}
	whole := j.durable == target
	if seg == nil || whole && !left {
		j.mu.Unlock()
		return false, nil
	}
	limit, fresh, batches, pieces := seg.written, seg.fresh, len(j.unsettled), j.copies.cut(seg)
	j.mu.Unlock()

	if !whole {
		err = seg.file.Sync()
		if err == nil && fresh {
			err = j.fs.SyncDir(j.dir)
		}
		if err == nil && (!seg.file.Linked() || j.unlocked()) {
			err = errRemoved // what was synced has no name
		}
	}
	if err == nil && left {
		_ = seg.done() // what was synced is not lost in closing
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.syncFailed(err)
		return false, err
	}
	if !whole {
		j.copies.synced(pieces)
	}
	j.durable, seg.fresh = target, false
	if left {
		j.retired = slices.Delete(j.retired, 0, 1)
	}
	if j.sync == Always {
		j.show(seg, target, limit)
	}
	j.settle(batches, nil)
	j.works()
	return left, nil
}

// confirm syncs once more, if nothing was appended since the last sync, and with
// that ends the need for copies.
func (j *Journal) confirm() {
	j.syncMu.Lock()
	defer j.syncMu.Unlock()
	j.mu.Lock()
	seg := j.active
	due := seg != nil && j.lost == nil && j.copies.covered > 0 && j.durable == j.next
	j.mu.Unlock()
	if !due {
		return
	}
	err := seg.file.Sync()
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.syncFailed(err)
		signal(j.dirty)
	} else {
		j.copies.synced(0)
	}
}

// syncFailed notes that. mu is held.
func (j *Journal) syncFailed(err error) {
	j.lose()
	j.stats.SyncErrors++
	j.failed(err)
	j.tell(fmt.Errorf("sync: %w", err))
}

// settle tells the first n batches that wait. mu is held.
func (j *Journal) settle(n int, err error) {
	for _, b := range j.unsettled[:n] {
		b.settled, b.err = true, err
	}
	left := copy(j.unsettled, j.unsettled[n:])
	clear(j.unsettled[left:])
	j.unsettled = j.unsettled[:left]
}

// syncSoon has what was just appended synced in time.
func (j *Journal) syncSoon() {
	bytes := j.copied()
	signal(j.dirty)
	if bytes >= maxCopies/2 {
		signal(j.hurry)
	}
	if bytes < maxCopies {
		return
	}
	j.syncMu.Lock()
	var err error
	if j.copied() >= maxCopies { // after the sync that was under way, if any
		_, err = j.syncFirst()
	}
	j.syncMu.Unlock()
	if err != nil {
		j.writeMu.Lock()
		_ = j.renew() // which concerns more than this Append, and is told by Stats
		j.writeMu.Unlock()
	}
}

func (j *Journal) copied() (bytes int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.copies.bytes
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// minPause is how long the goroutine waits at least after a failure.
const minPause = time.Second

func (j *Journal) syncInBackground() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-j.dirty:
		case <-timer.C:
			j.confirm()
			continue
		case <-j.closing:
			return
		}
		pause := time.Duration(j.sync)
		for {
			timer.Reset(pause)
			select {
			case <-timer.C:
			case <-j.hurry:
			case <-j.closing:
				return
			}
			if j.Sync() == nil {
				j.removeSettled()
				timer.Reset(time.Duration(j.sync))
				break
			}
			pause = max(pause, minPause)
		}
	}
}
