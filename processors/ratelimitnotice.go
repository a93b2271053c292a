package processors

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

// maxNotices bounds the keys of a report with a notice of their own.
const maxNotices = 10

// arm has tick called, but not before noticesEvery has passed.
func (l *RateLimit) arm() {
	switch {
	case l.armed:
		return
	case l.timer == nil:
		l.timer = time.AfterFunc(noticesEvery, func() { l.emitter.inTurn(l.tick) })
	default:
		l.timer.Reset(noticesEvery)
	}
	l.armed = true
}

func (l *RateLimit) tick() {
	defer l.rest() // even if what follows ends the goroutine
	l.report()
}

// rest has tick called again while there is something to report.
func (l *RateLimit) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = false
	if l.untold > 0 && !l.closed {
		l.arm()
	}
}

// report hands on the notices of what was stopped since the last report.
func (l *RateLimit) report() {
	l.mu.Lock()
	if l.untold == 0 {
		l.mu.Unlock()
		return
	}
	var told []bucket
	for _, b := range l.all {
		if b.stopped > 0 {
			told = append(told, *b)
			b.stopped = 0
		}
	}
	others := l.given
	if len(l.by.parts) == 0 {
		told = append(told, l.shared)
	} else {
		others += l.shared.stopped
	}
	l.shared.stopped, l.given, l.untold = 0, 0, 0
	slices.SortStableFunc(told, func(a, b bucket) int { return cmp.Compare(b.stopped, a.stopped) })
	for len(told) > maxNotices {
		others += told[len(told)-1].stopped
		told = told[:len(told)-1]
	}
	notices := make([]*record.Record, 0, len(told)+1)
	origin := &record.Origin{Resource: l.resource, Scope: record.Scope{Name: "sluice"}}
	for _, b := range told {
		notices = append(notices, l.notice(origin, b.stopped, b.text))
	}
	if others > 0 {
		notices = append(notices, l.notice(origin, others, "other keys"))
	}
	next := l.next
	l.mu.Unlock()
	l.emitter.emitAll(next, notices)
}

func (l *RateLimit) notice(origin *record.Origin, n uint64, key string) *record.Record {
	now := time.Now()
	noun, which := "records", ""
	if n == 1 {
		noun = "record"
	}
	if key != "" {
		which = ", " + key
	}
	r := &record.Record{
		Timestamp:    now,
		Observed:     now,
		Severity:     log.SeverityWarn1,
		SeverityText: "WARN",
		EventName:    "sluice.suppressed",
		Body:         attribute.StringValue(fmt.Sprintf("sluice: %d %s suppressed (rate limit%s)", n, noun, which)),
		Origin:       origin,
	}
	r.AddAttributes(attribute.String("sluice.step", l.name), attribute.Int64("sluice.suppressed.count", int64(n)))
	if key != "" {
		r.AddAttributes(attribute.String("sluice.suppressed.key", key))
	}
	return r
}

// ForceFlush hands on the notices of what has been stopped so far.
func (l *RateLimit) ForceFlush(ctx context.Context) error {
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if closed {
		return nil
	}
	return l.emitter.flush(ctx, l.report)
}

// Shutdown hands on the last notices.
func (l *RateLimit) Shutdown(ctx context.Context) error {
	return l.emitter.ending.run(ctx, func() error {
		l.mu.Lock()
		l.closed = true
		if l.timer != nil {
			l.timer.Stop()
		}
		l.mu.Unlock()
		return l.emitter.close(ctx, l.report)
	})
}

// Books implements [Counted].
func (l *RateLimit) Books() StepStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := StepStats{Name: l.name, Added: l.emitter.added.Load()}
	if l.stopped > 0 {
		s.Stopped = map[string]uint64{CauseRateLimited: l.stopped}
	}
	return s
}
