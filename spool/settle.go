package spool

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/spool/internal/journal"
)

// heldEvery is how often the exporter is asked what it still holds.
const heldEvery = time.Second

// heldRecord is a record that was given to an exporter which may hold it.
type heldRecord struct {
	queue *queue
	seq   uint64
	given bool // else it was dropped, and is counted
}

// pass moves the courier past records that were given to the exporter, of which
// some were refused, and those behind them that are lost. It returns the
// sequence number up to which the queue is settled, 0 for none. It wants the
// lock.
func (s *Spool) pass(given, refused, lost int, cause string) (settled uint64) {
	c := &s.courier
	q, n := c.queue, given+lost
	if n == 0 {
		return 0
	}
	last := c.items[n-1].Seq
	if n == len(c.items) {
		last = c.end // with what could not be decoded behind it
	}
	q.past = last + 1
	s.passNotice(q, c.items[:n], given, refused, cause)
	if s.holder == nil {
		s.books.delivered += uint64(given - refused)
		q.gone += uint64(n)
		settled = last
	} else {
		for i, it := range c.items[:n] {
			// Which ones were refused is not known; as many as were are not held.
			s.held = append(s.held, heldRecord{q, it.Seq, i >= refused && i < given})
		}
		s.held[len(s.held)-1].seq = last
	}
	c.items = c.items[n:]
	if s.forward != nil {
		c.otlp = c.otlp[n:]
	} else {
		c.recs = c.recs[n:]
	}
	return settled
}

// acknowledge tells a queue what is settled. The records are delivered all the
// same if it cannot note that: they may come twice.
func (s *Spool) acknowledge(q *queue, seq uint64) {
	if seq == 0 {
		return
	}
	if err := q.journal.Ack(seq); err != nil && !errors.Is(err, journal.ErrTaken) && !errors.Is(err, journal.ErrClosed) {
		s.report(fmt.Errorf("note what is delivered: %w", err))
	}
}

// release settles the records that the exporter does not hold any more. It may
// be called from any goroutine.
func (s *Spool) release() {
	if s.holder == nil {
		return
	}
	s.mu.Lock()
	upTo := s.released + uint64(len(s.held))
	s.mu.Unlock()
	// Asked after that: what is given to the exporter meanwhile makes it say
	// more, and less is settled.
	held := heldBy(s.holder)

	s.releasing.Lock() // queues are told in order
	defer s.releasing.Unlock()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return // the queues note nothing any more
	}
	n := 0
	if upTo > s.released {
		n = int(upTo - s.released)
	}
	for ; n > 0; n-- {
		if s.held[n-1].given {
			if held == 0 {
				break
			}
			held--
		}
	}
	free := s.held[:n]
	settled := map[*queue]uint64{}
	for _, h := range free {
		settled[h.queue] = h.seq
		h.queue.gone++
		if h.given {
			s.books.delivered++
		}
	}
	s.held = s.held[n:]
	s.released += uint64(n)
	s.mu.Unlock()
	for q, seq := range settled {
		s.acknowledge(q, seq)
		s.finish(q)
	}
}

// heldBy returns how many records a sink holds: more than there are if it
// panics.
func heldBy(h exporters.Holder) (held int) {
	defer func() {
		if recover() != nil {
			held = math.MaxInt
		}
	}()
	return max(h.Held(), 0)
}
