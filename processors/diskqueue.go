package processors

import (
	"errors"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/seed2f724858/sluice/exporters"
)

// diskQueue is what a branch knows of a queue on disk behind it.
type diskQueue struct {
	queue exporters.Spooler // nil if there is none
	// shared says that other branches stand in front of it too, so that it has
	// a row of its own.
	shared atomic.Bool
}

// behind looks for a queue on disk behind sink, gives it the branch's name, and
// has r told of its troubles.
func (d *diskQueue) behind(sink exporters.Sink, name string, r *reporter) {
	if d.queue = queueBehind(sink); d.queue != nil {
		r.listen(d.queue, name)
	}
}

// listen has r told of a queue's troubles.
func (r *reporter) listen(q exporters.Spooler, name string) {
	q.SetName(name)
	q.Notify(func(err error) {
		if err != nil {
			r.failed(err)
		} else {
			r.throttle.ask()
		}
	})
}

// stats returns the books that belong into the branch's row, nil if none do.
// They must be read before the branch's own; see [ExporterStats.add].
func (d *diskQueue) stats() *exporters.SpoolStats {
	if d.queue == nil || d.shared.Load() {
		return nil
	}
	return statsOfQueue(d.queue)
}

// queueBehind returns the queue on disk that s is or decorates, nil if there
// is none. What stands behind one of several exporters is not that of all.
func queueBehind(s exporters.Sink) exporters.Spooler {
	for {
		switch d := s.(type) {
		case exporters.Spooler:
			return d
		case *exporters.Failover:
			return nil
		case exporters.Unwrapper:
			s = d.Unwrap()
		default:
			return nil
		}
	}
}

// statsOfQueue shields who asks for statistics from panics.
func statsOfQueue(q exporters.Spooler) (s *exporters.SpoolStats) {
	defer func() {
		if p := recover(); p != nil {
			s = &exporters.SpoolStats{LastError: "its statistics panicked: " + panicText(p)}
		}
	}()
	books := q.Spooled()
	return &books
}

// sharedQueue is a queue on disk that several branches stand in front of. Its
// losses are in none of their books, so it reports them itself.
type sharedQueue struct {
	queue    exporters.Spooler
	reporter *reporter
}

// sharedQueues returns the queues on disk that several of the branches stand
// in front of, and tells those so.
func sharedQueues(branches []Branch, tell func(error)) (shared []sharedQueue) {
	users := map[exporters.Spooler][]*diskQueue{}
	for _, b := range branches {
		l, ok := b.(linkable)
		if !ok {
			continue
		}
		d := l.disk()
		if d.queue == nil || !reflect.TypeOf(d.queue).Comparable() {
			continue
		}
		users[d.queue] = append(users[d.queue], d)
		if len(users[d.queue]) == 2 {
			q := sharedQueue{d.queue, newReporter(func() ExporterStats { return rowOf(d.queue) }, tell)}
			shared = append(shared, q)
		}
	}
	for _, q := range shared {
		for _, d := range users[q.queue] {
			d.shared.Store(true)
		}
		q.reporter.listen(q.queue, sharedName)
	}
	return shared
}

// sharedName is what a queue that several branches share is called.
const sharedName = "spool"

// rowOf returns the row of a queue that several branches share.
func rowOf(q exporters.Spooler) ExporterStats {
	s := ExporterStats{Name: sharedName, Processor: typeName(q), Exporter: typeName(innermost(q))}
	if books := statsOfQueue(q); books != nil {
		// To itself the queue has been given all that it accepted.
		s.Accepted, s.Delivered = books.Accepted, books.Accepted
		s.add(books)
	}
	return s
}

// add enters the books of the queue on disk that s delivers to. As they are
// older than s, each record in them was delivered to the queue by then or was in
// flight to it; and what was delivered since waits there, as far as s can know.
func (s *ExporterStats) add(q *exporters.SpoolStats) {
	if q == nil {
		return
	}
	given := s.Delivered
	s.Accepted += q.Recovered + q.Noticed
	s.Recovered = q.Recovered
	s.Delivered = q.Delivered
	s.Spooled = q.Waiting
	if given >= q.Accepted {
		s.Spooled += given - q.Accepted
	} else {
		early := q.Accepted - given
		// A notice of the branch itself is not in its books until it is taken.
		s.Accepted += early - min(early, s.InFlight)
		s.InFlight -= min(early, s.InFlight)
	}
	s.SpooledBytes, s.SpoolCapacity = q.Bytes, q.Capacity
	if len(q.Dropped) > 0 && s.Dropped == nil {
		s.Dropped = make(map[string]uint64, len(q.Dropped))
	}
	for cause, n := range q.Dropped {
		s.Dropped[cause] += n
	}
	s.Failures += q.Failures
	if q.LastError != "" {
		s.LastError = failureText(errors.New(q.LastError))
	}
	if s.FailingSince.IsZero() || !q.FailingSince.IsZero() && q.FailingSince.Before(s.FailingSince) {
		s.FailingSince = q.FailingSince
	}
	s.LastDrop = later(s.LastDrop, q.LastDrop)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
