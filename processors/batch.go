package processors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"sync"
	"time"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

var _ Brancher = (*Batch)(nil)

// Batch queues records in memory and hands them to a sink in batches, from a
// goroutine of its own: OnEmit copies the record and returns. The queue is
// bounded in records and bytes; what happens when it is full is the
// [OnFull] policy's choice, and every record that it costs is counted, told in
// a notice record to the same sink, and reported to OpenTelemetry's error
// handler.
//
// A batch that the sink could not take stays in flight and is tried again
// after a pause that grows to 5 s, while the policy rules the queue behind it.
// A sink for which there is a point of giving up is wrapped in a retry
// decorator, which ends with a permanent error.
type Batch struct {
	cfg      BatchConfig
	match    *selector
	sink     exporters.Sink
	spool    diskQueue
	reporter *reporter
	linked

	mu       sync.Mutex
	q        queue
	books    books
	inFlight int           // records of the worker's batch that are not settled
	flying   int64         // bytes of that batch
	writing  time.Time     // when the Write under way began
	waiting  int           // producers that wait for room
	room     chan struct{} // closed when there may be some
	due      uint64        // records up to this sequence number do not wait for company
	armed    bool          // delay is running
	state    state
	flushes  []flush
	open     bool // nobody waits for room any more
	closing  bool // Shutdown was called
	closed   bool // the worker has ended or given up

	kick  chan struct{}
	delay *time.Timer
	done  chan struct{}
	// base is the parent of every Write's context; Shutdown ends it at its
	// deadline.
	base   context.Context
	cancel context.CancelFunc

	worker worker
	ending ending
}

// maxReserved bounds the records that memory is reserved for from the start;
// larger batches get theirs when there are some.
const maxReserved = 4096

// extraSize and extraBytes are how far a queue that would block may outgrow its
// bounds once the pipeline is being shut down: enough for what the steps in front
// hand on at their end, and an end to what others go on logging.
const (
	extraSize  = 8192
	extraBytes = 16 << 20
)

// state is what the worker does.
type state int

const (
	busy    state = iota
	idle          // waits for records, flush or shutdown
	resting       // pauses after a failure, waits for flush or shutdown
)

// flush is a ForceFlush that waits until the records up to seq are settled.
type flush struct {
	seq   uint64
	tried bool // a write has begun since
	done  chan error
}

// NewBatch returns a Batch in front of sink, which it then owns: Shutdown
// shuts it down.
func NewBatch(sink exporters.Sink, cfg BatchConfig) (*Batch, error) {
	if sink == nil {
		return nil, errors.New("batch: no sink")
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	if cfg.Name == "" {
		cfg.Name = sinkName(sink)
	}
	match, err := onlyMatch(cfg.Match)
	if err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	b := &Batch{
		cfg:    cfg,
		match:  match,
		sink:   sink,
		room:   make(chan struct{}),
		kick:   make(chan struct{}, 1),
		delay:  time.NewTimer(math.MaxInt64),
		done:   make(chan struct{}),
		ending: newEnding(),
	}
	b.delay.Stop()
	b.base, b.cancel = context.WithCancel(context.Background())
	b.reporter = newReporter(b.Stats, b.tell)
	b.spool.behind(sink, cfg.Name, b.reporter)
	b.worker.recs = make([]record.Record, 1, min(cfg.MaxExportBatchSize, maxReserved)+1)
	go b.run()
	return b, nil
}

func (b *Batch) readsOnly() bool { return true }

// join implements linkable.
func (b *Batch) join(f *feedback, m *meters, name string) { b.tie(f, m, b.sink, name) }

func (b *Batch) disk() *diskQueue { return &b.spool }

// Branches implements [Brancher].
func (b *Batch) Branches() []Branch { return []Branch{b} }

// Enabled implements [Processor].
func (b *Batch) Enabled(_ context.Context, scope *record.Origin, sev log.Severity, event string) bool {
	return b.match.enabled(scope, sev, event)
}

// OnEmit queues a copy of r if it matches, and hands r on.
func (b *Batch) OnEmit(ctx context.Context, r *record.Record, next Next) error {
	if b.match.first(r) == 0 {
		b.push(r)
	}
	return next(ctx, r)
}

func (b *Batch) push(r *record.Record) {
	size := r.Size()
	b.mu.Lock()
	b.books.accepted++
	if b.closing {
		b.books.drop(CauseShutdown, 1)
		b.mu.Unlock()
		b.reporter.dropped()
		return
	}
	dropped := false
	if !b.fits(size) {
		var ok bool
		if ok, dropped = b.makeRoom(r.Severity, size); !ok {
			b.mu.Unlock()
			b.reporter.dropped()
			return
		}
	}
	b.q.push(r, size)
	if r.Severity >= log.SeverityFatal1 {
		b.due = b.q.seq
		b.wake()
	} else if b.q.records >= b.cfg.MaxExportBatchSize {
		b.wake()
	} else {
		b.arm()
	}
	b.mu.Unlock()
	if dropped {
		b.reporter.dropped()
	}
}

// fits reports whether a record of that size may be queued. A record larger
// than a chunk needs only a chunk's room, else it could never pass a small
// queue.
func (b *Batch) fits(size int) bool {
	return b.fitsBeside(b.q.records, b.q.bytes, size)
}

// fitsBeside is fits with other figures for what waits.
func (b *Batch) fitsBeside(records int, bytes int64, size int) bool {
	return records+b.inFlight < b.cfg.MaxQueueSize &&
		bytes+b.flying+int64(min(size, record.ChunkBytes)) <= max(int64(b.cfg.MaxQueueBytes), int64(record.ChunkBytes))
}

// makeRoom applies the policy. It reports whether the record may be queued,
// and whether another was dropped for it. If it may not, it has been counted.
func (b *Batch) makeRoom(sev log.Severity, size int) (ok, dropped bool) {
	switch b.cfg.OnFull {
	case Block:
		if b.open {
			ok = b.fitsBeside(b.q.records-extraSize, b.q.bytes-extraBytes, size)
		} else {
			ok = b.waitForRoom(size)
		}
		if !ok && b.open {
			b.books.drop(CauseShutdown, 1)
			return false, false
		}
	case DropNewest:
	default:
		// Nothing is given up for a record that the batch in flight keeps out.
		for b.fitsBeside(0, 0, size) {
			if b.cfg.OnFull == DropOldest {
				ok = b.q.evictOldest()
			} else {
				ok = b.q.evictLowest(sev)
			}
			if !ok {
				break
			}
			b.books.drop(CauseQueueFull, 1)
			dropped = true
			if b.fits(size) {
				return true, true
			}
		}
	}
	if !ok {
		b.books.drop(CauseQueueFull, 1)
	}
	return ok, dropped
}

// waitForRoom waits, without the lock, until there is room or the timeout has
// passed. A shutdown lets everybody in who waits.
func (b *Batch) waitForRoom(size int) bool {
	if b.cfg.BlockTimeout == 0 {
		return false
	}
	var timeout <-chan time.Time
	if b.cfg.BlockTimeout != exporters.Unlimited {
		t := time.NewTimer(b.cfg.BlockTimeout.Std())
		defer t.Stop()
		timeout = t.C
	}
	b.waiting++
	defer func() {
		b.waiting--
		if b.closing {
			b.wake()
		}
	}()
	for {
		room := b.room
		b.wake()
		b.mu.Unlock()
		late := false
		select {
		case <-room:
		case <-timeout:
			late = true
		}
		b.mu.Lock()
		switch {
		case b.closed:
			return false
		case b.open || b.fits(size):
			return true
		case late:
			return false
		}
	}
}

// ForceFlush makes the worker write everything that was queued before the
// call, then flushes the sink. It ends with an error when a write fails that
// was begun after the call, or when ctx is done.
func (b *Batch) ForceFlush(ctx context.Context) error {
	b.mu.Lock()
	if b.closing {
		b.mu.Unlock()
		return nil
	}
	f := flush{seq: b.q.seq, done: make(chan error, 1)}
	if b.q.records+b.inFlight == 0 {
		f.done <- nil
	} else {
		b.flushes = append(b.flushes, f)
		b.due = b.q.seq
		b.hurry()
	}
	b.mu.Unlock()
	select {
	case err := <-f.done:
		return errors.Join(err, flushSink(ctx, b.sink, b.cfg.Name))
	case <-ctx.Done():
		return fmt.Errorf("batch: %s: flush: %w", b.cfg.Name, ctx.Err())
	}
}

// Shutdown lets in the producers that wait for room, writes what is queued and
// shuts the sink down. What cannot be written before ctx is done, or for
// ExportTimeout without a success, is counted as dropped.
func (b *Batch) Shutdown(ctx context.Context) error {
	return b.ending.run(ctx, func() error { return b.close(ctx) })
}

// admit lets in the producers that wait for room, and all that come later.
func (b *Batch) admit() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.letIn()
}

