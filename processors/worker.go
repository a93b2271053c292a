package processors

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

const (
	minPause = 100 * time.Millisecond
	maxPause = 5 * time.Second
)

// worker is what only the batch's goroutine touches.
type worker struct {
	// recs is the batch, behind one free place for a notice.
	recs    []record.Record
	runs    []taken
	bytes   int64
	settled int // records of the batch that are delivered or dropped

	notice    record.Record
	hasNotice bool

	pause        time.Duration
	failingSince time.Time
	calling      bool // a Write is under way
}

var errEnded = errors.New("the exporter ended the goroutine that called it (runtime.Goexit)")

// run writes batches until Shutdown has drained the queue or given up.
func (b *Batch) run() {
	// The exporter may have ended this goroutine: another one goes on then, as
	// after a panic.
	defer func() {
		if !b.worker.calling {
			close(b.done)
			return
		}
		b.worker.calling = false
		b.account(0, fmt.Errorf("batch: %s: %w", b.cfg.Name, errEnded), true)
		b.settle()
		go b.run()
	}()
	for b.await() {
		b.take()
		for !b.write() {
			if !b.rest() {
				b.giveUp()
				break
			}
		}
		b.settle()
	}
}

// await waits for a batch that is due; it returns false when none will come.
func (b *Batch) await() bool {
	for {
		b.mu.Lock()
		b.endFlushes()
		switch waiting := b.q.records > 0; {
		case b.closed:
			b.mu.Unlock()
			return false
		case waiting && (b.closing || b.waiting > 0 || b.q.records >= b.cfg.MaxExportBatchSize || b.q.lowest() <= b.due):
			b.mu.Unlock()
			return true
		case b.closing && b.waiting == 0:
			b.closed = true
			b.mu.Unlock()
			return false
		case waiting:
			b.arm()
		}
		b.state = idle
		b.mu.Unlock()
		select {
		case <-b.kick:
		case <-b.delay.C:
			b.mu.Lock()
			b.armed = false
			b.due = b.q.seq
			b.busy()
			b.mu.Unlock()
		}
	}
}

// arm starts the schedule delay unless it runs. It wants the lock.
func (b *Batch) arm() {
	if !b.armed {
		b.armed = true
		b.delay.Reset(b.cfg.ScheduleDelay.Std())
	}
}

// wake starts the worker if it waits for records. It wants the lock.
func (b *Batch) wake() {
	if b.state == idle {
		b.state = busy
		b.kick <- struct{}{}
	}
}

// hurry starts the worker even if it rests after a failure. It wants the lock.
func (b *Batch) hurry() {
	if b.state != busy {
		b.state = busy
		b.kick <- struct{}{}
	}
}

// busy marks the worker, which calls it, as started; a kick that came in the
// same moment is used up. It wants the lock.
func (b *Batch) busy() {
	if b.state == busy {
		<-b.kick
	}
	b.state = busy
}

// take moves the next batch out of the queue.
func (b *Batch) take() {
	w := &b.worker
	w.recs, w.runs, w.bytes, w.settled = w.recs[:1], w.runs[:0], 0, 0
	b.mu.Lock()
	runs, n, bytes := b.q.take(b.cfg.MaxExportBatchSize, w.runs)
	b.inFlight += n
	b.flying += bytes
	b.mu.Unlock()
	w.runs, w.bytes = runs, bytes
	for _, t := range runs {
		w.recs = append(w.recs, t.recs...)
	}
}

// write hands what is left of the batch to the sink. It reports whether every
// record is settled; if not, the rest is worth another try later.
func (b *Batch) write() bool {
	w := &b.worker
	if len(w.recs) > 1 && !w.hasNotice {
		w.hasNotice = b.reporter.notice(&w.notice, w.recs[1].Origin, b.drops)
	}
	for w.settled < len(w.recs)-1 {
		first := w.settled + 1
		if w.hasNotice {
			first--
			w.recs[first] = w.notice
		}
		b.mu.Lock()
		b.writing = time.Now()
		for i := range b.flushes {
			b.flushes[i].tried = true
		}
		b.mu.Unlock()
		n, err, panicked := b.call(w.recs[first:])
		if b.account(n, err, panicked) {
			return false
		}
	}
	return true
}

// call runs one Write, bounded in time and shielded from panics.
func (b *Batch) call(recs []record.Record) (n int, err error, panicked bool) {
	ctx, cancel := context.WithTimeout(b.base, b.cfg.ExportTimeout.Std())
	defer cancel()
	start := time.Now()
	w := &b.worker
	defer func() {
		if p := recover(); p != nil {
			w.calling = false
			n, err, panicked = 0, fmt.Errorf("batch: %s: the exporter panicked: %v\n%s", b.cfg.Name, p, debug.Stack()), true
		} else if w.calling {
			err, panicked = errEnded, true
		}
		took := time.Since(start)
		b.mu.Lock()
		b.writing = time.Time{}
		b.books.wrote(took)
		b.mu.Unlock()
		b.measure(ctx, took, err, panicked)
	}()
	w.calling = true
	n, err = b.to(ctx, b.sink, recs)
	w.calling = false
	if n = max(0, min(n, len(recs))); n < len(recs) && err == nil {
		err = fmt.Errorf("batch: %s: the exporter took %d of %d records and gave no reason", b.cfg.Name, n, len(recs))
	}
	return n, err, false
}

