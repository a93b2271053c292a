package spool

import (
	"fmt"
	"maps"
	"time"

	"github.com/seed2f724858/sluice/exporters"
)

// Causes of dropped records; package processors names them for users.
const (
	causeFull      = "spool_full"
	causeDamaged   = "damaged"
	causePermanent = "permanent"
	causePoison    = "poison"
	causeRejected  = "rejected"
)

// books are the counters of a Spool; its lock guards them.
type books struct {
	accepted, recovered, noticed, delivered uint64
	dropped                                 map[string]uint64
	droppedTotal                            uint64
	lastDrop                                time.Time
	failures                                uint64
	// delivery is what keeps records from being delivered, storage a queue from
	// being made. What keeps them from being stored in it the journal knows.
	delivery, storage trouble
}

// trouble is something that fails at present.
type trouble struct {
	text  string
	since time.Time
}

func (t *trouble) failed(err error) {
	if t.since.IsZero() {
		t.since = time.Now()
	}
	t.text = redacted(err.Error())
}

func (t *trouble) ok() { *t = trouble{} }

// waiting returns how many records are neither delivered nor dropped.
func (b *books) waiting() uint64 {
	all, gone := b.accepted+b.recovered+b.noticed, b.delivered+b.droppedTotal
	return all - min(gone, all)
}

// drop counts lost records, and has them told. It wants the lock.
func (s *Spool) drop(cause string, n int) {
	if n <= 0 {
		return
	}
	b := &s.books
	if b.dropped == nil {
		b.dropped = make(map[string]uint64)
	}
	b.dropped[cause] += uint64(n)
	b.droppedTotal += uint64(n)
	b.lastDrop = time.Now()
	s.tell(nil)
}

// tell passes an error on, nil for drops. It wants the lock.
func (s *Spool) tell(err error) {
	if s.notify != nil {
		s.notify(err)
	} else if len(s.untold) < maxUntold {
		s.untold = append(s.untold, err)
	}
}

// maxUntold bounds what is kept for a function that may never be set.
const maxUntold = 8

// Notify implements [exporters.Spooler].
func (s *Spool) Notify(f func(error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notify = f
	if f == nil {
		return
	}
	for _, err := range s.untold {
		f(err)
	}
	s.untold = nil
}

// report counts and tells an error of the disk that no Write returns. The
// journal calls it, from any goroutine.
func (s *Spool) report(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books.failures++
	s.tell(fmt.Errorf("spool: %w", err))
}

// Spooled implements [exporters.Spooler].
func (s *Spool) Spooled() exporters.SpoolStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &s.books
	st := exporters.SpoolStats{
		Accepted:  b.accepted,
		Recovered: b.recovered,
		Noticed:   b.noticed,
		Delivered: b.delivered,
		Waiting:   b.waiting(),
		Dropped:   maps.Clone(b.dropped),
		Bytes:     s.size(),
		Capacity:  int64(s.cfg.MaxSize),
		Failures:  b.failures,
		LastDrop:  b.lastDrop,
	}
	troubles := []trouble{b.delivery, b.storage}
	if late := s.courier.writing.Add(stalled); b.delivery.text == "" && !s.courier.writing.IsZero() && time.Since(late) > 0 {
		troubles[0] = trouble{fmt.Sprintf("the exporter has not come back from a write for %s", stalled), late}
	}
	for _, q := range s.queues() {
		if j := q.journal.Stats(); j.LastError != nil {
			troubles = append(troubles, trouble{"disk: " + j.LastError.Error(), j.FailingSince})
		}
	}
	for _, t := range troubles {
		switch {
		case t.text == "":
		case st.LastError == "":
			st.LastError, st.FailingSince = t.text, t.since
		default:
			st.LastError += "; " + t.text
			if t.since.Before(st.FailingSince) {
				st.FailingSince = t.since
			}
		}
	}
	return st
}
