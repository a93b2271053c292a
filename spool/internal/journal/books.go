package journal

import (
	"fmt"
	"time"
)

// Stats are a queue's books, at one moment.
type Stats struct {
	// Next is what the next record will be called; every record before Acked is
	// settled.
	Next, Acked uint64
	// Waiting counts the records that can be read and are not settled.
	Waiting uint64
	// Damaged counts the records that were lost to damage of the files,
	// OriginsLost those that came without their origin for that reason.
	Damaged, OriginsLost uint64
	// Segments counts the files, Bytes is their length; Kept is that of those
	// from which less severe records were evicted.
	Segments    int
	Bytes, Kept int64
	// SyncErrors counts failed syncs, WriteErrors other failures of the disk.
	SyncErrors, WriteErrors uint64
	// LastError is the last failure of the disk, nil after a success;
	// FailingSince is when the first after a success came.
	LastError    error
	FailingSince time.Time
}

// Stats returns the books.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.stats
	s.Next, s.Acked, s.Segments = j.next, j.acked, len(j.segments)
	for _, seg := range j.segments {
		s.Bytes += seg.written
		if seg.compacted {
			s.Kept += seg.written
		}
	}
	return s
}

// failed notes a failure of the disk. mu is held.
func (j *Journal) failed(err error) {
	if j.stats.LastError == nil {
		j.stats.FailingSince = time.Now()
	}
	j.stats.LastError = err
}

// works notes a success. mu is held.
func (j *Journal) works() {
	if j.stats.LastError != nil {
		j.stats.LastError, j.stats.FailingSince = nil, time.Time{}
	}
}

// maxReports bounds what is kept for Report.
const maxReports = 16

// tell keeps err for Report. mu is held.
func (j *Journal) tell(err error) {
	if j.report != nil && len(j.reports) < maxReports {
		j.reports = append(j.reports, err)
		j.untold.Store(true)
	}
}

// reportUntold is called without any lock.
func (j *Journal) reportUntold() {
	if !j.untold.Load() || !j.reportMu.TryLock() {
		return
	}
	defer j.reportMu.Unlock()
	j.mu.Lock()
	reports := j.reports
	j.reports = nil
	j.untold.Store(false)
	j.mu.Unlock()
	for _, err := range reports {
		j.report(fmt.Errorf("journal %s: %w", j.dir, err))
	}
}