// account enters the outcome of a Write into the books. It reports whether the
// rest of the batch has to wait for another try.
func (b *Batch) account(n int, err error, panicked bool) (retry bool) {
	w := &b.worker
	// The notice is none of the records that are counted.
	onNotice, toldNotice := w.hasNotice && n == 0, w.hasNotice && n > 0
	if toldNotice {
		n--
		w.hasNotice = false
	}
	left := len(w.recs) - 1 - w.settled - n

	kind, refused := exporters.Retryable, 0
	if err != nil {
		kind, refused = exporters.Classify(err)
		refused = min(refused, n)
	}
	lost, cause := 0, ""
	switch {
	case err == nil:
	case panicked:
		lost, cause = left, CausePanic
		w.hasNotice = false
	case errors.Is(err, exporters.ErrClosed):
		lost, cause = left, CauseShutdown
	case kind == exporters.KindPermanent:
		lost, cause = left, CausePermanent
	case kind == exporters.KindPoison && onNotice:
		w.hasNotice = false
	case kind == exporters.KindPoison:
		lost, cause = min(1, left), CausePoison
	case kind == exporters.KindRejected && n > 0:
	default:
		retry = true
	}

	failure := failureText(err)
	b.mu.Lock()
	defer b.mu.Unlock()
	if toldNotice && b.spool.queue != nil {
		// To the queue on disk, and in its books, it is a record like others.
		b.books.accepted++
		b.books.delivered++
	}
	b.books.delivered += uint64(n - refused)
	b.books.refused(CauseRejected, refused, failure)
	b.books.refused(cause, lost, failure)
	// That Shutdown's deadline cut a write short says nothing about the
	// destination; why it failed before does.
	if cut := retry && b.base.Err() != nil && b.books.lastError != ""; cut {
		b.books.failures++
	} else {
		b.books.outcome(failure)
		if err != nil {
			b.reporter.failed(err)
		}
	}
	b.inFlight -= n + lost
	w.settled += n + lost
	if n > 0 || !retry {
		w.pause, w.failingSince = 0, time.Time{}
	}
	if retry {
		b.failFlushes(err)
	}
	return retry
}

// settle gives the batch's memory back and lets in producers that wait.
func (b *Batch) settle() {
	w := &b.worker
	release(w.runs)
	clear(w.recs)
	b.mu.Lock()
	b.q.unpin(w.runs)
	b.flying -= w.bytes
	if b.waiting > 0 && !b.open {
		close(b.room)
		b.room = make(chan struct{})
	}
	b.mu.Unlock()
	clear(w.runs)
}

// rest waits before the next try of a batch that failed. It returns false when
// Shutdown leaves no time for one.
func (b *Batch) rest() bool {
	w := &b.worker
	if w.failingSince.IsZero() {
		w.failingSince = time.Now()
	}
	w.pause = min(max(2*w.pause, minPause), maxPause)
	t := time.NewTimer(w.pause)
	defer t.Stop()

	b.mu.Lock()
	switch {
	case b.base.Err() != nil || (b.closing && time.Since(w.failingSince) > b.cfg.ExportTimeout.Std()):
		b.mu.Unlock()
		return false
	case len(b.flushes) > 0:
		b.mu.Unlock()
		return true
	}
	b.state = resting
	b.mu.Unlock()
	select {
	case <-b.kick:
		return true
	case <-t.C:
	case <-b.base.Done():
	}
	b.mu.Lock()
	b.busy()
	b.mu.Unlock()
	return true
}

// giveUp drops what is left of the batch at Shutdown.
func (b *Batch) giveUp() {
	w := &b.worker
	b.mu.Lock()
	defer b.mu.Unlock()
	left := len(w.recs) - 1 - w.settled
	b.books.drop(CauseShutdown, left)
	b.inFlight -= left
	b.closed = true
	b.abandonFlushes()
}

// endFlushes answers the flushes whose records are all settled. It wants the
// lock, and that nothing is in flight.
func (b *Batch) endFlushes() {
	lowest, kept := b.q.lowest(), b.flushes[:0]
	for _, f := range b.flushes {
		if f.seq < lowest {
			f.done <- nil
		} else {
			kept = append(kept, f)
		}
	}
	b.flushes = kept
}

// failFlushes answers the flushes that asked before a write that failed. It
// wants the lock.
func (b *Batch) failFlushes(err error) {
	kept := b.flushes[:0]
	for _, f := range b.flushes {
		if f.tried {
			f.done <- err
		} else {
			kept = append(kept, f)
		}
	}
	b.flushes = kept
}

// abandonFlushes answers the flushes whose records Shutdown has given up. It
// wants the lock.
func (b *Batch) abandonFlushes() {
	for _, f := range b.flushes {
		f.done <- fmt.Errorf("batch: %s: flush: not everything was written: %w", b.cfg.Name, exporters.ErrClosed)
	}
	b.flushes = nil
}
