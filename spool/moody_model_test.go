package spool

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

// moody is a destination that answers in every way there is.
type moody struct {
	w      *spoolPlay
	p      *disktest.Process
	closed bool
	came   map[string]bool // in this process
	held   []string
}

func (m *moody) Held() int {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	return len(m.held)
}

// holdingSink is a moody that holds records.
type holdingSink struct{ *moody }

// sinkOnly hides that a moody could.
type sinkOnly struct{ exporters.Sink }

// Write implements [exporters.Sink].
func (m *moody) Write(_ context.Context, recs []record.Record) (n int, err error) {
	w := m.w
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() {
		w.history = append(w.history, fmt.Sprintf("  given %d from %s: %d, %v", len(recs), m.id(&recs[0]), n, err))
	}()
	switch {
	case m.p.Dead():
		return 0, errDown // nobody is there to call it
	case m.closed:
		return 0, exporters.ErrClosed
	case w.sinkRnd.IntN(100) >= w.mood:
		m.take(recs)
		return len(recs), nil
	}
	n = w.sinkRnd.IntN(len(recs) + 1)
	switch w.sinkRnd.IntN(8) {
	case 0:
		m.take(recs[:n])
		m.refuse(recs[n:])
		return n, exporters.Permanent(errDown)
	case 1:
		m.take(recs[:n])
		m.refuse(recs[n:min(n+1, len(recs))])
		return n, exporters.Poison(errDown)
	case 2:
		m.take(recs[:n])
		k := 0
		if n > 0 {
			k = w.sinkRnd.IntN(n)
		}
		return n, exporters.Rejected(k, errDown)
	case 3:
		if len(recs) == 1 {
			m.refuse(recs)
		}
		panic("moody")
	case 4:
		return 0, errDown
	}
	m.take(recs[:n])
	return n, errDown
}

func (m *moody) id(r *record.Record) string {
	if ids := sinktest.IDs([]byte(r.Body.String())); len(ids) == 1 {
		return ids[0]
	}
	return ""
}

// take enters what came. mu is held.
func (m *moody) take(recs []record.Record) {
	w := m.w
	for i := range recs {
		id := m.id(&recs[i])
		if id == "" { // a notice
			if w.holds {
				m.held = append(m.held, id)
			}
			continue
		}
		r, name := w.recs[id], uid(&recs[i])
		if r == nil {
			w.errorf("%s came, which nobody wrote", id)
			continue
		}
		if m.came[id] && !w.taken {
			w.errorf("%s came twice to one process", id)
		}
		m.came[id] = true
		if v, _ := recs[i].Attr("number"); v.AsString() != id {
			w.errorf("%s came with the attributes %v", id, recs[i].Attributes)
		}
		if r.uid != "" && r.uid != name && r.acked {
			w.errorf("%s came as %s and as %s", id, r.uid, name)
		}
		if other := w.byUID[name]; other != "" && other != id {
			w.errorf("%s came as %s, as did %s", id, name, other)
		}
		r.uid, w.byUID[name] = name, id
		series := id[:strings.LastIndexByte(id, '-')]
		if !r.came && !r.refused && id < w.last[series] && len(w.actors) == 1 {
			w.errorf("%s came after %s", id, w.last[series])
		}
		r.came, w.last[series] = true, max(id, w.last[series])
		if w.holds {
			m.held = append(m.held, id)
		} else {
			r.delivered++
		}
	}
	if w.holds && w.sinkRnd.IntN(2) == 0 {
		m.send(w.sinkRnd.IntN(len(m.held) + 1))
	}
}

// send delivers the first n that are held. mu is held.
func (m *moody) send(n int) {
	for _, id := range m.held[:n] {
		if r := m.w.recs[id]; r != nil {
			r.delivered++
		}
	}
	m.held = slices.Clone(m.held[n:])
}

func (m *moody) refuse(recs []record.Record) {
	for i := range recs {
		if r := m.w.recs[m.id(&recs[i])]; r != nil {
			r.refused = true
		}
	}
}

// ForceFlush implements [exporters.Sink].
func (m *moody) ForceFlush(context.Context) error {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	if !m.p.Dead() {
		m.send(len(m.held))
	}
	return nil
}

// Shutdown implements [exporters.Sink].
func (m *moody) Shutdown(ctx context.Context) error {
	_ = m.ForceFlush(ctx)
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	m.closed = true
	return nil
}
