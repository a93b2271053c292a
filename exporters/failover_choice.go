package exporters

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// An exporter that failed is left alone for a pause that doubles from
// minDetour to maxDetour while others take its records.
const (
	minDetour = 5 * time.Second
	maxDetour = time.Minute
)

// member is what is known of one exporter.
type member struct {
	took  uint64
	down  bool
	again time.Time     // from when it is tried although it is down
	bound time.Duration // of the latest pause
	// asked is what its RetryAfterer named: until then it is left alone even if
	// nobody else works.
	asked time.Time
	err   error // why it is down
}

// choice is the exporter that is to be asked next.
type choice struct {
	index int
	// probe says that its pause is over, and that this Write alone finds out.
	probe bool
	// share is how many exporters may have to share the time that is left.
	share int
}

// pick chooses among those not tried: the first one that is up or whose pause
// is over, else the first one that may be asked at all.
func (f *Failover) pick(tried []bool) (c choice, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	ready := false
	for i := range f.members {
		m := &f.members[i]
		if tried != nil && tried[i] || now.Before(m.asked) {
			continue
		}
		c.share++
		if up := !m.down || !now.Before(m.again); !ok || up && !ready {
			c.index, ready, ok = i, up, true
		}
	}
	if m := &f.members[c.index]; ok && ready && m.down {
		c.probe = true
		m.again = now.Add(m.bound) // the others go on without it meanwhile
	}
	return c, ok
}

// worked notes that an exporter has answered, and taken n records.
func (f *Failover) worked(index, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members[index] = member{took: f.members[index].took + uint64(n)}
	for i := range index {
		if !f.members[i].down {
			return // a Write that began before a better one was back
		}
	}
	if n > 0 && f.used != index {
		f.used = index
		f.switches++
	}
}

// failed notes that an exporter took n records and then failed.
func (f *Failover) failed(c choice, n int, err error, itsFault bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := &f.members[c.index]
	m.took += uint64(n)
	if !itsFault {
		return
	}
	now := time.Now()
	m.err = err
	if ra, ok := errors.AsType[RetryAfterer](err); ok {
		m.asked = later(m.asked, now.Add(ra.RetryAfter()))
	}
	// Writes that began together fail together: the pause doubles once.
	if !m.down || c.probe {
		m.bound = min(max(2*m.bound, minDetour), maxDetour)
		m.again = now.Add(m.bound/2 + rand.N(m.bound/2+1))
	}
	m.down = true
	m.again = later(m.again, m.asked)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// unavailable is the error of a Failover none of whose exporters works.
type unavailable struct {
	errs  []error
	after time.Duration
}

func (e *unavailable) Error() string {
	texts := make([]string, len(e.errs))
	for i, err := range e.errs {
		texts[i] = err.Error()
	}
	return "no exporter works: " + strings.Join(texts, "; ")
}

// Unwrap leaves out what would make the whole permanent.
func (e *unavailable) Unwrap() []error {
	return slices.DeleteFunc(slices.Clone(e.errs), IsMisconfigured)
}

// RetryAfter implements [RetryAfterer].
func (e *unavailable) RetryAfter() time.Duration { return e.after }

// unavailable returns the error of a Write whose tries have all failed.
func (f *Failover) unavailable(tried []bool, failed []error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := &unavailable{errs: failed, after: math.MaxInt64}
	for i := range f.members {
		m := &f.members[i]
		wait := max(0, time.Until(m.asked))
		e.after = min(e.after, wait)
		if (tried == nil || !tried[i]) && m.err != nil {
			e.errs = append(e.errs, fmt.Errorf("exporter %d wants to be left alone for %s: %w", i+1, wait.Round(time.Second), m.err))
		}
	}
	if len(e.errs) == len(f.members) && len(e.Unwrap()) == 0 {
		return Misconfigured(e)
	}
	return e
}
