package journal

import (
	"errors"
	"time"
)

// lookEvery is how often Append looks whether the queue's files still have
// their names. What waits for a sync is looked at with that.
const lookEvery = time.Second

var errRemoved = errors.New("somebody has removed files of the queue")

// unlocked reports whether the lock's file has lost its name, so that the lock
// keeps nobody out.
func (j *Journal) unlocked() bool {
	j.mu.Lock()
	lock := j.lock
	j.mu.Unlock()
	return lock != nil && !lock.Linked()
}

// checkNames gives up what has lost its name. If it is the lock, attach finds
// out whether that can be had again; what was in a segment is found missing when
// its turn comes. writeMu is held.
func (j *Journal) checkNames() {
	switch {
	case j.unlocked():
		j.syncMu.Lock()
		j.detach()
		j.syncMu.Unlock()
	case j.active != nil && !j.active.file.Linked():
		j.syncMu.Lock()
		j.mu.Lock()
		j.lose()
		j.tell(errRemoved)
		j.mu.Unlock()
		j.giveUp()
		j.syncMu.Unlock()
	}
}
