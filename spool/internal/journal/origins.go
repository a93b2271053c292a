package journal

import (
	"slices"

	"github.com/seed2f724858/sluice/encode"
)

// maxOrigins bounds the memory that a segment's origins may take, in bytes.
// Those of a segment of [DefaultSegmentSize] never do, however small they are.
const (
	maxOrigins     = 64 << 20
	originOverhead = 128
)

// originTable holds the origins of a segment by their numbers: the first ones,
// if somebody has made it with more than there is room for. The zero value is
// ready.
type originTable struct {
	byNumber map[uint32]*encode.OTLPOrigin
	bytes    int
}

// learn remembers an origin, apart from the window in which it was found.
func (t *originTable) learn(fr *found) {
	size := len(fr.payload) + originOverhead
	if t.byNumber[fr.origin] != nil || t.bytes+size > maxOrigins {
		return // the second copy, or too much
	}
	resource, scope, ok := splitOrigin(slices.Clone(fr.payload))
	if !ok {
		return
	}
	if t.byNumber == nil {
		t.byNumber = make(map[uint32]*encode.OTLPOrigin)
	}
	t.byNumber[fr.origin] = &encode.OTLPOrigin{Resource: resource, Scope: scope}
	t.bytes += size
}

// get returns nil for an origin that is lost.
func (t *originTable) get(number uint32) *encode.OTLPOrigin { return t.byNumber[number] }

// clear forgets all, and keeps no more memory than most segments need.
func (t *originTable) clear() {
	if len(t.byNumber) > 1<<10 {
		t.byNumber = nil
	}
	clear(t.byNumber)
	t.bytes = 0
}