// letIn wants the lock.
func (b *Batch) letIn() {
	if !b.open {
		b.open = true
		close(b.room)
	}
}

func (b *Batch) close(ctx context.Context) error {
	b.mu.Lock()
	b.closing = true
	b.letIn()
	b.hurry()
	b.mu.Unlock()
	defer b.cancel()
	stop := context.AfterFunc(ctx, b.cancel)
	defer stop()

	var err error
	// The worker may be stuck in a Write that does not heed its context.
	if _, ok := await(ctx, b.done); !ok {
		err = fmt.Errorf("batch: %s: shutdown: %w", b.cfg.Name, ctx.Err())
	}
	if lost := b.abandon(); lost > 0 {
		err = errors.Join(err, fmt.Errorf("batch: %s: shutdown: %d records could not be delivered", b.cfg.Name, lost))
	}
	err = errors.Join(err, shutdownSink(ctx, b.sink, b.cfg.Name))
	b.reporter.close(ctx) // a queue on disk may drop records until its end
	return err
}

// abandon drops what is still queued and returns how many records shutdown
// has cost. What is in flight stays so until its Write returns.
func (b *Batch) abandon() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for b.q.evictOldest() {
		b.books.drop(CauseShutdown, 1)
	}
	b.abandonFlushes()
	return b.books.dropped[CauseShutdown]
}

// drops returns what the branch itself has dropped.
func (b *Batch) drops() (name string, dropped map[string]uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cfg.Name, maps.Clone(b.books.dropped)
}

// Stats implements [Branch].
func (b *Batch) Stats() ExporterStats {
	sink, spooled := askSink(b.sink), b.spool.stats()
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.books.stats(b.cfg.Name, sink)
	s.Queued = uint64(b.q.records + b.waiting)
	s.InFlight += uint64(b.inFlight)
	s.QueuedBytes = b.q.bytes + b.flying
	s.QueueCapacity = uint64(b.cfg.MaxQueueSize)
	s.Processor, s.Exporter = typeName(b), typeName(innermost(b.sink))
	s.add(spooled)
	s.LastDrop = later(s.LastDrop, b.reporter.lastDrop(s.Dropped))
	if late := b.writing.Add(b.cfg.ExportTimeout.Std()); !b.writing.IsZero() && b.cfg.ExportTimeout != exporters.Unlimited && s.FailingSince.IsZero() && time.Since(late) > grace {
		s.FailingSince, s.LastError = late, "the exporter has not come back from a write within export_timeout"
	}
	return s
}
