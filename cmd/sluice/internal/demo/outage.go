package demo

import (
	"context"
	"errors"
	"time"

	"github.com/seed2f724858/sluice/processors"
)

const (
	// An outage begins after a fifth of the day and lasts another, at most so
	// long: pauses between tries grow with it, and it is to end in time.
	outageBegins = 2 * time.Second
	outageLasts  = 5 * time.Second
	// patience bounds the wait for the first record on disk: the disk may take
	// none.
	patience = 10 * time.Second
	// lookEvery is how often the books are looked into.
	lookEvery = 10 * time.Millisecond
)

// outage takes the collector away for a while, and tells what becomes of the
// records for it. Its methods are called one after the other.
type outage struct {
	collector *collector
	books     func() processors.ExporterStats // of the branch to the collector
	say       voice
	spool     string // where records wait

	waited uint64 // records on disk when the collector came back
	until  uint64 // delivered and dropped records when all of those are through
	told   bool   // that they are
}

// during has the collector down for a part of the day, with which ctx ends. If
// the day is too short it is still down afterwards.
func (o *outage) during(ctx context.Context, day time.Duration) {
	sleep(ctx, min(day/5, outageBegins))
	if errors.Is(ctx.Err(), context.Canceled) {
		return // nobody wants to see more
	}
	o.collector.down.Store(true)
	o.say.down(o.spool)
	sleep(ctx, min(day/5, outageLasts))
	if o.await(ctx, stored) {
		o.end()
		o.await(ctx, o.drained)
		o.tellDrained()
	}
}

// finish ends an outage that is still on: as soon as something waits on disk,
// nothing is on its way there, or ctx is done.
func (o *outage) finish(ctx context.Context) {
	if !o.collector.down.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	o.await(ctx, func(s processors.ExporterStats) bool {
		return stored(s) || s.Queued+s.InFlight+s.Spooled == 0 // the levels may let none pass
	})
	o.end()
}

func (o *outage) end() {
	s := o.books()
	o.waited, o.until = s.Spooled, s.Delivered+s.DroppedTotal()+s.Spooled
	o.collector.down.Store(false)
	o.say.back(o.waited, o.spool)
}

// tellDrained tells, once, that what had waited has been delivered, if it has.
func (o *outage) tellDrained() {
	if s := o.books(); o.waited > 0 && !o.told && o.drained(s) && s.DroppedTotal() == 0 {
		o.told = true
		o.say.drained(o.waited)
	}
}

// stored reports whether records wait because the collector did not take them.
func stored(s processors.ExporterStats) bool { return s.Spooled > 0 && s.LastError != "" }

func (o *outage) drained(s processors.ExporterStats) bool {
	return s.Delivered+s.DroppedTotal() >= o.until
}

// await waits until the books are as wanted. It returns false if ctx ended
// before they were.
func (o *outage) await(ctx context.Context, wanted func(processors.ExporterStats) bool) bool {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for !wanted(o.books()) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
