package processors

import (
	"math"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

// Severity lanes: eviction works on lanes, so that records of one severity
// range can be given up without searching among the others.
const (
	laneDebug = iota // below INFO
	laneInfo         // INFO, and records without severity
	laneWarn
	laneError // ERROR and above
	laneCount
)

func laneOf(s log.Severity) int {
	switch {
	case s >= log.SeverityError1:
		return laneError
	case s >= log.SeverityWarn1:
		return laneWarn
	case s >= log.SeverityInfo1 || s <= log.SeverityUndefined:
		return laneInfo
	}
	return laneDebug
}

// freeNodes bounds the memory (about 64 KiB each) kept for the next burst.
const freeNodes = 64

// queue holds records in lanes of chunks. It does no locking of its own: every
// method but release wants the owner's lock.
//
// Records leave in the order of their sequence numbers, whatever their lane.
type queue struct {
	lanes   [laneCount]lane
	records int   // waiting in lanes
	bytes   int64 // estimate for those
	seq     uint64
	free    []*node
}

type lane struct{ first, last *node }

// node is a chunk in a lane. Its records before head have left the lane; they
// may still be part of the batch in flight (pinned), and the chunk's memory is
// not reused until that batch is settled.
type node struct {
	chunk    *record.Chunk
	meta     []entry
	head     int
	next     *node
	pinned   bool
	detached bool // left its lane while pinned
}

type entry struct {
	seq  uint64
	size int
}

func (n *node) empty() bool { return n.head == len(n.meta) }

func (n *node) reset() {
	n.chunk.Reset()
	n.meta = n.meta[:0]
	n.head = 0
}

func (n *node) append(r *record.Record, e entry) bool {
	if !n.chunk.Append(r) {
		return false
	}
	n.meta = append(n.meta, e)
	return true
}

// push appends a copy of r to its lane.
func (q *queue) push(r *record.Record, size int) {
	q.seq++
	e := entry{q.seq, size}
	l := &q.lanes[laneOf(r.Severity)]
	if n := l.last; n != nil && n.empty() && !n.pinned {
		n.reset()
	}
	if l.last == nil || !l.last.append(r, e) {
		n := q.node()
		if l.last == nil {
			l.first = n
		} else {
			l.last.next = n
		}
		l.last = n
		if l.first.empty() && l.first != n {
			q.detach(l)
		}
		n.append(r, e)
	}
	q.records++
	q.bytes += int64(size)
}

func (q *queue) node() *node {
	if k := len(q.free); k > 0 {
		n := q.free[k-1]
		q.free[k-1] = nil
		q.free = q.free[:k-1]
		return n
	}
	return &node{chunk: record.NewChunk(), meta: make([]entry, 0, 128)}
}

// detach takes the lane's first node, which is empty, out of it.
func (q *queue) detach(l *lane) {
	n := l.first
	l.first = n.next
	n.next = nil
	if n.pinned {
		n.detached = true
		return
	}
	q.recycle(n)
}

func (q *queue) recycle(n *node) {
	if len(q.free) < freeNodes {
		n.reset()
		n.detached = false
		q.free = append(q.free, n)
	}
}

// advance moves the lane's head past k records.
func (q *queue) advance(l *lane, k int, bytes int64) {
	l.first.head += k
	q.records -= k
	q.bytes -= bytes
	if l.first.empty() && l.first != l.last {
		q.detach(l)
	}
}

// headSeq returns the sequence number of the lane's oldest record.
func (l *lane) headSeq() uint64 {
	if l.first == nil || l.first.empty() {
		return math.MaxUint64
	}
	return l.first.meta[l.first.head].seq
}

// oldest returns the lane with the lowest sequence number, that number, and
// the lowest one among the other lanes; MaxUint64 where there is none.
func (q *queue) oldest() (l *lane, seq, limit uint64) {
	seq, limit = math.MaxUint64, math.MaxUint64
	for i := range q.lanes {
		switch s := q.lanes[i].headSeq(); {
		case s < seq:
			l, seq, limit = &q.lanes[i], s, seq
		case s < limit:
			limit = s
		}
	}
	return l, seq, limit
}

// lowest returns the lowest sequence number that waits, MaxUint64 if none.
func (q *queue) lowest() uint64 {
	_, seq, _ := q.oldest()
	return seq
}

// evictOldest gives up the oldest record.
func (q *queue) evictOldest() bool {
	l, _, _ := q.oldest()
	if l == nil {
		return false
	}
	q.evict(l)
	return true
}

// evictLowest gives up the oldest record of the lowest lane that is not above
// the given severity's.
func (q *queue) evictLowest(s log.Severity) bool {
	for i := range laneOf(s) + 1 {
		if l := &q.lanes[i]; l.headSeq() != math.MaxUint64 {
			q.evict(l)
			return true
		}
	}
	return false
}

func (q *queue) evict(l *lane) {
	n := l.first
	record.Release(n.chunk.Records(n.head, n.head+1))
	q.advance(l, 1, int64(n.meta[n.head].size))
}

// taken is a run of a node's records that a batch holds.
type taken struct {
	node *node
	recs []record.Record
}

// take moves up to most of the oldest records out of their lanes and appends to
// runs where they are, in order. It copies nothing: whoever takes reads them
// without the lock.
func (q *queue) take(most int, runs []taken) (_ []taken, n int, bytes int64) {
	for n < most {
		l, _, limit := q.oldest()
		if l == nil {
			break
		}
		nd := l.first
		from, to := nd.head, nd.head
		var size int64
		for to < len(nd.meta) && to-from < most-n && nd.meta[to].seq < limit {
			size += int64(nd.meta[to].size)
			to++
		}
		n += to - from
		bytes += size
		runs = append(runs, taken{nd, nd.chunk.Records(from, to)})
		nd.pinned = true
		q.advance(l, to-from, size)
	}
	return runs, n, bytes
}

// release lets go of what a batch's records refer to. It needs no lock: nobody
// else touches records that were taken.
func release(runs []taken) {
	for _, t := range runs {
		record.Release(t.recs)
	}
}

// unpin gives the memory of a released batch back to the queue.
func (q *queue) unpin(runs []taken) {
	for _, t := range runs {
		if !t.node.pinned {
			continue
		}
		t.node.pinned = false
		if t.node.detached {
			q.recycle(t.node)
		}
	}
}
