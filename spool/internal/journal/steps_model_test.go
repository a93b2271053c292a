package journal

import (
	"errors"
	"io/fs"
	"slices"
	"testing/synctest"
	"time"
)

func (w *play) create(a *actor) *holding {
	j, err := Create(w.options(a))
	if err != nil {
		if !w.faulty && a.alive() {
			w.fatalf("Create: %v", err)
		}
		w.log("create: %v", err)
		return nil
	}
	q := &modelQueue{id: j.ID(), disturbed: w.faulty, faulted: w.faulty}
	w.queues = append(w.queues, q)
	h := &holding{j: j, q: q, owned: true, exact: true}
	q.holder = h
	a.holds = append(a.holds, h)
	w.log("create %s", q.id)
	return h
}

func (w *play) append(a *actor, h *holding) {
	var b Batch
	var recs []*modelRecord
	for range 1 + w.rnd.IntN(20) {
		r := &modelRecord{
			n: uint64(len(w.records)), size: 20 + w.rnd.IntN(300), severity: uint8(1 + w.rnd.IntN(24)),
			ownUID: w.rnd.IntN(4) == 0, origin: w.origins[w.rnd.IntN(len(w.origins))],
		}
		if w.rnd.IntN(100) == 0 {
			r.size = w.rnd.IntN(int(2 * w.size))
		}
		w.records = append(w.records, r)
		recs = append(recs, r)
		if err := b.Add(r.origin, r.severity, r.ownUID, func(dst []byte) []byte { return append(dst, body(r.n, r.size)...) }); err != nil {
			w.fatalf("Add: %v", err)
		}
	}
	first, err := h.j.Append(&b)
	w.log("append %d to %s: number %d, %v", len(recs), h.q.id, first, err)
	switch {
	case errors.Is(err, ErrTaken):
		w.release(a, h)
		return
	case err != nil && !w.faulty && a.alive():
		w.fatalf("Append: %v", err)
	case err != nil, !a.alive():
		// They may be there, and vanish again in a power cut.
		h.q.faulted = true
		return
	}
	if n := len(h.q.recs); n > 0 && first <= h.q.recs[n-1].seq {
		w.fatalf("number %d was given twice", first)
	}
	// What an earlier sync has lost was written anew before.
	if h.errors = h.j.Stats().SyncErrors; w.mode != Never {
		h.q.each(func(r *modelRecord) { r.synced, r.volatile = r.synced || r.volatile, false })
	}
	for i, r := range recs {
		r.q, r.seq, r.appended, r.synced = h.q, first+uint64(i), true, w.mode == Always
		h.q.recs = append(h.q.recs, r)
	}
}

func (w *play) read(a *actor, h *holding) {
	items, err := h.j.Reader().Next(1+w.rnd.IntN(100), 1+w.rnd.IntN(1<<14))
	w.log("read %d from %s: %v", len(items), h.q.id, err)
	if err != nil {
		w.failed(a, h, err)
		return
	}
	if !a.alive() {
		return
	}
	for i := range items {
		w.taken(h, &items[i])
	}
	if len(items) == 0 && !h.owned && h.j.Stats().Waiting == 0 {
		w.drained(h)
	}
	switch n := w.rnd.IntN(10); {
	case n < 6 && len(h.handed) > 0:
		w.ack(a, h, h.handed[w.rnd.IntN(len(h.handed))].seq)
	case n < 8 && len(h.handed) > 0:
		w.ack(a, h, h.last)
	case n == 8:
		w.log("rewind %s", h.q.id)
		h.j.Reader().Rewind()
		if len(h.handed) > 0 {
			h.last, h.handed = h.handed[0].seq-1, nil
		}
	}
}

func (w *play) ack(a *actor, h *holding, seq uint64) {
	err := h.j.Ack(seq)
	w.log("ack %d of %s: %v", seq, h.q.id, err)
	n := 0
	for n < len(h.handed) && h.handed[n].seq <= seq {
		r := h.handed[n]
		r.settled, r.stored = true, err == nil && a.alive()
		n++
	}
	h.handed = slices.Delete(h.handed, 0, n)
	h.settled += uint64(n)
	if err != nil {
		w.failed(a, h, err)
	}
}

// failed checks that there was a reason for an error.
func (w *play) failed(a *actor, h *holding, err error) {
	if !w.faulty && a.alive() && !errors.Is(err, ErrTaken) {
		w.fatalf("queue %s: %v", h.q.id, err)
	}
	if errors.Is(err, ErrTaken) {
		w.release(a, h)
	}
}

