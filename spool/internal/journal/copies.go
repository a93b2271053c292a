package journal

// maxCopies bounds the copies of frames that are not synced, in bytes, but for a
// batch of each Append: then Append waits for a sync. The goroutine that syncs
// is woken at half of it, whatever the interval: syncs of less cost more than
// they do for the disk, and it must come before Append has to wait. What one
// sync has covered takes as much at most.
const maxCopies = 32 << 20

// copySize is that of a piece of this memory.
const copySize = 256 << 10

// copies are the last frames, in order: those that are not synced, for a sync
// that fails may have lost them everywhere else, and before them those that
// only the last sync has covered. ext4 that turns read-only during a sync may
// tell of success and keep nothing; that shows by what fails next.
// Journal.mu is held.
type copies struct {
	pieces  []*piece
	covered int // how many pieces the last sync was for
	bytes   int // of the others
	spare   []*piece
}

// piece holds batches' frames as they stand in one segment.
type piece struct {
	seg        *segment
	first, end uint64 // sequence numbers
	at         int64  // where in the segment they begin
	frames     []byte
	full       bool // a sync is for it: nothing is added
}

// add copies the frames of a batch with records from first to before end, which
// were written to seg at an offset.
func (c *copies) add(seg *segment, at int64, first, end uint64, frames []byte) {
	c.bytes += len(frames)
	if n := len(c.pieces); n > 0 {
		if p := c.pieces[n-1]; p.seg == seg && !p.full && len(frames) <= cap(p.frames)-len(p.frames) {
			p.frames, p.end = append(p.frames, frames...), end
			return
		}
	}
	p := c.piece(len(frames))
	p.seg, p.at, p.first, p.end, p.frames = seg, at, first, end, append(p.frames, frames...)
	c.pieces = append(c.pieces, p)
}

func (c *copies) piece(size int) *piece {
	n := len(c.spare)
	if n == 0 || size > copySize {
		return &piece{frames: make([]byte, 0, max(size, copySize))}
	}
	p := c.spare[n-1]
	c.spare[n-1] = nil
	c.spare = c.spare[:n-1]
	return p
}

// cut returns how many pieces a sync of seg is for. What is added from now on
// goes to others.
func (c *copies) cut(seg *segment) int {
	n := c.covered
	for n < len(c.pieces) && c.pieces[n].seg == seg {
		c.pieces[n].full = true
		n++
	}
	return n - c.covered
}

// synced notes a sync of the next n pieces: those of the sync before are not
// needed any more.
func (c *copies) synced(n int) {
	c.release(c.covered)
	c.covered = n
	for _, p := range c.pieces[:n] {
		c.bytes -= len(p.frames)
	}
}

// group returns the first pieces, as many as are of one segment.
func (c *copies) group() []*piece {
	n := 0
	for n < len(c.pieces) && c.pieces[n].seg == c.pieces[0].seg {
		c.pieces[n].full = true
		n++
	}
	return c.pieces[:n]
}

// forget drops what was covered up to the last piece of seg.
func (c *copies) forget(seg *segment) {
	for n := c.covered; n > 0; n-- {
		if c.pieces[n-1].seg == seg {
			c.release(n)
			return
		}
	}
}

// takeBack drops what is not synced.
func (c *copies) takeBack() {
	clear(c.pieces[c.covered:])
	c.pieces, c.bytes = c.pieces[:c.covered], 0
}

// release drops the first n pieces. Of their memory it keeps what the next sync
// and the one after it need, if they are like this one.
func (c *copies) release(n int) {
	for i, p := range c.pieces[:n] {
		if i >= c.covered {
			c.bytes -= len(p.frames)
		}
		if cap(p.frames) == copySize && len(c.spare) < 2*n {
			*p = piece{frames: p.frames[:0]}
			c.spare = append(c.spare, p)
		}
		c.pieces[i] = nil
	}
	c.covered -= min(n, c.covered)
	if keep := max(2*n, 1); len(c.spare) > keep {
		clear(c.spare[keep:])
		c.spare = c.spare[:keep]
	}
	left := copy(c.pieces, c.pieces[n:])
	clear(c.pieces[left:])
	c.pieces = c.pieces[:left]
}
