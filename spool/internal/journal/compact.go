package journal

import (
	"errors"
	"math"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// lostOrigin is a number that no origin of a segment has.
const lostOrigin = math.MaxUint32

// copier writes frames to a compacted segment. It makes the file when it has
// something to write: a disk that is full still has room for nothing.
type copier struct {
	fs      disk.FS
	name    string // of the segment
	file    disk.File
	seg     *segment
	buf     []byte
	at      int64
	origins originTable       // by number in the old segment
	numbers map[uint32]uint32 // in the new one, for those that are needed
}

func (c *copier) add(fr *found) error {
	origin := c.numbers[fr.origin]
	if o := c.origins.get(fr.origin); o != nil && origin == 0 {
		origin = uint32(len(c.numbers)) + 1
		c.numbers[fr.origin] = origin
		c.buf = appendOriginFrames(c.buf, c.seg.seed, fr.seq, origin, o)
	} else if o == nil && fr.origin != 0 {
		origin = lostOrigin // counted when it is read
	}
	at := len(c.buf)
	var blank [frameHeaderSize]byte
	c.buf = append(append(c.buf, blank[:]...), fr.payload...)
	putHeader(c.buf[at:], fr.header)
	stamp(c.buf[at:], c.seg.seed, fr.seq, origin)
	if len(c.buf) < chunk/4 {
		return nil
	}
	return c.flush()
}

func (c *copier) flush() (err error) {
	if c.file == nil {
		if c.file, err = createAnew(c.fs, c.name+tempSuffix); err != nil {
			return err
		}
	}
	_, err = c.file.WriteAt(c.buf, c.at)
	c.at += int64(len(c.buf))
	c.buf = c.buf[:0]
	return err
}

// finish puts the file in the place of the old one.
func (c *copier) finish(records uint32, sync bool) error {
	if err := c.flush(); err != nil {
		return err
	}
	c.seg.records, c.seg.written = records, c.at
	_, err := c.file.WriteAt(appendSegmentHeader(nil, c.seg.segmentHeader), 0)
	if err == nil && sync {
		err = c.file.Sync()
	}
	if err == nil {
		err = c.fs.Rename(c.name+tempSuffix, c.name)
	}
	if err != nil {
		return err
	}
	f := c.file
	c.file = nil
	_ = f.Close() // it was synced, if anything here is
	return nil
}

// giveUp removes a file that was not finished.
func (c *copier) giveUp() error {
	if c.file == nil {
		return nil
	}
	return errors.Join(c.file.Close(), c.fs.Remove(c.name+tempSuffix))
}
