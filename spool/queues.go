package spool

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed2f724858/sluice/spool/internal/journal"
)

// queue is a journal that is being drained: the Spool's own, or one that an
// ended process has left. Its counters are guarded by the Spool's lock.
type queue struct {
	journal *journal.Journal
	reader  *journal.Reader
	// total counts the records that an adopted queue was found with, gone
	// those that were delivered or dropped since.
	total, gone uint64
	// past is behind the last record that was given to the exporter or dropped.
	past    uint64
	damaged uint64 // as counted in the books
	drained bool   // nothing is left to read
	// evicting counts evictions whose outcome is not in the books yet.
	evicting int
	removed  bool // somebody has removed its files
	counted  bool // of an adopted one: what was found missing at its end is in the books
}

func (s *Spool) options() journal.Options {
	return journal.Options{
		FS:          s.fs,
		SegmentSize: s.cfg.segmentSize(),
		Sync:        s.cfg.Sync.journal(),
		Report:      s.report,
	}
}

// create makes the queue that Writes go to. It wants the lock.
func (s *Spool) create() error {
	j, err := journal.Create(s.options())
	if err != nil {
		s.books.storage.failed(err)
		return err
	}
	s.books.storage.ok()
	s.own = &queue{journal: j, reader: j.Reader()}
	s.nudge() // the courier waits for records in another one, or in none
	return nil
}

// ready returns our own queue. It makes that now if the disk was too full for
// one at the start.
func (s *Spool) ready() (*queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == nil {
		if err := s.create(); err != nil {
			return nil, err
		}
	}
	return s.own, nil
}

// current returns the queue that Writes go to, nil if there is none yet.
func (s *Spool) current() *queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.own
}

// all returns the queues in the order in which they are drained.
func (s *Spool) all() []*queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queues()
}

// queues is all for who holds the lock.
func (s *Spool) queues() []*queue {
	queues := slices.Clone(s.adopted)
	if s.own != nil {
		queues = append(queues, s.own)
	}
	return queues
}

// collect reads the next batch. It waits until there is one, and returns false
// when there will be none.
func (s *Spool) collect() bool {
	for {
		s.mu.Lock()
		last := s.closing && s.writers == 0
		waiting := slices.Clone(s.flushes)
		s.mu.Unlock()
		if s.base.Err() != nil {
			return false
		}
		if s.mayAdopt() || time.Since(s.courier.looked) >= adoptEvery && !last {
			s.adopt()
		}
		found, more, err := s.next()
		switch {
		case err != nil && !s.rest(err):
			return false
		case err != nil:
			continue
		case found:
			return true
		case more:
			s.release()
			continue
		}
		s.release()
		s.answer(waiting)
		if s.mayAdopt() || s.giveNotice(last) {
			continue
		}
		if last {
			return false
		}
		s.idle()
	}
}

// idle waits until there may be something to do.
func (s *Spool) idle() {
	wait := time.Until(s.courier.looked.Add(adoptEvery))
	s.mu.Lock()
	var written <-chan struct{}
	if s.own != nil {
		written = s.own.journal.Wait()
	}
	if len(s.held) > 0 {
		wait = min(wait, heldEvery)
	}
	if due, ok := s.noticeDue(); ok {
		wait = min(wait, time.Until(due))
	}
	s.mu.Unlock()
	timer := time.NewTimer(max(wait, 0))
	defer timer.Stop()
	select {
	case <-written:
	case <-s.kick:
	case <-s.look:
	case <-timer.C:
	case <-s.base.Done():
	}
}

// next reads a batch from the oldest queue that holds any. One that cannot be
// read keeps the others waiting for nothing, nor does one of which only the next
// call tells more.
func (s *Spool) next() (found, more bool, failed error) {
	c := &s.courier
	own := s.current()
	for _, q := range s.all() {
		for !q.drained {
			items, err := q.reader.Next(maxRecords, maxBytes)
			s.mu.Lock()
			s.countDamage(q)
			if len(items) > 0 {
				c.queue, c.items, c.alone = q, items, false
				c.end = items[len(items)-1].Seq
			}
			s.mu.Unlock()
			switch {
			case errors.Is(err, journal.ErrTaken), errors.Is(err, journal.ErrClosed):
				s.letGo(q, err)
				return false, false, nil
			case errors.Is(err, journal.ErrUnfinished):
				more = true
			case err != nil:
				failed = fmt.Errorf("read from disk: %w", err)
				s.report(failed)
			case len(items) > 0:
				if s.prepare() {
					return true, false, nil
				}
				continue // none of them could be decoded
			case q != own:
				s.mu.Lock()
				q.drained = true
				s.mu.Unlock()
				s.finish(q)
			}
			break
		}
	}
	return false, more, failed
}

// countDamage enters the records that the journal found damaged. It wants the
// lock.
func (s *Spool) countDamage(q *queue) {
	if now := q.journal.Stats().Damaged; now > q.damaged {
		s.drop(causeDamaged, int(now-q.damaged))
		q.gone += now - q.damaged
		q.damaged = now
	}
}

// nameLetters calls the file of dead letters after our own queue, the first if
// that was replaced.
func (s *Spool) nameLetters() {
	if own := s.current(); own != nil && s.letters.name == "" {
		s.letters.name = deadLetterDir + "/" + own.journal.ID() + ".jsonl"
	}
}
