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
// after 5 s and flows on alone. One that is logged by the code which takes the
// records let out flows on alone at once. Records that were held come with an empty
// context: that of the call which made them is gone.
type FlightRecorder struct {
	cfg      FlightRecorderConfig
	selector *selector // of recorderTrigger and recorderHold

	mu       sync.Mutex
	rings    rings
	released uint64
	refused  uint64
	minute   time.Time // when the first release of this minute was
	releases int       // since then
	closed   bool
}

// What a record is to a FlightRecorder, in this order.
const (
	recorderTrigger = iota
	recorderHold
)

// NewFlightRecorder returns a FlightRecorder.
func NewFlightRecorder(cfg FlightRecorderConfig) (*FlightRecorder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("flight_recorder: %w", err)
	}
	if cfg.Name == "" {
		cfg.Name = "flight_recorder"
	}
	selector, err := firstOf([]Match{recorderTrigger: cfg.triggers(), recorderHold: cfg.holds()})
	if err != nil {
		return nil, fmt.Errorf("flight_recorder: %w", err)
	}
	return &FlightRecorder{
		cfg:      cfg,
		selector: selector,
		rings:    newRings(cfg.Capacity, int64(cfg.MaxBytes), cfg.Per != PerProcess),
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
		f.selector.each(scope, sev, event, func(rule int, _ verdict) bool {
			wanted = wanted || rule == recorderTrigger
			return false
		})
	}
	return sevs, wanted
}

// OnEmit holds r, or hands it on; before it what a trigger lets out. The error
// of that is the first one.
func (f *FlightRecorder) OnEmit(ctx context.Context, r *record.Record, next Next) error {
	switch f.choose(r) {
	case recorderTrigger:
		err := f.release(f.key(r), next)
		return errors.Join(err, next(ctx, r))
	case recorderHold:
		f.keep(f.key(r), r)
		return nil
	}
	return next(ctx, r)
}

// choose returns what r is, -1 for a record that flows on.
func (f *FlightRecorder) choose(r *record.Record) int {
	if r.Severity <= log.SeverityUndefined {
		// To a match it is of every severity, so it would be a trigger.
		info := *r
		info.Severity = log.SeverityInfo1
		r = &info
	}
	return f.selector.first(r)
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
