package processors

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

var _ Counted = (*FlightRecorder)(nil)

// FlightRecorder keeps details out of the flow until something goes wrong.
// Records that Hold chooses wait in a ring; one that Trigger chooses lets what
// its ring holds back into the flow, oldest first, and then flows on itself.
// What nothing asks for is forgotten, and counted. A record that both choose
// is a trigger, one that neither chooses flows on at once: what is let out
// later comes behind it, with the time at which it happened.
//
// A record without severity counts as INFO: minimum_severity and
// maximum_severity choose it if they choose INFO.
//
// The caller who logs the trigger lets the records out, and pays for that.
// Meanwhile others go on holding records; a second trigger for the same ring
// waits until the first one is done, so that the order is kept, but gives up
// after 5 s and flows on alone. Records that were held come with an empty
// context: that of the call which made them is gone.
type FlightRecorder struct {
	cfg           FlightRecorderConfig
	hold, trigger chooser

	mu       sync.Mutex
	rings    rings
	released uint64
	refused  uint64
	minute   time.Time // when the first release of this minute was
	releases int       // since then
	closed   bool
}

// NewFlightRecorder returns a FlightRecorder.
func NewFlightRecorder(cfg FlightRecorderConfig) (*FlightRecorder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("flight_recorder: %w", err)
	}
	if cfg.Name == "" {
		cfg.Name = "flight_recorder"
	}
	hold, err := newChooser(cfg.holds())
	if err != nil {
		return nil, fmt.Errorf("flight_recorder: hold: %w", err)
	}
	trigger, err := newChooser(cfg.triggers())
	if err != nil {
		return nil, fmt.Errorf("flight_recorder: trigger: %w", err)
	}
	return &FlightRecorder{
		cfg:     cfg,
		hold:    hold,
		trigger: trigger,
		rings:   newRings(cfg.Capacity, int64(cfg.MaxBytes), cfg.Per != PerProcess),
	}, nil
}

func (f *FlightRecorder) readsOnly() bool { return true }

// Enabled implements [Processor]: what is held may yet flow on.
func (f *FlightRecorder) Enabled(context.Context, *record.Origin, log.Severity, string) bool {
	return true
}

// walk wants triggers for what they let out, whoever takes them themselves.
func (f *FlightRecorder) walk(_ context.Context, scope *record.Origin, sevs severities, event string) (behind severities, wanted bool) {
	for sev := range sevs.each {
		if f.trigger.enabled(scope, sev, event) {
			return sevs, true
		}
	}
	return sevs, false
}

// OnEmit holds r, or hands it on; before it what a trigger lets out. The error
// of that is the first one.
func (f *FlightRecorder) OnEmit(ctx context.Context, r *record.Record, next Next) error {
	switch {
	case f.trigger.match(r):
		err := f.release(f.key(r), next)
		return errors.Join(err, next(ctx, r))
	case f.hold.match(r):
		f.keep(f.key(r), r)
		return nil
	}
	return next(ctx, r)
}

func (f *FlightRecorder) key(r *record.Record) ringKey {
	switch f.cfg.Per {
	case PerLogger:
		return ringKey{logger: r.Logger()}
	case PerTrace:
		return ringKey{trace: r.TraceID}
	}
	return ringKey{}
}

func (f *FlightRecorder) keep(k ringKey, r *record.Record) {
	size := r.Size()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		f.rings.forgotten++
		return
	}
	f.rings.push(k, r, size)
}

func (f *FlightRecorder) release(k ringKey, next Next) (err error) {
	held := f.take(k)
	if held == nil {
		return nil
	}
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

// releasePatience bounds how long a trigger waits for another one's release.
// It may wait for itself: what takes the records may log an error in its turn.
const releasePatience = 5 * time.Second

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

// ForceFlush implements [Processor]. It lets nothing out: only triggers do.
func (f *FlightRecorder) ForceFlush(context.Context) error { return nil }

// Shutdown forgets what is held. A release under way goes on.
func (f *FlightRecorder) Shutdown(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.rings.forgetAll()
	return nil
}

// Books implements [Counted]. Every record that was held is held still,
// released or forgotten.
func (f *FlightRecorder) Books() StepStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := StepStats{
		Name:      f.cfg.Name,
		Held:      uint64(f.rings.count),
		HeldBytes: f.rings.bytes,
		Released:  f.released,
		Refused:   f.refused,
	}
	if n := f.rings.forgotten; n > 0 {
		s.Stopped = map[string]uint64{CauseForgotten: n}
	}
	return s
}
