package journal

// renew writes what an earlier sync has lost to new segments, under the same
// sequence numbers; frames under these in the segments given up do not count any
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
	if j.unlocked() {
		j.detach()
	}
	j.giveUp()
	err := j.attach()
	for more := true; more && err == nil; {
		more, err = j.renewFirst()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case err == nil:
		j.works()
		j.announce() // the reader was kept from what was lost
	case j.sync == Always:
		j.takeBack()
	default:
		return err
	}
	j.settle(len(j.unsettled), err)
	return err
}

// takeBack makes as if what is not durable had never been appended. mu is held.
func (j *Journal) takeBack() {
	j.next = j.durable
	for _, seg := range j.segments {
		seg.end = min(seg.end, j.next)
	}
	j.copies.takeBack()
	if len(j.copies.pieces) == 0 {
		j.lost = nil
	}
}

// lose notes that everything of which there are copies may be lost. mu is held.
func (j *Journal) lose() {
	if len(j.copies.pieces) > 0 {
		j.lost = j.copies.pieces[0].seg
	}
}

// isLost reports whether seg, or a part of it, may be lost. mu is held.
func (j *Journal) isLost(seg *segment) bool { return j.lost != nil && seg.first >= j.lost.first }

// renewFirst writes the first segment anew that is lost, and reports whether
// another is. writeMu and syncMu are held.
func (j *Journal) renewFirst() (more bool, err error) {
	j.mu.Lock()
	pieces := j.copies.group()
	n := len(pieces)
	first, end := pieces[0].first, pieces[n-1].end
	needed := end > j.acked
	j.mu.Unlock()
	var seg *segment
	if needed {
		if seg, err = j.begin(first, pieces, j.sync != Never); err != nil {
			j.noteWrite(err)
			if !isFull(err) {
				j.detach()
			}
			return false, err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.copies.release(n)
	j.durable, j.lost = max(j.durable, end), nil
	j.lose()
	if seg == nil {
		return j.lost != nil, nil
	}
	j.adopt(seg)
	if j.sync == Always {
		j.show(seg, max(j.visible, end), seg.written)
	}
	if seg != j.segments[len(j.segments)-1] {
		seg.end, j.active = end, nil
		_ = seg.done() // what was synced is not lost in closing
	}
	return j.lost != nil, nil
}

// giveUp closes the active segment and the retired ones. What of them is lost
// is left to renew. writeMu and syncMu are held.
func (j *Journal) giveUp() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if seg := j.active; seg != nil {
		seg.end, seg.limit = j.next, min(seg.limit, seg.written)
		j.active = nil
		j.retired = append(j.retired, seg)
	}
	for _, seg := range j.retired {
		_ = seg.close() // it is not used any more, whatever that tells
	}
	j.retired = nil
	if j.lost != nil {
		copied := j.copies.pieces[0]
		j.lost.end, j.lost.limit = copied.first, min(j.lost.limit, copied.at)
	}
}
