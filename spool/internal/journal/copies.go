package journal

// maxCopies bounds the copies of frames that are not on the disk yet, in bytes,
// but for a batch of each Append: then Append waits for a sync. The goroutine
// that syncs is woken at half of it, whatever the interval: syncs of less cost
// more than they do for the disk, and it must come before Append has to wait.
const maxCopies = 32 << 20

// copySize is that of a piece of this memory.
const copySize = 256 << 10

// copies are the frames from [Journal.durable] on, in order: a sync that fails
// may have lost them everywhere else. Journal.mu is held.
type copies struct {
	pieces []*piece
	spare  []*piece
	bytes  int
}

// piece holds batches' frames as they stand in one segment.
type piece struct {
	seg    *segment
	frames []byte
	full   bool // a sync is to release it: nothing is added
}

// add copies the frames of a batch that were written to seg.
func (c *copies) add(seg *segment, frames []byte) {
	c.bytes += len(frames)
	if n := len(c.pieces); n > 0 {
		if p := c.pieces[n-1]; p.seg == seg && !p.full && len(frames) <= cap(p.frames)-len(p.frames) {
			p.frames = append(p.frames, frames...)
			return
		}
	}
	p := c.piece(len(frames))
	p.seg, p.frames = seg, append(p.frames, frames...)
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

// cut returns how many pieces seg's frames take, if they are the first ones.
// What is added from now on goes to others.
func (c *copies) cut(seg *segment) int {
	n := 0
	for n < len(c.pieces) && c.pieces[n].seg == seg {
		c.pieces[n].full = true
		n++
	}
	return n
}

// release drops the first n pieces. Of their memory it keeps what the next sync
// and the one after it need, if they are like this one.
func (c *copies) release(n int) {
	for i, p := range c.pieces[:n] {
		c.bytes -= len(p.frames)
		if cap(p.frames) == copySize && len(c.spare) < 2*n {
			*p = piece{frames: p.frames[:0]}
			c.spare = append(c.spare, p)
		}
		c.pieces[i] = nil
	}
	if keep := max(2*n, 1); len(c.spare) > keep {
		clear(c.spare[keep:])
		c.spare = c.spare[:keep]
	}
	left := copy(c.pieces, c.pieces[n:])
	clear(c.pieces[left:])
	c.pieces = c.pieces[:left]
}
