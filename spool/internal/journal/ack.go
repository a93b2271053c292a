package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// Ack settles every record with a sequence number up to seq that was handed
// out: it is not handed out again, and its segment is removed when all records
// in that are settled. The position is written at once but not synced: after a
// power cut, records may be handed out that were settled.
//
// An error is one of the disk; the records are settled nevertheless as far as
// this process goes, and the next Ack tries again.
func (j *Journal) Ack(seq uint64) error {
	defer j.reportUntold()
	j.ackMu.Lock()
	defer j.ackMu.Unlock()
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return ErrClosed
	}
	r := &j.reader
	settled := 0
	for i := range r.handed {
		s := &r.handed[i]
		if s.from > seq {
			break
		}
		end := s.to
		if seq < s.to {
			end = seq + 1
		}
		j.stats.Waiting -= min(end-s.from, j.stats.Waiting)
		if s.from = end; s.from == s.to {
			settled++
		}
	}
	r.handed = r.handed[:copy(r.handed, r.handed[settled:])]
	j.advance()
	j.mu.Unlock()
	if err := j.settleLocked(); err != nil {
		return fmt.Errorf("journal: ack: %w", err)
	}
	return nil
}

func (j *Journal) settleAcked() error {
	j.ackMu.Lock()
	defer j.ackMu.Unlock()
	return j.settleLocked()
}

// settleLocked stores what is settled and removes what that empties. ackMu is
// held.
func (j *Journal) settleLocked() error {
	if j.viewed {
		return nil
	}
	if err := j.attach(); err != nil {
		return err
	}
	j.sealSettled()
	j.mu.Lock()
	acked, next := j.acked, j.next
	var done []*segment
	for _, seg := range j.segments {
		if seg.end == 0 || seg.end > acked || seg.unsure || slices.Contains(j.retired, seg) || j.isLost(seg) {
			break
		}
		done = append(done, seg)
	}
	j.mu.Unlock()
	err := j.store(acked, next, done)
	if j.detached.Load() {
		err = errors.Join(err, j.cursor.close())
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.stats.WriteErrors++
		j.failed(err)
	}
	return err
}

// store writes the cursor, and then removes segments that are behind it. ackMu
// is held.
func (j *Journal) store(acked, next uint64, done []*segment) error {
	err := j.cursor.write(acked, next, len(done) > 0)
	if len(done) == 0 || err != nil && !isFull(err) {
		return err
	}
	full := err != nil
	if err = j.removeSegments(done); err == nil && full {
		// What is full may have got room by that, and would by nothing else. A
		// crash in between has settled records counted as damaged, no more.
		err = j.cursor.write(acked, next, true)
	}
	return err
}

// sealSettled ends the active segment when all of it is settled and it has
// grown, so that its file goes. ackMu is held.
func (j *Journal) sealSettled() {
	j.mu.Lock()
	due := j.active != nil && j.acked == j.next && (j.crowded || j.active.written > j.size/2)
	j.mu.Unlock()
	if !due || !j.writeMu.TryLock() {
		return // the next Ack looks again
	}
	defer j.writeMu.Unlock()
	j.mu.Lock()
	due = j.active != nil && j.acked == j.next
	j.mu.Unlock()
	if due {
		_ = j.seal() // an error shows at the next Append
	}
}

// removeSettled removes segments that were settled before they were synced.
func (j *Journal) removeSettled() {
	if !j.ackMu.TryLock() {
		return // who has it does, or the next Ack
	}
	defer j.ackMu.Unlock()
	j.mu.Lock()
	due := len(j.segments) > 0 && j.segments[0].end > 0 && j.segments[0].end <= j.acked
	j.mu.Unlock()
	if due {
		_ = j.settleLocked() // an error is in the books, and shows at the next Ack
	}
}

// makeRoom removes the active segment from a disk that is full, if nothing in it
// waits, and reports whether it did: nobody would settle anything that could.
func (j *Journal) makeRoom() bool {
	j.ackMu.Lock()
	defer j.ackMu.Unlock()
	j.mu.Lock()
	seg := j.active
	if seg == nil || j.closed || j.acked != j.next {
		j.mu.Unlock()
		return false
	}
	j.crowded = true
	j.mu.Unlock()
	err := j.settleLocked()
	if j.reader.mu.TryLock() {
		j.reader.letGo() // what is open takes room without a name
		j.reader.mu.Unlock()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.crowded = false
	return err == nil && seg.gone
}

// removeSegments removes files and then forgets them. ackMu is held.
func (j *Journal) removeSegments(done []*segment) error {
	for _, seg := range done {
		err := j.fs.Remove(j.dir + "/" + segmentName(seg.first))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		j.mu.Lock()
		seg.gone = true
		for i := range j.segments {
			if j.segments[i] == seg {
				j.segments = append(j.segments[:i], j.segments[i+1:]...)
				break
			}
		}
		j.mu.Unlock()
	}
	if j.sync == Never {
		return nil
	}
	return j.fs.SyncDir(j.dir)
}
