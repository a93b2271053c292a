package journal

import "time"

// Created returns when the oldest segment was made that the queue still has;
// the zero time if it has none.
func (j *Journal) Created() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.segments) == 0 {
		return time.Time{}
	}
	return time.Unix(0, j.segments[0].created)
}
