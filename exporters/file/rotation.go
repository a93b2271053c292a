package file

import (
	"math"
	"time"
)

// limits is the policy of when the live file has to become a backup.
type limits struct {
	maxSize  int64     // bytes; 0 has no bound
	schedule *schedule // nil has none
}

// rotate reports whether the live file ever becomes a backup.
func (l limits) rotate() bool { return l.maxSize > 0 || l.schedule != nil }

// room returns how many bytes still go into a live file that holds size.
func (l limits) room(size int64) int64 {
	if l.maxSize == 0 {
		return math.MaxInt64
	}
	return l.maxSize - size
}

// begin notes which interval the live file belongs to: an empty one to now,
// any other to when it was written last.
func (e *Exporter) begin(written time.Time) {
	at := e.now()
	if e.live.size > 0 {
		at = written.In(at.Location())
	}
	e.live.period = e.limits.schedule.period(at)
}

// due reports whether the interval of the live file is over. An empty file is
// never rotated: it goes over into the interval that is now, as does a file
// whose interval lies in a future that the clock was set back from.
func (e *Exporter) due() bool {
	if e.limits.schedule == nil {
		return false
	}
	now, p := e.now(), &e.live.period
	over := p.over(now)
	if over && e.live.size > 0 {
		return true
	}
	if over || p.stray(now) {
		*p = e.limits.schedule.period(now)
	}
	return false
}

// stamp returns the time that the live file bears as a backup: the beginning
// of its interval when that is over, else now.
func (e *Exporter) stamp() time.Time {
	now := e.now()
	if e.live.period.over(now) {
		return e.live.period.from
	}
	return now
}
