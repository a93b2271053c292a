package journal

const (
	// patience is how many reads in a row must fail in a segment before a part
	// of it is given up.
	patience  = 8
	probeName = "probe"
)

// pass goes past a part of a segment that the disk does not give back: as its
// reads have failed again and again, while the disk writes, that part is
// damaged. A disk that is gone for a while has only to come back.
func (j *Journal) pass(seg *segment, s *scanner) bool {
	j.mu.Lock()
	seg.failures++
	failures := seg.failures
	j.mu.Unlock()
	if !j.viewed && (failures < patience || !j.probe()) {
		return false
	}
	s.skipBlock()
	return true
}

// probe reports whether the disk writes.
func (j *Journal) probe() bool {
	name := j.dir + "/" + probeName + tempSuffix
	f, err := createAnew(j.fs, name)
	if err != nil {
		return false
	}
	_, err = f.WriteAt([]byte("does the disk write?"), 0)
	if err == nil {
		err = f.Sync()
	}
	closed, removed := f.Close(), j.fs.Remove(name)
	return err == nil && closed == nil && removed == nil
}

// settleEnd ends a segment of which a part could not be read when it was
// opened, now that it was read up to pos.
func (j *Journal) settleEnd(seg *segment, pos uint64) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	seg.unsure = false
	seg.end = max(seg.end, pos)
	if more := seg.end - min(seg.end, j.next); more > 0 {
		j.next, j.visible = seg.end, seg.end
		j.stats.Waiting += more
	}
	return seg.end
}
