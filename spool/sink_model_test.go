package spool

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

// Whatever happens to processes, disks and destinations in whatever order: a
// record that Write has taken is delivered, or refused by the destination, or
// counted as dropped; in order, and not twice without reason.
func TestSpoolModel(t *testing.T) {
	seed, rounds := uint64(time.Now().UnixNano()), 25
	if os.Getenv("SLUICE_LONG") != "" {
		rounds = 5000
	}
	if s := os.Getenv("SLUICE_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SLUICE_SEED: %v", err)
		}
		rounds = 1
	}
	for i := range rounds {
		synctest.Test(t, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("SLUICE_SEED=%d", seed+uint64(i))
				}
			}()
			newSpoolPlay(t, seed+uint64(i)).run()
		})
		if t.Failed() {
			return
		}
	}
}

// spoolPlay is one round.
type spoolPlay struct {
	t      testing.TB
	rnd    *rand.Rand
	d      *disktest.Disk
	cfg    Config
	holds  bool // the destination is a Holder
	faults bool // the disk fails now and then
	cuts   bool // power cuts
	faulty bool // at present
	actors []*modelProcess
	series int

	mu      sync.Mutex
	sinkRnd *rand.Rand
	recs    map[string]*modelRecord
	byUID   map[string]string
	last    map[string]string // by series, the last id that came for the first time
	mood    int               // how often the destination fails, in percent
	taken   bool              // a process may have lost its queue to another
	full    uint64            // dropped by policy
	history []string
}

// modelRecord is a record that was given to Write.
type modelRecord struct {
	acked, synced bool
	// mayVanish says that it was not yet synced at a power cut.
	mayVanish bool
	came      bool // was given to a destination
	delivered int
	refused   bool
	uid       string
}

// modelProcess is one that writes and delivers.
type modelProcess struct {
	p      *disktest.Process
	s      *Spool
	sink   *moody
	series string
	next   int
	since  int // records before it were written before the last sync
}

func newSpoolPlay(t testing.TB, seed uint64) *spoolPlay {
	rnd := rand.New(rand.NewPCG(seed, 0))
	w := &spoolPlay{
		t: t, rnd: rnd, d: disktest.New(seed), sinkRnd: rand.New(rand.NewPCG(seed, 2)),
		recs: make(map[string]*modelRecord), byUID: make(map[string]string), last: make(map[string]string),
		holds: rnd.IntN(4) == 0, faults: rnd.IntN(2) == 0, cuts: rnd.IntN(2) == 0,
		mood: []int{0, 10, 50, 100}[rnd.IntN(4)],
	}
	w.cfg = DefaultConfig()
	w.cfg.Directory = "model"
	w.cfg.Sync = []SyncPolicy{SyncAlways, SyncPolicy(50 * time.Millisecond), SyncNever}[rnd.IntN(3)]
	w.cfg.OnFull = OnFull(rnd.IntN(3))
	w.cfg.MaxSize = []exporters.Size{512 * exporters.KiB, 64 * exporters.MiB}[rnd.IntN(2)]
	w.log("sync %v, on_full %v, max_size %v, holder %t", w.cfg.Sync, w.cfg.OnFull, w.cfg.MaxSize, w.holds)
	for range 1 + rnd.IntN(2) {
		w.actors = append(w.actors, new(modelProcess))
	}
	return w
}

func (w *spoolPlay) log(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.history = append(w.history, fmt.Sprintf(format, args...))
}

func (w *spoolPlay) errorf(format string, args ...any) {
	w.t.Helper()
	if w.t.Failed() {
		return // the first is what counts
	}
	w.t.Logf("history:\n%s", strings.Join(w.history, "\n"))
	w.t.Errorf(format, args...)
}

func (w *spoolPlay) run() {
	for range 20 + w.rnd.IntN(100) {
		a := w.actors[w.rnd.IntN(len(w.actors))]
		w.act(a)
		synctest.Wait()
		w.look()
		if w.t.Failed() {
			break
		}
	}
	w.mend()
	w.setMood(0)
	for _, a := range w.actors {
		w.end(a)
	}
	if w.t.Failed() {
		return
	}
	last := new(modelProcess)
	w.actors = []*modelProcess{last}
	if w.start(last); last.s == nil {
		w.errorf("the last process does not start")
		return
	}
	if err := last.s.ForceFlush(context.Background()); err != nil {
		w.errorf("ForceFlush: %v", err)
	}
	w.look()
	w.end(last)
	for _, name := range w.d.Files() {
		if !strings.HasPrefix(name, deadLetterDir) {
			w.errorf("left behind: %s", name)
		}
	}
	w.account()
}

func (w *spoolPlay) setMood(percent int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mood = percent
}

func (w *spoolPlay) act(a *modelProcess) {
	if a.s == nil {
		w.start(a)
		if a.s == nil {
			return
		}
	}
	switch n := w.rnd.IntN(100); {
	case n < 55:
		w.write(a)
	case n < 65:
		d := []time.Duration{time.Millisecond, time.Second, time.Minute}[w.rnd.IntN(3)]
		w.log("sleep %v", d)
		time.Sleep(d)
		w.slept(d)
	case n < 72:
		w.flush(a)
	case n < 78:
		mood := []int{0, 10, 50, 100}[w.rnd.IntN(4)]
		w.log("mood %d", mood)
		w.setMood(mood)
	case n < 82:
		w.log("shutdown")
		w.end(a)
	case n < 85:
		w.kill(a)
	case n < 88:
		a.p.KillAfter(1 + w.rnd.IntN(40))
	case n < 90 && w.cuts:
		w.cut()
	case n < 93 && w.faults:
		w.fail()
	default:
		w.mend()
	}
}
