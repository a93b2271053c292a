package file

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// maxDrift is how far the clock may be adjusted between two looks without
// being taken for wrong.
const maxDrift = time.Minute

// pruner decides which backups go, now. One goroutine at a time may use it.
type pruner struct {
	retention Retention
	dir       string
	now       func() time.Time
	uptime    func() time.Duration // by the monotonic clock
	free      func(dir string) (int64, error)
	ages      ages
}

// begin takes note of when the files that the exporter finds were written
// last. live is zero when there is none.
func (p *pruner) begin(live time.Time, own []backup) {
	newest := live
	for _, b := range own {
		if t := b.modTime(); t.After(newest) {
			newest = t
		}
	}
	p.ages.start(p.now(), p.uptime(), newest)
}

// surplus returns which of own, sorted newest first, retention no longer
// keeps. What it returns beside an error follows from the other bounds.
func (p *pruner) surplus(own []backup) ([]backup, error) {
	r := p.retention
	p.ages.at(p.now(), p.uptime(), r.MaxAge.Std())
	var free int64
	var err error
	if r.MinFree > 0 {
		if free, err = p.free(p.dir); err != nil {
			err = fmt.Errorf("file: free space of %q: %w", p.dir, err)
			r.MinFree = 0
		}
	}
	return r.surplus(own, p.ages.of, free), err
}

// ages tells how old files are, by a clock that follows no leap ahead.
type ages struct {
	look  time.Time     // the clock at the latest look
	up    time.Duration // uptime then
	leaps []leap        // oldest first
}

// leap is time that the clock says has passed and nobody saw pass: it was set,
// the machine slept, or the exporter did not run. Only files of before are
// younger than the clock says.
type leap struct {
	by         time.Duration
	to         time.Time     // what the clock showed then
	first, end time.Duration // uptimes of the first and the last of several
}

// start sets the clock when the newest file was written at newest (zero
// without one): nobody saw the time since then pass.
func (a *ages) start(now time.Time, up time.Duration, newest time.Time) {
	*a = ages{look: now.Round(0), up: up}
	if gap := a.look.Sub(newest); !newest.IsZero() && gap > 0 {
		a.leaps = []leap{{gap, a.look, up, up}}
	}
}

// at looks at the clock. A leap is forgotten as soon as it is bound ago: what
// was written before it has that age by then.
func (a *ages) at(now time.Time, up, bound time.Duration) {
	now = now.Round(0) // the monotonic reading knows of no jump
	jump := add(now.Sub(a.look), a.up-up)
	a.look, a.up = now, up
	switch last := len(a.leaps) - 1; {
	case jump < -maxDrift:
		a.back(-jump)
	case jump <= maxDrift:
	case last >= 0 && up-a.leaps[last].first < bound/128:
		// Machines may sleep and wake often.
		l := &a.leaps[last]
		l.by, l.to, l.end = add(l.by, jump), now, up
	default:
		a.leaps = append(a.leaps, leap{jump, now, up, up})
	}
	a.leaps = slices.DeleteFunc(a.leaps, func(l leap) bool { return up-l.end > bound })
}

// back takes leaps back, the latest first, as the clock was set back by d.
// What is left of it makes files look younger, which deletes none.
func (a *ages) back(d time.Duration) {
	for i := range slices.Backward(a.leaps) {
		l := &a.leaps[i]
		undone := min(d, l.by)
		l.by, d = l.by-undone, d-undone
		if l.to.After(a.look) {
			l.to = a.look
		}
	}
	a.leaps = slices.DeleteFunc(a.leaps, func(l leap) bool { return l.by == 0 })
}

// of returns the age at the latest look of a file last written then.
func (a *ages) of(written time.Time) time.Duration {
	age := a.look.Sub(written)
	for _, l := range a.leaps {
		if written.Before(l.to) {
			age = add(age, -l.by)
		}
	}
	return age
}

// add adds without running over: clocks may be centuries apart.
func add(a, b time.Duration) time.Duration {
	switch sum := a + b; {
	case b > 0 && sum < a:
		return math.MaxInt64
	case b < 0 && sum > a:
		return math.MinInt64
	default:
		return sum
	}
}
