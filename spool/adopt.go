package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/seed2f724858/sluice/spool/internal/journal"
)

const (
	// adoptEvery is how often orphans are looked for.
	adoptEvery = 30 * time.Second
	// maxAdopted bounds how many are open at a time: a program that crashes
	// again and again may leave more of them than there are descriptors.
	maxAdopted = 4
)

// adopt takes over queues whose processes have ended, the oldest first: a few at
// a time, and as far as they fit into max_size, as more than that would only be
// evicted. The others wait for their turn, or for another process. One that
// cannot be opened is left alone and told of once.
func (s *Spool) adopt() {
	s.courier.looked = time.Now()
	for _, q := range s.all() {
		s.finish(q) // if the disk refused that before
	}
	s.mu.Lock()
	s.orphans, s.room = false, false
	s.mu.Unlock()
	ids, err := journal.List(s.fs)
	if err != nil {
		s.report(fmt.Errorf("look for queues of ended processes: %w", err))
		return
	}
	for _, id := range s.byAge(ids) {
		if s.handsFull() {
			return
		}
		if !s.mayFit(id) {
			continue
		}
		j, err := journal.Open(s.options(), id)
		switch {
		case errors.Is(err, journal.ErrLocked), errors.Is(err, fs.ErrNotExist):
			continue // its process lives, or another one was faster
		case err != nil:
			s.leaveAlone(id, err)
			continue
		}
		if !s.take(&queue{journal: j, reader: j.Reader(), total: j.Stats().Waiting}) {
			_ = j.Close() // as it was; it is opened again
		}
	}
}

// byAge returns the queues that are not open, the oldest first. It looks into
// each but once, as there may be very many.
func (s *Spool) byAge(ids []string) []string {
	ids = slices.DeleteFunc(ids, s.knows)
	ages := make(map[string]time.Time, len(ids))
	for _, id := range ids {
		age := s.ages[id]
		if age.IsZero() {
			age = journal.Created(s.fs, id)
		}
		ages[id] = age
	}
	s.ages = ages
	slices.SortStableFunc(ids, func(a, b string) int { return ages[a].Compare(ages[b]) })
	return ids
}

// handsFull reports whether as many queues are open as may be, and notes that
// others may wait then.
func (s *Spool) handsFull() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	full := len(s.adopted) >= maxAdopted
	s.orphans = s.orphans || full
	return full
}

// take adds a queue to those that are drained, if there is room for it. When
// there is no other one, it need not fit.
func (s *Spool) take(q *queue) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !s.takes(q.journal.Stats().Bytes) {
		return false
	}
	s.books.recovered += q.total
	s.adopted = append(s.adopted, q)
	return true
}

// takes reports whether a queue of that many bytes can be taken over, and notes
// that one waits if not. It wants the lock.
func (s *Spool) takes(bytes int64) bool {
	fits := len(s.adopted) == 0 || s.size()+bytes <= int64(s.cfg.MaxSize)
	s.orphans = s.orphans || !fits
	return fits
}

// mayFit is takes for a queue that is not opened; another process may have it.
func (s *Spool) mayFit(id string) bool {
	files, err := s.fs.ReadDir("q-" + id)
	if err != nil {
		return true // opening it tells
	}
	var bytes int64
	for _, f := range files {
		bytes += f.Size
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.takes(bytes)
}

// mayAdopt reports whether a queue that was drained has made room for one that
// waits.
func (s *Spool) mayAdopt() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room
}

// replace begins a new queue of our own in place of one that another process
// has taken, while its file system did not work. What waits in that one stays
// in our books, though the other process delivers it.
func (s *Spool) replace(taken *queue, why error) error {
	s.mu.Lock()
	s.lose(taken, why)
	if s.own != taken {
		s.mu.Unlock()
		return nil
	}
	err := s.create()
	s.notices.seq = 0
	s.mu.Unlock()
	if err == nil {
		_ = taken.journal.Close() // says that it was taken
	}
	return err
}

