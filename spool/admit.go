package spool

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/spool/internal/journal"
)

// admit applies the policy to a chunk before it is written, so that max_size is
// never exceeded: it makes room, or takes records out of the chunk and returns
// how many. The chunk's part of the room is reserved until it is written.
func (s *Spool) admit(ctx context.Context, c *chunk) (refused int, err error) {
	if err := s.gate.Lock(ctx); err != nil {
		return 0, fmt.Errorf("spool: wait to write: %w", err)
	}
	defer s.gate.Unlock()
	if !s.fits(c.need(), s.limit()) {
		switch s.cfg.OnFull {
		case Block:
			return 0, fmt.Errorf("spool: %w", errFull)
		case DropNewest:
			refused, err = s.refuse(c)
		default:
			refused, err = s.makeRoom(c)
		}
		if err != nil {
			return 0, err
		}
	}
	if c.batch.Len() > 0 {
		c.reserved = c.need()
		s.reserved.Add(c.reserved)
	}
	return refused, nil
}

// limit is where the policy sets in. A reserve is left for errors if nothing
// makes room for them.
func (s *Spool) limit() int64 {
	if s.cfg.OnFull == DropNewest {
		return int64(s.cfg.MaxSize) - s.reserveBytes()
	}
	return int64(s.cfg.MaxSize)
}

func (s *Spool) reserveBytes() int64 { return int64(s.cfg.Reserve * float64(s.cfg.MaxSize)) }

// fits reports whether there is room for need bytes below a limit, and as much
// free on the disk as is wanted.
func (s *Spool) fits(need, limit int64) bool {
	s.mu.Lock()
	size := s.size()
	s.mu.Unlock()
	return size+s.reserved.Load()+need <= limit && s.leavesFree(need)
}

func (s *Spool) leavesFree(need int64) bool {
	if s.cfg.MinFree == 0 {
		return true
	}
	free, err := s.fs.Free()
	// Where nobody can tell, the disk itself will.
	return err != nil || free-s.reserved.Load()-need >= int64(s.cfg.MinFree)
}

// size is what the queues and dead letters take on disk. It wants the lock.
func (s *Spool) size() int64 {
	size := s.letters.size.Load()
	for _, q := range s.queues() {
		size += q.journal.Stats().Bytes
	}
	return size
}

// refuse takes out of the chunk what does not fit: below ERROR what the reserve
// is not for.
func (s *Spool) refuse(c *chunk) (int, error) {
	s.mu.Lock()
	used := s.size() + s.reserved.Load() + c.need() - int64(c.batch.Bytes())
	s.mu.Unlock()
	refused, n := make([]bool, len(c.recs)), 0
	for i := range c.recs {
		limit := s.limit()
		if isError(&c.recs[i]) {
			limit = int64(s.cfg.MaxSize)
		}
		if size := int64(c.sizes[i]); used+size <= limit && s.leavesFree(size) {
			used += size
		} else {
			refused[i] = true
			n++
		}
	}
	return n, c.keep(s, refused)
}

// makeRoom evicts the oldest records until the chunk fits. If nothing is left to
// evict, the chunk itself is given up.
func (s *Spool) makeRoom(c *chunk) (refused int, err error) {
	for !s.fits(c.need(), s.limit()) {
		found, err := s.evict()
		if err != nil {
			return 0, fmt.Errorf("spool: make room: %w", err)
		}
		if !found {
			n := len(c.recs)
			c.reset()
			return n, nil
		}
	}
	return 0, nil
}

// evict frees a part of the oldest records there are, and reports whether there
// were any. Errors are spared as long as those that were spared before fit into
// the reserve.
func (s *Spool) evict() (found bool, err error) {
	queues := s.all()
	var kept int64
	for _, q := range queues {
		kept += q.journal.Stats().Kept
	}
	if kept < s.reserveBytes() {
		if found, err := s.evictBelow(uint8(log.SeverityError1), queues); found || err != nil {
			return found, err
		}
	}
	return s.evictBelow(journal.EvictAll, queues)
}

// evictBelow evicts from the first queue that has records less severe than keep.
func (s *Spool) evictBelow(keep uint8, queues []*queue) (found bool, err error) {
	for _, q := range queues {
		// A segment of nothing but severe records is only rewritten.
		for range q.journal.Stats().Segments {
			s.mu.Lock()
			q.evicting++
			s.mu.Unlock()
			n, freed, err := q.journal.Evict(keep)
			s.mu.Lock()
			q.evicting--
			s.countDamage(q)
			s.drop(causeFull, n)
			q.gone += uint64(n)
			s.mu.Unlock()
			if errors.Is(err, journal.ErrClosed) {
				break // drained meanwhile
			}
			if n > 0 || freed > 0 || err != nil {
				return true, err
			}
		}
	}
	return false, nil
}
