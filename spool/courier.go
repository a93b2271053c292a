package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool/internal/journal"
)

const (
	// A delivery takes no more than so many records and bytes.
	maxRecords = 2048
	maxBytes   = 1 << 20
	// writeTimeout bounds one Write; an exporter that has not come back after
	// stalled counts as failing.
	writeTimeout = time.Minute
	stalled      = 30 * time.Second
	// The bound of the pause after a failed delivery doubles from minPause to
	// maxPause.
	minPause = time.Second
	maxPause = 30 * time.Second
)

var errEnded = errors.New("the exporter ended the goroutine that called it (runtime.Goexit)")

// courier is the goroutine that delivers. Its fields are its own, but for those
// that the Spool's lock guards.
type courier struct {
	// queue and items are the batch under way. Others read them with the lock.
	queue *queue
	items []journal.Item
	end   uint64 // the last sequence number of the batch as it was read
	// otlp or recs are the items as the exporter wants them.
	otlp  []encode.OTLPRecord
	recs  []record.Record
	attrs []attribute.KeyValue
	uids  []byte
	dec   decode.OTLPProto
	// What otlp and recs begin with, for the next batch.
	otlpRoom []encode.OTLPRecord
	recsRoom []record.Record

	alone   bool // deliver one by one: one of the batch makes the exporter panic
	calling bool
	writing time.Time // when the Write under way began; guarded by the lock
	trying  bool      // a Write is under way, or not accounted for; guarded by the lock
	pause   time.Duration
	moved   bool      // the last Write took some records
	stopped bool      // the exporter was shut down by somebody else
	looked  time.Time // when orphans were looked for
}

// run delivers until Shutdown has drained the queues, or given up.
func (s *Spool) run() {
	c := &s.courier
	// The exporter may have ended this goroutine: another one goes on then, as
	// after a panic.
	defer func() {
		if c.calling {
			c.calling = false
			_ = s.account(0, fmt.Errorf("spool: %w", errEnded), true)
			go s.run()
			return
		}
		s.letters.close()
		close(s.done)
	}()
	for {
		for len(c.items) > 0 {
			if err := s.deliver(); err != nil && !s.rest(err) {
				return
			}
		}
		if !s.collect() {
			return
		}
	}
}

// deliver writes what is left of the batch. An error is that of records which
// are worth another try.
func (s *Spool) deliver() error {
	n, err, panicked := s.call()
	return s.account(n, err, panicked)
}

// tries returns how many records the next Write gets.
func (c *courier) tries() int {
	if c.alone {
		return 1
	}
	return len(c.items)
}

// call runs one Write, bounded in time and shielded from panics.
func (s *Spool) call() (n int, err error, panicked bool) {
	ctx, cancel := context.WithTimeout(s.base, writeTimeout)
	defer cancel()
	c := &s.courier
	tries := c.tries()
	s.setWriting(time.Now())
	defer func() {
		if p := recover(); p != nil {
			c.calling = false
			n, err, panicked = 0, fmt.Errorf("spool: the exporter panicked: %v\n%s", p, debug.Stack()), true
		}
		s.setWriting(time.Time{})
	}()
	c.calling = true
	if s.forward != nil {
		n, err = s.forward.WriteOTLP(ctx, c.otlp[:tries])
	} else {
		n, err = s.sink.Write(ctx, c.recs[:tries])
	}
	c.calling = false
	if n = max(0, min(n, tries)); n < tries && err == nil {
		err = fmt.Errorf("spool: the exporter took %d of %d records and gave no reason: %w", n, tries, io.ErrShortWrite)
	}
	return n, err, false
}

func (s *Spool) setWriting(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.courier.writing = t
	s.courier.trying = s.courier.trying || !t.IsZero()
}

// account enters the outcome of a Write into the books and moves on behind what
// is settled. It returns the error if the rest has to wait for another try.
func (s *Spool) account(n int, err error, panicked bool) (again error) {
	c := &s.courier
	if s.isClosed() {
		return exporters.ErrClosed // Shutdown has given us up
	}
	c.moved = n > 0
	left := c.tries() - n
	kind, refused := exporters.Retryable, 0
	if err != nil {
		kind, refused = exporters.Classify(err)
		refused = min(refused, n)
	}
	lost, cause := 0, ""
	switch {
	case err == nil:
	case panicked && left == 1:
		lost, cause = 1, causePoison
	case panicked:
		c.alone = true
	case errors.Is(err, exporters.ErrClosed):
		c.stopped, again = true, err
	case exporters.IsMisconfigured(err) && left > 0:
		again = err // the records are not to blame
	case kind == exporters.KindPermanent:
		lost, cause = left, causePermanent
	case kind == exporters.KindPoison:
		lost, cause = min(1, left), causePoison
	case kind == exporters.KindRejected && n > 0:
	case left > 0:
		again = err
	}
	told := err
	if lost > 0 {
		s.nameLetters()
		told = join(err, s.bury(c.items[n:n+lost], cause, err))
	}
	s.mu.Lock()
	switch {
	case err == nil:
		s.books.delivery.ok()
	case s.base.Err() == nil: // that Shutdown cut a Write short says nothing
		s.books.failures++
		s.books.delivery.failed(err)
		s.tell(told)
	}
	s.drop(causeRejected, refused)
	s.drop(cause, lost)
	q := c.queue
	settled := s.pass(n, refused, lost, cause)
	s.mu.Unlock()
	s.acknowledge(q, settled)
	s.release()
	s.answer(nil)
	s.failFlushes(again)
	if n > 0 || again == nil {
		c.pause = 0
	}
	return again
}

// rest waits before the next try of a batch that failed. It returns false when
// there is to be none.
func (s *Spool) rest(err error) bool {
	c := &s.courier
	c.pause = min(max(2*c.pause, minPause), maxPause)
	s.mu.Lock()
	if len(s.flushes) > 0 {
		c.pause = minPause
	}
	closing := s.closing
	s.mu.Unlock()
	if c.stopped || s.base.Err() != nil {
		return false
	}
	if closing {
		moved := c.moved // there is no time for a pause
		c.moved = false
		return moved
	}
	d := rand.N(c.pause) + 1
	if exporters.IsMisconfigured(err) {
		// A client must not send such a request again. Whoever mends it may do
		// so without ending this process, though, or years later: what is sent
		// twice a minute is a question whether that is done.
		d = maxPause
	}
	if ra, ok := errors.AsType[exporters.RetryAfterer](err); ok {
		d = max(d, ra.RetryAfter())
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		look := time.NewTimer(time.Until(c.looked.Add(adoptEvery)))
		select {
		case <-timer.C:
		case <-s.kick:
		case <-s.base.Done():
		case <-look.C:
			s.adopt()
			continue
		}
		look.Stop()
		return s.base.Err() == nil
	}
}
