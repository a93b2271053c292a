package processors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

const (
	// reportEvery is the least time between two reports of a branch to
	// OpenTelemetry's error handler, noticeEvery between two notice records.
	reportEvery = 10 * time.Second
	noticeEvery = time.Second
)

// The error handler gets texts, not errors that wrap others: those would bring
// along the secrets that failureText has taken out.

// throttle calls report, from a goroutine of its own, some time after it was
// asked to, but not again before reportEvery has passed. It keeps nobody
// waiting: an error handler may log into the very pipeline that is in trouble,
// and the standard library's logger holds a lock while it does.
type throttle struct {
	report func()
	armed  atomic.Bool // timer is running

	mu     sync.Mutex
	timer  *time.Timer
	last   time.Time
	closed bool
	// underWay is open while the timer's report is; nil before the first.
	underWay chan struct{}
}

func (t *throttle) ask() {
	if t.armed.Load() || !t.armed.CompareAndSwap(false, true) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.timer = time.AfterFunc(max(0, time.Until(t.last.Add(reportEvery))), func() {
		t.mu.Lock()
		if t.closed {
			t.mu.Unlock()
			return // close reports
		}
		t.last = time.Now()
		ended := make(chan struct{})
		t.underWay = ended
		t.mu.Unlock()
		defer close(ended)
		t.armed.Store(false)
		t.report()
	})
}

// lastReport bounds the wait for a report under way, which may itself be what
// waits: for the Shutdown that its handler has called.
const lastReport = time.Second

// close makes the last report, and waits for it no longer than ctx allows: the
// handler may block, or wait for the very Shutdown that is making the report.
func (t *throttle) close(ctx context.Context) {
	t.mu.Lock()
	t.closed = true
	if t.timer != nil {
		t.timer.Stop()
	}
	underWay := t.underWay
	t.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if underWay != nil {
			late, cancel := context.WithTimeout(ctx, lastReport)
			await(late, underWay)
			cancel()
		}
		t.report()
	}()
	await(ctx, done)
}

// failures tells the error handler of errors that steps returned.
type failures struct {
	tell     func(error)
	throttle throttle
	mu       sync.Mutex
	latest   error
	count    int
}

func newFailures() *failures {
	f := &failures{tell: otel.Handle}
	f.throttle.report = f.report
	return f
}

func (f *failures) add(err error) {
	f.mu.Lock()
	f.latest = err
	f.count++
	f.mu.Unlock()
	f.throttle.ask()
}

func (f *failures) close(ctx context.Context) { f.throttle.close(ctx) }

func (f *failures) report() {
	f.mu.Lock()
	err, n := f.latest, f.count
	f.latest, f.count = nil, 0
	f.mu.Unlock()
	switch {
	case n > 1:
		f.tell(fmt.Errorf("sluice: %d errors, the latest: %s", n, failureText(err)))
	case n == 1:
		f.tell(fmt.Errorf("sluice: %s", failureText(err)))
	}
}

// reporter tells of a branch's losses and failures.
type reporter struct {
	stats    func() ExporterStats
	tell     func(error)
	throttle throttle

	pending atomic.Bool // drops that no notice has told of

	mu      sync.Mutex
	told    map[string]uint64 // drops told to the error handler
	lost    time.Time         // when some were last told
	failure error             // latest one not told

	// What follows is the worker's alone.
	noticed    time.Time
	noticeTold map[string]uint64 // drops told by notice records
}

func newReporter(stats func() ExporterStats, tell func(error)) *reporter {
	r := &reporter{stats: stats, tell: tell}
	r.throttle.report = r.report
	return r
}

// dropped notes that the branch's drop counters have grown.
func (r *reporter) dropped() {
	if !r.pending.Load() {
		r.pending.Store(true)
	}
	r.throttle.ask()
}

// failed notes a failed write.
func (r *reporter) failed(err error) {
	r.mu.Lock()
	r.failure = err
	r.mu.Unlock()
	r.throttle.ask()
}

// lastDrop returns when the last of these drops was, late by up to reportEvery: a
// flood of drops is to cost nobody a look at the clock for each.
func (r *reporter) lastDrop(dropped map[string]uint64) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(since(r.told, dropped)) > 0 {
		return time.Now()
	}
	return r.lost
}

// report tells the error handler what it has not been told.
func (r *reporter) report() {
	s := r.stats()
	r.mu.Lock()
	lost, failure := since(r.told, s.Dropped), r.failure
	r.told, r.failure = s.Dropped, nil
	if len(lost) > 0 {
		r.lost = time.Now()
	}
	r.mu.Unlock()

	var errs []error
	if len(lost) > 0 {
		errs = append(errs, fmt.Errorf("sluice: exporter %s: %s, %d of %d since the start", s.Name, sentence(lost), s.DroppedTotal(), s.Accepted))
	}
	if failure != nil {
		now := ""
		switch {
		case s.LastError == "":
			now = " (it has worked since)"
		case s.Spooled > 0:
			now = fmt.Sprintf(" (%d records wait on disk)", s.Spooled)
		}
		errs = append(errs, fmt.Errorf("sluice: exporter %s: %s%s", s.Name, failureText(failure), now))
	}
	if err := errors.Join(errs...); err != nil {
		r.tell(err)
	}
}

// close makes the last report.
func (r *reporter) close(ctx context.Context) { r.throttle.close(ctx) }

// notice fills n with a record that tells the destination itself of drops
// since the last notice, and reports whether there is one to send. drops counts
// those to tell of: a queue on disk tells of its own.
func (r *reporter) notice(n *record.Record, neighbour *record.Origin, drops func() (name string, dropped map[string]uint64)) bool {
	if !r.pending.Load() || time.Since(r.noticed) < noticeEvery {
		return false
	}
	r.pending.Store(false)
	name, dropped := drops()
	lost := since(r.noticeTold, dropped)
	if len(lost) == 0 {
		return false
	}
	r.noticeTold, r.noticed = dropped, time.Now()
	origin := &record.Origin{Scope: record.Scope{Name: "sluice"}}
	if neighbour != nil {
		origin.Resource = neighbour.Resource
	}
	*n = record.Record{
		Timestamp:    r.noticed,
		Observed:     r.noticed,
		Severity:     log.SeverityWarn1,
		SeverityText: "WARN",
		EventName:    "sluice.dropped",
		Body:         attribute.StringValue("sluice: " + sentence(lost)),
		Origin:       origin,
	}
	n.AddAttributes(attribute.String("sluice.exporter", name))
	for _, cause := range slices.Sorted(maps.Keys(lost)) {
		n.AddAttributes(attribute.Int64("sluice.dropped."+cause, int64(lost[cause])))
	}
	return true
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
