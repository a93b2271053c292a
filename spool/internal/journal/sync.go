package journal

import (
	"errors"
	"fmt"
	"time"
)

// maxPending bounds the copy of what is not yet synced: then Append syncs it, if
// the goroutine that was woken at half of it has not. While one copy is being
// synced, another fills.
const maxPending = 8 << 20

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
	if j.sync == Never {
		return nil
	}
	j.mu.Lock()
	if j.lost != nil {
		j.mu.Unlock()
		return errUnsynced
	}
	seg, target, batches := j.active, j.next, len(j.unsettled)
	if seg == nil || j.durable == target {
		j.mu.Unlock()
		return nil
	}
	limit := seg.written
	j.pending, j.syncing = j.syncing[:0], j.pending
	j.mu.Unlock()

	err := seg.file.Sync()

	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.syncing = append(j.syncing, j.pending...)
		j.pending, j.syncing = j.syncing, j.pending[:0]
		j.lost = seg
		j.stats.SyncErrors++
		j.failed(err)
		j.tell(fmt.Errorf("sync: %w", err))
		return err
	}
	j.syncing = j.syncing[:0]
	j.durable, j.durableLimit = target, limit
	if j.sync == Always {
		j.show(seg, target, limit)
	}
	j.settle(batches, nil)
	j.works()
	return nil
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

// renew writes what an earlier sync has lost to a new segment, under the same
// sequence numbers; frames under these in the segment given up do not count any
// more. With [Always], records that cannot be written now are taken back, as
// their Append still waits; else they stay in memory until they can be.
// writeMu is held.
func (j *Journal) renew() error {
	j.mu.Lock()
	whole := j.lost == nil
	j.mu.Unlock()
	if whole {
		return nil // without waiting for the sync that may be under way
	}
	j.syncMu.Lock()
	defer j.syncMu.Unlock()
	j.giveUp()
	err := j.attach()
	var seg *segment
	if err == nil {
		if seg, err = j.begin(j.durable, j.pending, j.lost); err != nil {
			j.noteWrite(err)
			if !isFull(err) {
				j.detach()
			}
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case err == nil:
		j.adopt(seg)
		j.durable = j.next
		if j.sync == Always {
			j.show(seg, j.next, seg.written)
		}
		j.works()
		j.announce() // the reader was kept from what was lost
	case j.sync == Always:
		j.next = j.durable
	default:
		return err
	}
	j.pending, j.lost = j.pending[:0], nil
	j.settle(len(j.unsettled), err)
	return err
}

// giveUp closes the active segment, if its last records are lost. writeMu and
// syncMu are held.
func (j *Journal) giveUp() {
	seg := j.lost
	j.mu.Lock()
	if j.active == seg {
		j.active = nil
		seg.end, seg.limit = j.durable, j.durableLimit
	}
	j.mu.Unlock()
	_ = seg.close() // what it could tell is known
}

// syncSoon has what was just appended synced in time.
func (j *Journal) syncSoon() {
	j.mu.Lock()
	pending := len(j.pending)
	j.mu.Unlock()
	if pending >= maxPending {
		_ = j.Sync() // which concerns more than this Append, and is told by Stats
		return
	}
	signal(j.dirty)
	if pending >= maxPending/2 {
		signal(j.hurry)
	}
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
				break
			}
			pause = max(pause, minPause)
		}
	}
}
