package processors

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

var _ Counted = (*Dedup)(nil)

const (
	// maxWindows bounds the records whose repeats are stopped at a time, and
	// maxWindowBytes the memory for them: beyond, the oldest one's interval
	// ends early.
	maxWindows     = 4096
	maxWindowBytes = 8 << 20
	// maxDedupSize bounds the size of a record that is compared at all: larger
	// ones pass.
	maxDedupSize = 64 << 10
)

// Dedup stops records that repeat one which has passed within an interval.
// When that is over, and there were any, a summary follows: the latest of the
// repeats, with these attributes:
//
//   - sluice.dedup.count, an int: how many repeats it stands for, itself
//     included
//   - sluice.dedup.first and sluice.dedup.last, RFC 3339 strings in UTC: when
//     the first and the latest of them happened
//
// Then the next such record passes again. So every record that comes in goes
// out, as itself or in a count, unless Shutdown has no time for that. A stopped
// record that is a summary itself counts for as many as it says.
//
// Summaries go out early when the memory for repeats is used up (4096 records,
// 8 MiB), at ForceFlush, which ends no interval, and at Shutdown. They may come
// after later records. Records over 64 KiB always pass.
//
// Steps behind treat a summary as one record, however many it stands for: a
// RateLimit or Sample belongs in front.
type Dedup struct {
	by       *grouping
	interval time.Duration
	emitter  emitter

	mu             sync.Mutex
	next           Next
	windows        map[string]*window
	oldest, newest *window // the list of all windows, by their beginning
	spare          *window // one that was popped, to be used again
	bytes          int     // sizes of all windows
	timer          *time.Timer
	armed          bool // timer is running, or tick is
	stopped        uint64
	closed         bool
}

// NewDedup returns a Dedup.
func NewDedup(cfg DedupConfig) (*Dedup, error) {
	by, err := cfg.compile()
	if err != nil {
		return nil, fmt.Errorf("dedup: %w", err)
	}
	if cfg.Name == "" {
		cfg.Name = "dedup"
	}
	return &Dedup{by: by, interval: cfg.Interval.Std(), emitter: newEmitter(cfg.Name), windows: map[string]*window{}}, nil
}

func (d *Dedup) readsOnly() bool { return true }

// Enabled implements [Processor].
func (d *Dedup) Enabled(context.Context, *record.Origin, log.Severity, string) bool { return true }

// OnEmit implements [Processor].
func (d *Dedup) OnEmit(ctx context.Context, r *record.Record, next Next) error {
	size := r.Size()
	if size > maxDedupSize {
		return next(ctx, r)
	}
	buf := keyBuffers.Get().(*[]byte)
	*buf = d.by.appendKey((*buf)[:0], r)
	repeat, summaries := d.take(*buf, r, size, next)
	releaseKey(buf)
	for _, summary := range summaries {
		d.emitter.emit(next, summary)
	}
	if repeat {
		return nil
	}
	return next(ctx, r)
}

// take enters the record with that key, and reports whether it repeats
// another. It returns the summaries of windows that end for lack of memory.
func (d *Dedup) take(key []byte, r *record.Record, size int, next Next) (repeat bool, summaries []*record.Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false, nil
	}
	d.next = next
	w := d.windows[string(key)]
	if repeat = w != nil; repeat {
		d.stopped++
		d.bytes += w.add(r, size)
	} else {
		d.open(string(key))
	}
	for len(d.windows) > maxWindows || d.bytes > maxWindowBytes {
		if w := d.pop(); w.count > 0 {
			summaries = append(summaries, w.summary())
		}
	}
	return repeat, summaries
}

func (d *Dedup) open(key string) {
	w := d.spare
	if w == nil {
		w = &window{}
	}
	d.spare = nil
	*w = window{key: key, opened: time.Now(), size: windowSize + len(key)}
	d.bytes += w.size
	d.windows[key] = w
	if d.oldest == nil {
		d.oldest = w
	} else {
		d.newest.next = w
	}
	d.newest = w
	if d.armed {
		return
	}
	d.armed = true
	if d.timer == nil {
		d.timer = time.AfterFunc(d.interval, func() { d.emitter.inTurn(d.tick) })
	} else {
		d.timer.Reset(d.interval)
	}
}

// pop removes the oldest window, which the next one to be opened may become.
func (d *Dedup) pop() *window {
	w := d.oldest
	d.oldest, w.next = w.next, nil
	delete(d.windows, w.key)
	d.bytes -= w.size
	d.spare = w
	return w
}

// tick ends the windows whose interval is over.
func (d *Dedup) tick() {
	defer d.rest() // even if what follows ends the goroutine
	for summary, next := d.due(); summary != nil; summary, next = d.due() {
		d.emitter.emit(next, summary)
	}
}

// due ends windows whose interval is over, up to one that has a summary; nil if
// there is none. All have the same interval, so the oldest comes first.
func (d *Dedup) due() (*record.Record, Next) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.oldest != nil && !d.closed && time.Since(d.oldest.opened) >= d.interval {
		if w := d.pop(); w.count > 0 {
			return w.summary(), d.next
		}
	}
	return nil, nil
}

// rest has tick called when the next interval is over.
func (d *Dedup) rest() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.armed = d.oldest != nil && !d.closed; d.armed {
		d.timer.Reset(max(0, d.interval-time.Since(d.oldest.opened)))
	}
}

// ForceFlush hands on what has been counted so far. The intervals go on.
func (d *Dedup) ForceFlush(ctx context.Context) error {
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	if closed {
		return nil
	}
	return d.emitter.flush(ctx, d.summarize)
}

// Shutdown hands on what has been counted.
func (d *Dedup) Shutdown(ctx context.Context) error {
	return d.emitter.ending.run(ctx, func() error {
		d.mu.Lock()
		d.closed = true
		if d.timer != nil {
			d.timer.Stop()
		}
		d.mu.Unlock()
		err := d.emitter.close(ctx, d.summarize)
		d.mu.Lock()
		d.windows, d.oldest, d.newest, d.spare, d.bytes = nil, nil, nil, nil, 0
		d.mu.Unlock()
		return err
	})
}

// summarize hands on the summaries of all windows.
func (d *Dedup) summarize() {
	var summaries []*record.Record
	d.mu.Lock()
	for w := d.oldest; w != nil; w = w.next {
		if w.count > 0 {
			d.bytes -= w.lastSize
			w.size -= w.lastSize
			summaries = append(summaries, w.summary())
		}
	}
	next := d.next
	d.mu.Unlock()
	d.emitter.emitAll(next, summaries)
}

// Books implements [Counted].
func (d *Dedup) Books() StepStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := StepStats{Name: d.emitter.name, Added: d.emitter.added.Load()}
	if d.stopped > 0 {
		s.Stopped = map[string]uint64{CauseDuplicate: d.stopped}
	}
	return s
}
