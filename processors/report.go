package processors

import (
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

// reporter tells of a branch's losses and failures, at a bounded rate and
// without ever keeping a producer or the worker waiting.
type reporter struct {
	stats func() ExporterStats

	pending atomic.Bool // drops that no notice has told of
	armed   atomic.Bool // timer is running

	mu         sync.Mutex
	timer      *time.Timer
	closed     bool
	reported   time.Time
	told       map[string]uint64 // drops told to the error handler
	failure    error             // latest one not told
	noticed    time.Time
	noticeTold map[string]uint64 // drops told by notice records
}

func newReporter(stats func() ExporterStats) *reporter { return &reporter{stats: stats} }

// dropped notes that the branch's drop counters have grown.
func (r *reporter) dropped() {
	if !r.pending.Load() {
		r.pending.Store(true)
	}
	r.arm()
}

// failed notes a failed write.
func (r *reporter) failed(err error) {
	r.mu.Lock()
	r.failure = err
	r.mu.Unlock()
	r.arm()
}

// arm makes a report follow, from a goroutine of its own: the error handler
// may log into the very branch that is in trouble.
func (r *reporter) arm() {
	if r.armed.Load() || !r.armed.CompareAndSwap(false, true) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.timer = time.AfterFunc(max(0, time.Until(r.reported.Add(reportEvery))), func() {
		r.armed.Store(false)
		r.report()
	})
}

// report tells the error handler what it has not been told.
func (r *reporter) report() {
	s := r.stats()
	r.mu.Lock()
	lost := since(r.told, s.Dropped)
	failure := r.failure
	r.told, r.failure, r.reported = s.Dropped, nil, time.Now()
	r.mu.Unlock()

	var errs []error
	if len(lost) > 0 {
		errs = append(errs, fmt.Errorf("sluice: exporter %s: %s, %d of %d since the start", s.Name, sentence(lost), s.DroppedTotal(), s.Accepted))
	}
	if failure != nil {
		errs = append(errs, fmt.Errorf("sluice: exporter %s: %w", s.Name, failure))
	}
	if err := errors.Join(errs...); err != nil {
		otel.Handle(err)
	}
}

// close makes the last report.
func (r *reporter) close() {
	r.mu.Lock()
	r.closed = true
	if r.timer != nil {
		r.timer.Stop()
	}
	r.mu.Unlock()
	r.report()
}

// notice fills n with a record that tells the destination itself of drops
// since the last notice, and reports whether there is one to send.
func (r *reporter) notice(n *record.Record, neighbour *record.Origin) bool {
	if !r.pending.Load() || time.Since(r.noticed) < noticeEvery {
		return false
	}
	r.pending.Store(false)
	s := r.stats()
	lost := since(r.noticeTold, s.Dropped)
	if len(lost) == 0 {
		return false
	}
	r.noticeTold, r.noticed = s.Dropped, time.Now()
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
	n.AddAttributes(attribute.String("sluice.exporter", s.Name))
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
