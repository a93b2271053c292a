package processors

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// release lets out what the ring of that key holds. It returns the first error.
func (f *FlightRecorder) release(k ringKey, next Next) (err error) {
	held := f.take(k)
	if held == nil {
		return nil
	}
	return f.letOut(held, next)
}

// letOut hands on what a detached ring holds.
//
//go:noinline
func (f *FlightRecorder) letOut(held *ring, next Next) (err error) {
	var c *cell
	defer func() { f.done(held, c) }()
	for c = f.pop(held, nil); c != nil; c = f.pop(held, c) {
		// The cell is nobody else's while next has it.
		if e := next(context.Background(), &c.rec); e != nil && err == nil {
			err = fmt.Errorf("flight_recorder: release a held record: %w", e)
		}
	}
	return err
}

// releasePatience bounds how long a trigger waits for another one's release,
// which may wait for this one: what takes the records may have other goroutines
// that log errors.
const releasePatience = 5 * time.Second

var letOutCode = sync.OnceValue(func() extent { return extentOf((*FlightRecorder).letOut) })

// lettingOut reports whether this is a log call of code that takes released
// records. It waits for no release, as that would be for its own, or for one
// that may wait for it. As it takes a look at the stack, it is asked only by who
// would wait.
func lettingOut() bool { return nearest(letOutCode()) >= 0 }

// take detaches the ring of that key for a release; nil if there is nothing to
// release, or if it may not be.
func (f *FlightRecorder) take(k ringKey) *ring {
	f.mu.Lock()
	defer f.mu.Unlock()
	var late <-chan time.Time
	for {
		rg := f.rings.find(k)
		if rg == nil {
			return nil
		}
		if rg.releasing == nil {
			if !f.mayRelease() {
				return nil
			}
			return f.rings.detach(rg)
		}
		if late == nil {
			if lettingOut() {
				f.refused++
				return nil
			}
			t := time.NewTimer(releasePatience)
			defer t.Stop()
			late = t.C
		}
		if !f.waitFor(rg.releasing, late) {
			f.refused++
			return nil
		}
	}
}

// waitFor waits, without the lock, for the end of a release.
func (f *FlightRecorder) waitFor(end <-chan struct{}, late <-chan time.Time) bool {
	f.mu.Unlock()
	defer f.mu.Lock()
	select {
	case <-end:
		return true
	case <-late:
		return false
	}
}

// mayRelease counts a release, or the trigger that may have none.
func (f *FlightRecorder) mayRelease() bool {
	if now := time.Now(); now.Sub(f.minute) >= time.Minute {
		f.minute, f.releases = now, 0
	}
	if f.releases >= f.cfg.MaxTriggersPerMinute {
		f.refused++
		return false
	}
	f.releases++
	return true
}

// pop gives back the cell before and returns the next one of a detached ring,
// nil if there is none.
func (f *FlightRecorder) pop(held *ring, before *cell) *cell {
	f.mu.Lock()
	defer f.mu.Unlock()
	if before != nil {
		f.rings.giveBack(before)
	}
	if held.first == nil {
		return nil
	}
	f.released++
	return f.rings.pop(held)
}

// done ends a release. c is what next panicked with, if it did.
func (f *FlightRecorder) done(held *ring, c *cell) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c != nil {
		f.rings.giveBack(c)
	}
	f.rings.attach(held)
}