// release closes a queue that is not ours any more.
func (w *play) release(a *actor, h *holding) {
	_ = h.j.Close()
	h.released()
	a.holds = slices.DeleteFunc(a.holds, func(o *holding) bool { return o == h })
}

func (w *play) evict(a *actor, h *holding) {
	keep := []uint8{5, 17, EvictAll}[w.rnd.IntN(3)]
	h.q.keep = max(h.q.keep, keep)
	n, _, err := h.j.Evict(keep)
	w.log("evict below %d from %s: %d, %v", keep, h.q.id, n, err)
	h.q.evicted += uint64(n)
	h.evicted += uint64(n)
	h.q.unsure = h.q.unsure || !a.alive()
	if err != nil {
		w.failed(a, h, err)
	}
}

func (w *play) syncNow(a *actor, h *holding) {
	err := h.j.Sync()
	w.log("sync %s: %v", h.q.id, err)
	switch {
	case err != nil:
		w.failed(a, h, err)
	case a.alive() && w.mode != Never:
		h.errors = h.j.Stats().SyncErrors
		h.q.synced()
	}
}

// sleep lets syncs in the background happen, also those that failed.
func (w *play) sleep() {
	w.log("sleep")
	time.Sleep(3 * time.Second)
	synctest.Wait()
	if w.faulty || w.mode == Never {
		return
	}
	for _, a := range w.actors {
		for _, h := range a.holds {
			if h.owned && a.alive() && !errors.Is(h.j.usable(), ErrTaken) {
				h.errors = h.j.Stats().SyncErrors
				h.q.synced()
			}
		}
	}
}

func (w *play) close(a *actor, h *holding) {
	s := h.j.Stats()
	err := h.j.Close()
	w.log("close %s with %d waiting: %v", h.q.id, s.Waiting, err)
	if err != nil {
		w.failed(a, h, err)
	}
	a.holds = slices.DeleteFunc(a.holds, func(o *holding) bool { return o == h })
	if err == nil && a.alive() {
		if w.mode != Never {
			h.q.synced()
		}
		if !w.faulty && s.Waiting == 0 && w.exists(queueDir(h.j.id)) {
			w.fatalf("the empty queue %s is still there", h.q.id)
		}
	}
	h.released()
}

func (w *play) exists(dir string) bool {
	p := w.d.Process()
	defer p.Kill()
	_, err := p.ReadDir(dir)
	return !errors.Is(err, fs.ErrNotExist)
}

// adopt opens a queue that nobody holds, as it should be.
func (w *play) adopt(a *actor, q *modelQueue) {
	j, err := Open(w.options(a), q.id)
	w.log("open %s: %v", q.id, err)
	if q.holder != nil && err == nil && !q.holder.j.detached.Load() {
		w.fatalf("queue %s was opened twice", q.id)
	}
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist):
		return // it was empty; or what is missing shows at the end
	case errors.Is(err, ErrLocked) && q.holder != nil, w.faulty, !a.alive():
		return
	default:
		w.fatalf("queue %s cannot be opened: %v", q.id, err)
	}
	if !a.alive() {
		_ = j.Close()
		return
	}
	if q.holder != nil {
		q.disturbed = true
		q.holder.released() // its owner will see
	}
	if w.mode != Never && !w.faulty && !q.faulted {
		q.each(func(r *modelRecord) { r.synced, r.volatile = true, false })
	}
	h := &holding{j: j, q: q, waiting: j.Stats().Waiting}
	q.holder = h
	a.holds = append(a.holds, h)
}

// adoptAll opens every queue there is, also those that somebody has died making.
func (w *play) adoptAll(a *actor) {
	ids, err := List(a.p)
	if err != nil {
		w.fatalf("List: %v", err)
	}
	for _, id := range ids {
		if !slices.ContainsFunc(w.queues, func(q *modelQueue) bool { return q.id == id }) {
			w.queues = append(w.queues, &modelQueue{id: id})
		}
	}
	for _, q := range w.queues {
		w.adopt(a, q)
	}
}

// drain empties an adopted queue, for good.
func (w *play) drain(a *actor, h *holding) {
	for {
		items, err := h.j.Reader().Next(50, 1<<14)
		if err != nil {
			w.fatalf("queue %s: %v", h.q.id, err)
		}
		if len(items) == 0 {
			break
		}
		for i := range items {
			w.taken(h, &items[i])
		}
		w.ack(a, h, h.last)
	}
	w.log("drained %s", h.q.id)
	w.drained(h)
	w.close(a, h)
}
