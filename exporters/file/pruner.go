package file

import (
	"fmt"
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
	at := p.ages.at(p.now(), p.uptime(), r.MaxAge.Std())
	var free int64
	var err error
	if r.MinFree > 0 {
		if free, err = p.free(p.dir); err != nil {
			err = fmt.Errorf("file: free space of %q: %w", p.dir, err)
			r.MinFree = 0
		}
	}
	return r.surplus(own, at, free), err
}

// ages is the clock that ages are measured with: it follows no jump ahead.
type ages struct {
	look time.Time     // the clock at the latest look
	up   time.Duration // uptime then
	// skew is how far the clock is ahead of the time known to have passed, and
	// since the uptime when it was last found to jump.
	skew, since time.Duration
}

// start sets the clock when the newest file was written at newest (zero
// without one): nobody saw the time since then pass.
func (a *ages) start(now time.Time, up time.Duration, newest time.Time) {
	*a = ages{look: now.Round(0), up: up, since: up}
	if !newest.IsZero() {
		a.skew = max(0, a.look.Sub(newest))
	}
}

// at returns the time to measure ages at. The skew is forgotten as soon as it
// has lasted for bound: what was written before the jump has that age by then.
func (a *ages) at(now time.Time, up, bound time.Duration) time.Time {
	now = now.Round(0) // the monotonic reading knows of no jump
	jump := now.Sub(a.look) - (up - a.up)
	a.look, a.up = now, up
	if jump > maxDrift || jump < -maxDrift {
		// A clock set back makes files look younger, which deletes none.
		a.skew, a.since = max(0, a.skew+jump), up
	}
	if up-a.since > bound {
		a.skew = 0
	}
	return now.Add(-a.skew)
}
