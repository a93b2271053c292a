package journal

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

// world is the simple model that [TestModel] holds queues against: which
// records were put in, and what may have become of them.
type world struct {
	t       testing.TB
	d       *disktest.Disk
	mode    Sync
	records []*modelRecord
	queues  []*modelQueue
	origins []*encode.OTLPOrigin

	mu      sync.Mutex
	history []string
}

// modelRecord is a record that somebody tried to append.
type modelRecord struct {
	n        uint64
	size     int
	severity uint8
	ownUID   bool
	origin   *encode.OTLPOrigin
	// q and seq are where it is: known when Append has said so, or once it was
	// read.
	q   *modelQueue
	seq uint64
	// appended says that Append has returned no error.
	appended bool
	// synced says that a power cut must leave it.
	synced bool
	// volatile says that it may be in memory only: a sync has failed.
	volatile bool
	// mayVanish says that it was not on the disk when that forgot.
	mayVanish bool
	// settled says that Ack was called for it, stored that this was written.
	settled, stored bool
	got             bool
}

func (r *modelRecord) String() string {
	where := "no queue"
	if r.q != nil {
		where = r.q.id
	}
	return fmt.Sprintf("record %d (%s, number %d; appended %t, synced %t, settled %t)", r.n, where, r.seq, r.appended, r.synced, r.settled)
}

type modelQueue struct {
	id   string
	recs []*modelRecord // appended, in order
	// keep is the highest argument that Evict was called with, evicted what its
	// calls returned; unsure says that one was interrupted.
	keep    uint8
	evicted uint64
	unsure  bool
	// disturbed says that settled records may come again: the disk failed, or
	// lost its power.
	disturbed bool
	// faulted says that the disk failed, and not only its power, or that an
	// Append did.
	faulted bool
	holder  *holding
}

// holding is a queue that a process has open.
type holding struct {
	j     *Journal
	q     *modelQueue
	owned bool
	// waiting is how many records it had when it was opened, damaged how many
	// may be damaged; exact says none.
	waiting uint64
	exact   bool
	last    uint64 // handed out last
	handed  []*modelRecord
	settled uint64
	evicted uint64
	errors  uint64 // failed syncs that were noticed
}

func (w *world) fatalf(format string, args ...any) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	last := 40
	if os.Getenv("SLUICE_SEED") != "" {
		last = len(w.history)
	}
	w.t.Logf("history:\n%s", strings.Join(w.history[max(0, len(w.history)-last):], "\n"))
	w.t.Fatalf(format, args...)
}

func (w *world) log(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.history = append(w.history, fmt.Sprintf(format, args...))
}

// taken checks an item that a queue has handed out.
func (w *world) taken(h *holding, it *Item) {
	w.t.Helper()
	var n uint64
	if _, err := fmt.Sscanf(string(it.Log[:min(40, len(it.Log))]), "record %d ", &n); err != nil || n >= uint64(len(w.records)) {
		w.fatalf("queue %s handed out %.60q, which nobody has appended", h.q.id, it.Log)
	}
	r := w.records[n]
	switch {
	case string(it.Log) != string(body(n, r.size)), it.Severity != r.severity, it.OwnUID != r.ownUID:
		w.fatalf("%v came as %+v", r, it)
	case r.q != nil && (r.q != h.q || r.seq != it.Seq):
		w.fatalf("%v came out of queue %s under number %d", r, h.q.id, it.Seq)
	case h.owned && !r.appended:
		w.fatalf("%v came though Append has failed", r)
	case it.Seq <= h.last:
		w.fatalf("%v came after number %d", r, h.last)
	case h.owned && r.settled:
		w.fatalf("%v came again though it is settled", r)
	case r.stored && !h.q.disturbed:
		w.fatalf("%v came again though that it is settled was written", r)
	case it.Origin == nil && r.origin != nil && h.exact:
		w.fatalf("%v came without its origin", r)
	case it.Origin != nil && (r.origin == nil || string(it.Origin.Resource) != string(r.origin.Resource) || string(it.Origin.Scope) != string(r.origin.Scope)):
		w.fatalf("%v came with the origin %v", r, it.Origin)
	}
	if h.exact {
		for _, skipped := range h.q.recs {
			if skipped.seq > h.last && skipped.seq < it.Seq && !skipped.settled && skipped.severity >= h.q.keep {
				w.fatalf("%v was passed over", skipped)
			}
		}
	}
	r.q, r.seq, r.got = h.q, it.Seq, true
	h.last = it.Seq
	h.handed = append(h.handed, r)
}

// balance checks an open queue's books.
func (w *world) balance(h *holding) {
	w.t.Helper()
	s := h.j.Stats()
	if s.SyncErrors > h.errors {
		h.errors = s.SyncErrors
		h.q.volatile()
	}
	if !h.exact {
		return
	}
	if s.Damaged != 0 || s.OriginsLost != 0 {
		w.fatalf("queue %s counts damage where there is none: %+v", h.q.id, s)
	}
	if want := uint64(len(h.q.recs)) - h.settled - h.evicted; h.owned && s.Waiting != want {
		w.fatalf("queue %s: %d records wait, want %d: %+v", h.q.id, s.Waiting, want, s)
	}
}

// drained checks the books of an adopted queue that has nothing left.
func (w *world) drained(h *holding) {
	w.t.Helper()
	s := h.j.Stats()
	if got := h.settled + s.Damaged + h.evicted; s.Waiting != 0 || got != h.waiting {
		w.fatalf("queue %s: %d records settled, damaged or evicted, %d waited when it was opened: %+v", h.q.id, got, h.waiting, s)
	}
	if s.Damaged > 0 && w.mode == Always && !h.q.faulted {
		w.fatalf("queue %s counts damage where power cuts leave none: %+v", h.q.id, s)
	}
}

func (q *modelQueue) each(do func(*modelRecord)) {
	for _, r := range q.recs {
		do(r)
	}
}

// volatile: what is not synced may not be in the file any more.
func (q *modelQueue) volatile() {
	q.each(func(r *modelRecord) { r.volatile = !r.synced })
}

// synced: its process has synced it. What an ended one has left stays as it is.
func (q *modelQueue) synced() {
	if q.holder == nil || !q.holder.owned {
		return
	}
	q.each(func(r *modelRecord) { r.synced, r.volatile = true, false })
}

// released: a process is done with the queue, or was killed.
func (h *holding) released() {
	q := h.q
	if h.j.Stats().SyncErrors > h.errors {
		q.volatile()
	}
	if q.holder == h {
		q.holder = nil
	}
	q.each(func(r *modelRecord) { r.mayVanish = r.mayVanish || r.volatile })
}

// forgotten: the disk has lost what was not synced.
func (w *world) forgotten() {
	for _, q := range w.queues {
		q.disturbed = true
		q.each(func(r *modelRecord) {
			if r.volatile = !r.synced; w.mode == Never || q.holder == nil || !q.holder.owned {
				r.mayVanish = r.mayVanish || r.volatile
			}
		})
	}
}

// account checks at the end that nothing was lost which had to be kept.
func (w *world) account() {
	w.t.Helper()
	for _, q := range w.queues {
		missing := uint64(0)
		for _, r := range q.recs {
			switch {
			case r.got || r.settled || r.mayVanish:
			case r.severity < q.keep:
				missing++
			default:
				w.fatalf("%v is lost", r)
			}
		}
		if missing > q.evicted && !q.unsure {
			w.fatalf("queue %s: %d records are missing, %d were evicted", q.id, missing, q.evicted)
		}
	}
}
