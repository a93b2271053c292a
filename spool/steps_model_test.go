package spool

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

func (w *spoolPlay) start(a *modelProcess) {
	a.p = w.d.Process()
	a.sink = &moody{w: w, p: a.p, came: make(map[string]bool)}
	var sink exporters.Sink = sinkOnly{a.sink}
	if w.holds {
		sink = holdingSink{a.sink}
	}
	s, err := open(sink, w.cfg, a.p)
	w.log("start %q: %v", a.series, err)
	if err != nil {
		if !w.faulty {
			w.errorf("open: %v", err)
		}
		return
	}
	a.s, a.next, a.since = s, 0, 0
	a.series = "m" + string([]byte{'a' + byte(w.series/26%26), 'a' + byte(w.series%26)})
	w.series++
	s.Notify(func(err error) {
		if err != nil {
			w.log("told %.200s", err)
		}
	})
}

func (w *spoolPlay) write(a *modelProcess) {
	recs := sinktest.Records(a.series, a.next, 1+w.rnd.IntN(60))
	w.mu.Lock()
	for i := range recs {
		id := sinktest.ID(a.series, a.next+i)
		recs[i].Attributes = append(recs[i].Attributes, attribute.String("number", id), attribute.String("filler", strings.Repeat("x", w.rnd.IntN(2000))))
		if w.rnd.IntN(10) == 0 {
			recs[i].Severity = log.SeverityError
		}
		w.recs[id] = new(modelRecord)
	}
	w.mu.Unlock()
	n, err := a.s.Write(context.Background(), recs)
	w.log("write %d from %s: %d, %v", len(recs), sinktest.ID(a.series, a.next), n, err)
	full := w.cfg.OnFull == Block && errors.Is(err, errFull)
	if err != nil && !w.faulty && !a.p.Dead() && !full {
		w.errorf("Write: %v", err)
	}
	if !a.p.Dead() {
		w.mu.Lock()
		for i := range n {
			r := w.recs[sinktest.ID(a.series, a.next+i)]
			r.acked, r.synced = true, w.cfg.Sync == SyncAlways
		}
		w.mu.Unlock()
	}
	a.next += len(recs) // what was not taken is not tried again
}

// slept: what was written so long ago is synced, unless the disk fails.
func (w *spoolPlay) slept(d time.Duration) {
	if d > time.Duration(w.cfg.Sync)+3*time.Second && w.cfg.Sync > 0 && !w.faulty {
		for _, a := range w.actors {
			if a.s != nil && !a.p.Dead() {
				w.synced(a)
			}
		}
	}
}

func (w *spoolPlay) synced(a *modelProcess) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range a.next {
		w.recs[sinktest.ID(a.series, i)].synced = true
	}
}

func (w *spoolPlay) flush(a *modelProcess) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := a.s.ForceFlush(ctx)
	w.log("flush: %v", err)
	if err == nil && !a.p.Dead() && w.cfg.Sync != SyncNever {
		w.synced(a)
	}
}

// look checks the books, and buries who has died.
func (w *spoolPlay) look() {
	for _, a := range w.actors {
		if a.s == nil {
			continue
		}
		st := a.s.Spooled()
		gone := st.Delivered + st.Waiting
		for _, n := range st.Dropped {
			gone += n
		}
		if all := st.Accepted + st.Recovered + st.Noticed; all != gone {
			w.errorf("the books do not balance: %d came in, %d are told of: %+v", all, gone, st)
		}
		if n := st.Dropped[causeDamaged]; n > 0 && !w.cuts && !w.faults {
			w.errorf("%d damaged records where nothing is damaged", n)
		}
		if a.p.Dead() {
			w.bury(a)
		}
	}
}

func (w *spoolPlay) bury(a *modelProcess) {
	w.log("%s is dead", a.series)
	st := a.s.Spooled()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = a.s.Shutdown(ctx) // ends its goroutines
	w.mu.Lock()
	defer w.mu.Unlock()
	w.full += st.Dropped[causeFull]
	if w.faulty || w.faults {
		// A sync may have failed shortly before.
		w.vanish(a)
	}
	a.s = nil
}

func (w *spoolPlay) vanish(a *modelProcess) {
	for i := range a.next {
		r := w.recs[sinktest.ID(a.series, i)]
		r.mayVanish = r.mayVanish || !r.synced
	}
}

func (w *spoolPlay) kill(a *modelProcess) {
	w.log("kill %s", a.series)
	a.p.Kill()
	w.look()
}

func (w *spoolPlay) cut() {
	w.log("power cut")
	w.d.Crash()
	w.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.recs {
		r.mayVanish = r.mayVanish || !r.synced
		r.synced = true
	}
}

func (w *spoolPlay) fail() {
	w.faulty = true
	w.taken = w.taken || len(w.actors) > 1
	switch w.rnd.IntN(6) {
	case 0:
		w.log("full disk")
		w.d.Fill(w.rnd.Int64N(100_000))
	case 1:
		w.log("read-only")
		w.d.ReadOnly()
	case 2:
		w.log("dead disk")
		w.d.Dead()
	case 3:
		w.log("no descriptors")
		w.d.NoDescriptors()
	default:
		op := disktest.Op(w.rnd.IntN(int(disktest.Lock) + 1))
		w.log("%v will fail", op)
		w.d.Fail(op, 1+w.rnd.IntN(3), syscall.EIO)
	}
}

func (w *spoolPlay) mend() {
	if w.faulty && w.rnd.IntN(2) == 0 && w.d.Remount() {
		w.log("remounted")
		w.mu.Lock()
		for _, r := range w.recs {
			// Living processes have in memory what they have to sync.
			r.mayVanish = r.mayVanish || !r.synced
		}
		w.mu.Unlock()
	}
	w.d.Mend()
	w.faulty = false
}

// end shuts a process down.
func (w *spoolPlay) end(a *modelProcess) {
	if a.s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := a.s.Shutdown(ctx)
	w.log("end %s: %v", a.series, err)
	if a.p.Dead() {
		w.bury(a)
		return
	}
	if err != nil && !w.faulty {
		w.errorf("Shutdown: %v", err)
	}
	if err == nil && w.cfg.Sync != SyncNever {
		w.synced(a)
	}
	w.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.full += a.s.Spooled().Dropped[causeFull]
	if err != nil {
		w.vanish(a)
	}
	a.p.Kill()
	a.s = nil
}

func (w *spoolPlay) account() {
	w.mu.Lock()
	defer w.mu.Unlock()
	var missing []string
	for id, r := range w.recs {
		if r.acked && r.delivered == 0 && !r.refused && !r.mayVanish {
			missing = append(missing, id)
		}
	}
	if uint64(len(missing)) > w.full {
		slices.Sort(missing)
		w.errorf("%d records are lost, %d were dropped by policy: %q", len(missing), w.full, missing)
	}
}
