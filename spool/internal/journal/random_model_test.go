package journal

import (
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

// Whatever happens to queues in whatever order, their records are handed out in
// their order, none that was never appended, none that is settled, and what is
// missing was evicted and counted, or not yet synced when the power failed.
func TestModel(t *testing.T) {
	seed, rounds := uint64(time.Now().UnixNano()), 120
	if os.Getenv("SLUICE_LONG") != "" {
		rounds = 20_000
	}
	if s := os.Getenv("SLUICE_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SLUICE_SEED: %v", err)
		}
		rounds = 1
	}
	for name, sync := range everySync {
		t.Run(name, func(t *testing.T) {
			for i := range rounds {
				synctest.Test(t, func(t *testing.T) {
					defer func() {
						if t.Failed() {
							t.Logf("SLUICE_SEED=%d go test -run %s", seed+uint64(i), t.Name())
						}
					}()
					newPlay(t, seed+uint64(i), sync).run()
				})
				if t.Failed() {
					return
				}
			}
		})
	}
}

// play is one round: random operations of some processes.
type play struct {
	world
	rnd    *rand.Rand
	actors []*actor
	faulty bool // something was made to fail and not yet mended
	size   int64
}

// actor is a process with a queue of its own, and those it has adopted.
type actor struct {
	p     *disktest.Process
	holds []*holding
}

const modelSync = Sync(10 * time.Millisecond)

func newPlay(t testing.TB, seed uint64, sync Sync) *play {
	if sync > 0 {
		sync = modelSync
	}
	w := &play{world: world{t: t, d: disktest.New(seed), mode: sync}, rnd: rand.New(rand.NewPCG(seed, 0))}
	w.size = []int64{1 << 10, 8 << 10, 64 << 10}[w.rnd.IntN(3)]
	w.origins = []*encode.OTLPOrigin{nil, origin("a"), origin("b"), origin("c")}
	for range 1 + w.rnd.IntN(2) {
		w.actors = append(w.actors, new(actor))
	}
	return w
}

func (w *play) options(a *actor) Options {
	return Options{FS: a.p, Sync: w.mode, SegmentSize: w.size, Report: func(err error) { w.log("reported: %v", err) }}
}

func (w *play) run() {
	w.t.Helper()
	defer func() {
		for _, a := range w.actors {
			for _, h := range a.holds {
				_ = h.j.Close()
			}
		}
	}()
	faults := w.rnd.IntN(3) > 0
	for range 30 + w.rnd.IntN(200) {
		a := w.actors[w.rnd.IntN(len(w.actors))]
		w.act(a, faults)
		w.burials()
	}
	w.mend()
	for _, a := range w.actors {
		if w.rnd.IntN(2) == 0 {
			w.kill(a)
		}
		for len(a.holds) > 0 {
			w.close(a, a.holds[0])
		}
	}
	last := new(actor)
	w.actors = []*actor{last}
	last.p = w.d.Process()
	w.adoptAll(last)
	for len(last.holds) > 0 {
		w.drain(last, last.holds[0])
	}
	if left := w.d.Files(); len(left) > 0 {
		w.fatalf("files are left: %q", left)
	}
	w.account()
}

func (w *play) act(a *actor, faults bool) {
	if a.p == nil {
		a.p = w.d.Process()
	}
	own := a.own()
	if own == nil {
		own = w.create(a)
	}
	var any *holding
	if len(a.holds) > 0 {
		any = a.holds[w.rnd.IntN(len(a.holds))]
	}
	switch n := w.rnd.IntN(100); {
	case n < 40 && own != nil:
		w.append(a, own)
	case n < 70 && any != nil:
		w.read(a, any)
	case n < 74 && any != nil:
		w.evict(a, any)
	case n < 79 && any != nil:
		w.syncNow(a, any)
	case n < 84:
		w.sleep()
	case n < 87 && any != nil:
		w.close(a, any)
	case n < 91 && len(w.queues) > 0:
		w.adopt(a, w.queues[w.rnd.IntN(len(w.queues))])
	case n < 92:
		w.kill(a)
	case n < 93:
		a.p.KillAfter(1 + w.rnd.IntN(30))
	case n < 94:
		w.powerCut()
	case n < 96 && faults:
		w.fail()
	default:
		w.mend()
	}
}

func (a *actor) own() *holding {
	for _, h := range a.holds {
		if h.owned {
			return h
		}
	}
	return nil
}

// alive reports whether a's process lives: what an operation has returned
// counts only then.
func (a *actor) alive() bool { return a.p != nil && !a.p.Dead() }

// burials forgets processes that have died.
func (w *play) burials() {
	for _, a := range w.actors {
		if a.p != nil && a.p.Dead() {
			w.log("a process is dead")
			w.bury(a)
		}
		for _, h := range a.holds {
			w.balance(h)
		}
	}
}

func (w *play) bury(a *actor) {
	for _, h := range a.holds {
		_ = h.j.Close() // ends its goroutine; the disk takes nothing from it
		h.released()
	}
	a.p, a.holds = nil, nil
}

func (w *play) kill(a *actor) {
	if a.p != nil {
		w.log("kill")
		a.p.Kill()
		w.burials()
	}
}

func (w *play) powerCut() {
	w.log("power cut")
	for _, a := range w.actors {
		for _, h := range a.holds {
			w.balance(h)
		}
	}
	w.d.Crash()
	w.forgotten()
	w.burials()
	for _, q := range w.queues {
		q.each(func(r *modelRecord) { r.mayVanish, r.synced = r.mayVanish || r.volatile, true })
	}
}

func (w *play) fail() {
	for _, q := range w.queues {
		q.disturbed, q.faulted = true, true
	}
	w.faulty = true
	ops := []disktest.Op{disktest.Open, disktest.Create, disktest.Read, disktest.Write, disktest.Truncate, disktest.Sync,
		disktest.Rename, disktest.Remove, disktest.Mkdir, disktest.ReadDir, disktest.SyncDir, disktest.Lock}
	switch w.rnd.IntN(8) {
	case 0:
		left := w.rnd.Int64N(20000)
		w.log("the disk has room for %d bytes", left)
		w.d.Fill(left)
	case 1:
		w.log("read-only")
		w.d.ReadOnly()
	case 2:
		w.log("dead disk")
		w.d.Dead()
	case 3:
		w.log("no descriptors")
		w.d.NoDescriptors()
	case 4:
		w.d.Fail(disktest.Sync, 1, syscall.EIO)
	default:
		op := ops[w.rnd.IntN(len(ops))]
		err := []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS}[w.rnd.IntN(3)]
		n := 1 + w.rnd.IntN(5)
		w.log("%v will fail in %d", op, n)
		w.d.Fail(op, n, err)
	}
}

func (w *play) mend() {
	if w.faulty && w.rnd.IntN(2) == 0 && w.d.Remount() {
		w.log("remounted")
		w.forgotten()
		for _, a := range w.actors {
			for _, h := range a.holds {
				h.exact = h.exact && w.mode != Never
			}
		}
	}
	w.d.Mend()
	w.faulty = false
}
