package journal

import (
	"errors"
	"fmt"
	"io"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// Append stores the batch and returns the sequence number of its first record;
// the others follow. When it returns they are as durable as Options.Sync says.
//
// With an error none of them is in the queue, and Append may be tried again: at
// once it would fail again, with a disk that is full ([disk.IsFull]) or broken
// it works when that is over. [ErrTaken], [ErrClosed] and [ErrDrained] stay.
func (j *Journal) Append(b *Batch) (first uint64, err error) {
	if b.Len() == 0 {
		return 0, nil
	}
	defer j.reportUntold()
	b.sum()
	first, err = j.tryWrite(b)
	if disk.IsTooLarge(err) || err != nil && isFull(err) && j.makeRoom() {
		first, err = j.tryWrite(b)
	}
	if err == nil && j.sync == Always {
		err = j.commit(b)
	}
	if err != nil {
		return 0, fmt.Errorf("journal: append: %w", err)
	}
	if j.sync > 0 {
		j.syncSoon()
	}
	j.announce()
	return first, nil
}

func (j *Journal) tryWrite(b *Batch) (first uint64, err error) {
	j.writeMu.Lock()
	defer j.writeMu.Unlock()
	return j.write(b)
}

// write puts the batch into the active segment. writeMu is held.
func (j *Journal) write(b *Batch) (first uint64, err error) {
	if err := j.usable(); err != nil {
		return 0, err
	}
	seg, err := j.ready(int64(len(b.buf)))
	if err != nil {
		return 0, err
	}
	first = j.next // which only holders of writeMu change
	known := len(seg.origins)
	j.scratch = j.scratch[:0]
	b.mapped = b.mapped[:0]
	for _, o := range b.origins {
		var n uint32
		j.scratch, n = seg.number(j.scratch, o, first)
		b.mapped = append(b.mapped, n)
	}
	for i, e := range b.entries {
		origin := uint32(0)
		if e.origin > 0 {
			origin = b.mapped[e.origin-1]
		}
		stamp(b.buf[e.at:], seg.seed, first+uint64(i), origin)
	}
	if err := j.writeFrames(seg, b.buf); err != nil {
		if j.active == seg { // else it was given up
			seg.forget(known)
		}
		return 0, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	at := seg.written
	seg.written += int64(len(j.scratch) + len(b.buf))
	j.next += uint64(b.Len())
	if j.sync != Never {
		j.copies.add(seg, at, first, j.next, b.buf)
	}
	if j.sync == Always {
		b.settled, b.err = false, nil
		j.unsettled = append(j.unsettled, b)
	} else {
		j.show(seg, j.next, seg.written)
		if j.sync == Never {
			j.works()
		}
	}
	return first, nil
}

// show lets the reader see records before visible. mu is held.
func (j *Journal) show(seg *segment, visible uint64, limit int64) {
	j.stats.Waiting += visible - j.visible
	j.visible, seg.limit = visible, limit
}

// usable reports what keeps the queue from taking records.
func (j *Journal) usable() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.closed:
		return ErrClosed
	case !j.owned:
		return ErrDrained
	case j.taken != nil:
		return j.taken
	}
	return nil
}

// writeFrames writes scratch and frames after what the segment has. On failure
// the segment is as it was, or given up. writeMu is held.
func (j *Journal) writeFrames(seg *segment, frames []byte) error {
	at := seg.written
	var err error
	if len(j.scratch) > 0 {
		_, err = seg.file.WriteAt(j.scratch, at)
	}
	if err == nil {
		_, err = seg.file.WriteAt(frames, at+int64(len(j.scratch)))
	}
	if err == nil {
		return nil
	}
	if !isFull(err) {
		return j.diskFailed(err)
	}
	j.noteWrite(err)
	ended := disk.IsTooLarge(err) && at > firstFrame
	if ended {
		j.mu.Lock()
		j.size = at // that is what files grow to here
		j.mu.Unlock()
	}
	if seg.file.Truncate(at) != nil || ended {
		// If that has failed, what the write has left stays there, behind the end.
		if synced := j.syncActive(); synced == nil {
			_ = j.leave()
		}
	}
	return err
}

func (j *Journal) noteWrite(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stats.WriteErrors++
	j.failed(err)
}

// diskFailed notes an error of the disk. Unless the disk is only full, every
// descriptor is given up. writeMu is held.
func (j *Journal) diskFailed(err error) error {
	j.noteWrite(err)
	if !isFull(err) {
		j.syncMu.Lock()
		j.detach()
		j.syncMu.Unlock()
	}
	return err
}

func isFull(err error) bool { return disk.IsFull(err) || errors.Is(err, io.ErrShortWrite) }
