package spool

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool/internal/journal"
)

// A notice is told from other records by its event and its scope.
const (
	noticeEvent = "sluice.dropped"
	noticeScope = "sluice"
)

// noticeEvery is the least time between two notices.
const noticeEvery = time.Second

// notices tell the destination of drops, by records that are put into the
// queue. There is one in it at a time: the next tells of all that was dropped
// since. The Spool's lock guards them.
type notices struct {
	told     map[string]uint64 // drops that notices have told of
	telling  map[string]uint64 // and those with the one in the queue
	seq      uint64            // of that, 0 if there is none
	writing  bool              // one is being put into the queue
	last     time.Time
	resource *record.Resource // of the records written last
	exporter string           // what they call the exporter, "" before that is known
}

// SetName implements [exporters.Spooler].
func (s *Spool) SetName(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notices.exporter = name
}

// noticeDue returns when the next notice is due, if one is. It wants the lock.
func (s *Spool) noticeDue() (at time.Time, due bool) {
	n := &s.notices
	if len(s.books.dropped) == 0 || n.seq != 0 || n.writing || len(since(n.told, s.books.dropped)) == 0 {
		return at, false
	}
	return n.last.Add(noticeEvery), true
}

// giveNotice puts a notice into the queue if one is due and there is room, and
// reports whether it did; the last one does not wait until it is due.
func (s *Spool) giveNotice(last bool) bool {
	now := time.Now()
	s.mu.Lock()
	at, due := s.noticeDue()
	if !due || s.closed || !last && now.Before(at) {
		s.mu.Unlock()
		return false
	}
	n := &s.notices
	n.writing, n.last = true, now
	telling := maps.Clone(s.books.dropped)
	r := s.notice(now, since(n.told, telling))
	s.mu.Unlock()

	seq := s.storeNotice(r)

	s.mu.Lock()
	defer s.mu.Unlock()
	n.writing = false
	switch {
	case seq == 0:
		return false
	case s.own.past > seq: // it is through already
		n.told = telling
	default:
		n.seq, n.telling = seq, telling
	}
	return true
}

// storeNotice returns 0 if there is no room, or the disk does not work.
func (s *Spool) storeNotice(r *record.Record) (seq uint64) {
	c := new(chunk)
	if _, err := c.fill(s, []record.Record{*r}); err != nil {
		return 0
	}
	_ = s.gate.Lock(s.base) // a free one is taken in any case
	fits := s.fits(c.need(), s.limit())
	if fits {
		s.reserved.Add(c.need())
	}
	s.gate.Unlock()
	if !fits {
		return 0
	}
	s.mu.Lock()
	s.books.noticed++
	s.mu.Unlock()
	seq, err := s.append(c)
	s.reserved.Add(-c.need())
	if err != nil {
		s.mu.Lock()
		s.books.noticed--
		s.mu.Unlock()
		return 0
	}
	return seq
}

// notice returns the record that tells of drops. It wants the lock.
func (s *Spool) notice(now time.Time, lost map[string]uint64) *record.Record {
	r := &record.Record{
		Timestamp:    now,
		Observed:     now,
		Severity:     log.SeverityWarn1,
		SeverityText: "WARN",
		EventName:    noticeEvent,
		Body:         attribute.StringValue("sluice: " + sentence(lost)),
		Origin:       &record.Origin{Resource: s.notices.resource, Scope: record.Scope{Name: noticeScope}},
	}
	r.AddAttributes(attribute.String("sluice.exporter", cmp.Or(s.notices.exporter, sinkName(s.sink))))
	for _, cause := range slices.Sorted(maps.Keys(lost)) {
		r.AddAttributes(attribute.Int64("sluice.dropped."+cause, int64(lost[cause])))
	}
	return r
}

// isNotice reports whether a record is a notice, of any queue.
func isNotice(r *record.Record) bool { return r.EventName == noticeEvent && r.Logger() == noticeScope }

// passNotice notes that the courier passes some items. If the notice is one of
// them, and was dropped, that is nothing to tell of: the next one would be, too.
// It wants the lock.
func (s *Spool) passNotice(q *queue, items []journal.Item, given, refused int, cause string) {
	n := &s.notices
	if q != s.own || n.seq == 0 || items[len(items)-1].Seq < n.seq {
		return
	}
	i := slices.IndexFunc(items, func(it journal.Item) bool { return it.Seq == n.seq })
	n.seq = 0
	if i < 0 {
		return // it was evicted
	}
	n.told = n.telling
	switch {
	case i >= given:
		n.told[cause]++
	case refused > 0:
		n.told[causeRejected]++
	}
}

// since returns what now has more than before.
func since(before, now map[string]uint64) map[string]uint64 {
	more := map[string]uint64{}
	for cause, n := range now {
		if n > before[cause] {
			more[cause] = n - before[cause]
		}
	}
	return more
}

func sentence(lost map[string]uint64) string {
	var total uint64
	parts := make([]string, 0, len(lost))
	for _, cause := range slices.Sorted(maps.Keys(lost)) {
		total += lost[cause]
		parts = append(parts, fmt.Sprintf("%s %d", cause, lost[cause]))
	}
	noun := "records"
	if total == 1 {
		noun = "record"
	}
	return fmt.Sprintf("%d %s dropped (%s)", total, noun, strings.Join(parts, ", "))
}

// sinkName names a sink after its package, a decorator after what it wraps.
func sinkName(s exporters.Sink) string {
	for {
		u, ok := s.(exporters.Unwrapper)
		if !ok {
			break
		}
		s = u.Unwrap()
	}
	name, _, _ := strings.Cut(strings.TrimLeft(fmt.Sprintf("%T", s), "*"), ".")
	return name
}
