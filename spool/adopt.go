package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/seed2f724858/sluice/spool/internal/journal"
)

// adoptEvery is how often orphans are looked for.
const adoptEvery = 30 * time.Second

// adopt opens the queues whose processes have ended. One that cannot be opened
// is left alone and told of once.
func (s *Spool) adopt() {
	s.courier.looked = time.Now()
	ids, err := journal.List(s.fs)
	if err != nil {
		s.report(fmt.Errorf("look for queues of ended processes: %w", err))
		return
	}
	var found []*queue
	for _, id := range ids {
		if s.knows(id) {
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
		found = append(found, &queue{journal: j, reader: j.Reader(), total: j.Stats().Waiting})
	}
	slices.SortStableFunc(found, func(a, b *queue) int { return a.journal.Created().Compare(b.journal.Created()) })
	s.mu.Lock()
	closed := s.closed
	if !closed {
		for _, q := range found {
			s.books.recovered += q.total
		}
		s.adopted = append(s.adopted, found...)
	}
	s.mu.Unlock()
	for _, q := range found {
		if closed {
			_ = q.journal.Close() // the next process opens it
		}
	}
}

// replace begins a new queue of our own in place of one that another process
// has taken, while its file system did not work. What waits in that one stays
// in our books, though the other process delivers it.
func (s *Spool) replace(taken *queue) error {
	s.mu.Lock()
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

// letGo lets go of a queue that another process has taken.
func (s *Spool) letGo(q *queue) {
	if s.isClosed() {
		return
	}
	s.mu.Lock()
	q.drained = true
	s.adopted = slices.DeleteFunc(s.adopted, func(a *queue) bool { return a == q })
	s.mu.Unlock()
	if err := s.replace(q); err != nil {
		s.report(err)
	}
	_ = q.journal.Close() // says that it was taken
}