// lose counts what waits in a queue that somebody has removed, but for what was
// read already. It wants the lock.
func (s *Spool) lose(q *queue, why error) {
	if q.removed || !errors.Is(why, journal.ErrRemoved) {
		return
	}
	q.removed = true
	lost := q.total
	if q == s.own {
		lost = q.journal.Stats().Next - 1
	}
	lost -= min(lost, q.gone)
	kept := 0
	if s.courier.queue == q && !s.closed {
		kept = len(s.courier.items)
	}
	for _, h := range s.held {
		// What was dropped before is counted; what the exporter holds to the end
		// may never arrive.
		if h.queue == q && (!s.closed || !h.given) {
			kept++
		}
	}
	lost -= min(lost, uint64(kept))
	q.gone += lost
	s.drop(causeDamaged, int(lost))
	s.books.failures++
	s.tell(fmt.Errorf("spool: queue %s: somebody has removed it while it was in use, with %d records that waited in it", q.journal.ID(), lost))
}

// loseKept counts what was read of queues that were removed since, and can be
// delivered no more. It wants the lock.
func (s *Spool) loseKept() {
	lost := 0
	if q := s.courier.queue; q != nil && q.removed {
		lost = len(s.courier.items)
	}
	for _, h := range s.held {
		if h.queue.removed && h.given {
			lost++
		}
	}
	s.drop(causeDamaged, lost)
}

// letGo lets go of a queue that another process has taken.
func (s *Spool) letGo(q *queue, why error) {
	if s.isClosed() {
		return
	}
	s.mu.Lock()
	s.lose(q, why)
	q.drained = true
	s.adopted = slices.DeleteFunc(s.adopted, func(a *queue) bool { return a == q })
	s.mu.Unlock()
	if err := s.replace(q, why); err != nil {
		s.report(err)
	}
	_ = q.journal.Close() // says that it was taken
}

// knows reports whether a queue is open already.
func (s *Spool) knows(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.queues(), func(q *queue) bool { return q.journal.ID() == id })
}

// leaveAlone tells once of a queue that cannot be opened. It is tried again, as
// there may be no more to it than that descriptors are short.
func (s *Spool) leaveAlone(id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unopened[id] {
		return
	}
	if s.unopened == nil {
		s.unopened = make(map[string]bool)
	}
	s.unopened[id] = true
	s.tell(fmt.Errorf("spool: queue %s of an earlier process is left as it is: %w", id, err))
}

// finish closes an adopted queue that is empty, unless the exporter still holds
// records of it.
func (s *Spool) finish(q *queue) {
	s.mu.Lock()
	done := q.drained && q.evicting == 0 && slices.Contains(s.adopted, q) &&
		!slices.ContainsFunc(s.held, func(h heldRecord) bool { return h.queue == q })
	if done && !q.counted {
		q.counted = true
		// What the queue was said to hold and nobody found is lost; if there was
		// more, so much the better.
		if q.gone < q.total {
			s.drop(causeDamaged, int(q.total-q.gone))
		} else {
			s.books.recovered += q.gone - q.total
		}
	}
	last := q.past
	s.mu.Unlock()
	if !done {
		return
	}
	err := q.journal.Ack(last)
	if err != nil && !errors.Is(err, journal.ErrTaken) && !errors.Is(err, journal.ErrClosed) {
		// If it were let go now, we would find it again and deliver all of it
		// once more.
		s.report(fmt.Errorf("note that the queue %s is empty: %w", q.journal.ID(), err))
		return
	}
	s.mu.Lock()
	i := slices.Index(s.adopted, q)
	if i >= 0 {
		s.adopted = slices.Delete(s.adopted, i, i+1)
		if s.room = s.orphans; s.room {
			s.nudge()
		}
	}
	s.mu.Unlock()
	if i < 0 {
		return
	}
	if err := q.journal.Close(); err != nil {
		s.report(fmt.Errorf("close the queue %s: %w", q.journal.ID(), err))
	}
}
