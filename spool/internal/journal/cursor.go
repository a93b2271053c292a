package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"sync/atomic"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

const (
	cursorName  = "cursor"
	cursorMagic = "sluiceQC"
	// A slot is overwritten while the other, a page away, stays as it is.
	slotSize     = 64
	slotDistance = 4096
)

// position is what the cursor file says.
type position struct {
	counter uint64 // the slot with the higher one counts
	acked   uint64 // every record before it is settled
	next    uint64 // what the next record would have been called at that time
}

func putSlot(p *[slotSize]byte, queue uint64, c position) {
	*p = [slotSize]byte{}
	copy(p[:], cursorMagic)
	binary.LittleEndian.PutUint16(p[8:], Version)
	binary.LittleEndian.PutUint64(p[12:], queue)
	binary.LittleEndian.PutUint64(p[20:], c.counter)
	binary.LittleEndian.PutUint64(p[28:], c.acked)
	binary.LittleEndian.PutUint64(p[36:], c.next)
	binary.LittleEndian.PutUint32(p[60:], crc32.Checksum(p[:60], castagnoli))
}

func parseSlot(p []byte, queue uint64) (position, error) {
	if len(p) < slotSize || string(p[:8]) != cursorMagic ||
		crc32.Checksum(p[:60], castagnoli) != binary.LittleEndian.Uint32(p[60:]) {
		return position{}, errDamaged
	}
	if binary.LittleEndian.Uint16(p[8:]) != Version {
		return position{}, ErrVersion
	}
	c := position{
		counter: binary.LittleEndian.Uint64(p[20:]),
		acked:   binary.LittleEndian.Uint64(p[28:]),
		next:    binary.LittleEndian.Uint64(p[36:]),
	}
	if binary.LittleEndian.Uint64(p[12:]) != queue || c.acked > c.next || max(c.next, c.counter) >= maxSeq {
		return position{}, errDamaged
	}
	return c, nil
}

// readCursor returns the newer of the slots that are whole; the zero position
// and errDamaged when none is.
func readCursor(fsys disk.FS, dir string, queue uint64) (position, error) {
	f, err := fsys.Open(dir + "/" + cursorName)
	if errors.Is(err, fs.ErrNotExist) {
		return position{}, nil
	}
	if err != nil {
		return position{}, err
	}
	defer func() { _ = f.Close() }() // which was only read
	var newest position
	found := false
	for _, at := range []int64{0, slotDistance} {
		var p [slotSize]byte
		if _, err := f.ReadAt(p[:], at); err != nil {
			if errors.Is(err, io.EOF) {
				continue
			}
			return position{}, err
		}
		switch c, err := parseSlot(p[:], queue); {
		case errors.Is(err, ErrVersion):
			return position{}, err
		case err == nil && (!found || c.counter > newest.counter):
			newest, found = c, true
		}
	}
	if !found {
		return position{}, errDamaged
	}
	return newest, nil
}

// cursorFile is the cursor of a queue that we own. The file is made when it is
// first written: what an earlier process has left, damaged perhaps, is replaced
// in one step.
type cursorFile struct {
	fs      disk.FS
	dir     string
	queue   uint64
	durable bool // the queue is ever synced
	file    disk.File
	at      int64         // of the slot to write: never the one that was synced last
	counter atomic.Uint64 // of the last write
	slot    [slotSize]byte
}

// write stores the position; sync makes it last, if the queue is ever synced.
func (c *cursorFile) write(acked, next uint64, sync bool) error {
	n := c.counter.Add(1)
	putSlot(&c.slot, c.queue, position{n, acked, next})
	if c.file == nil {
		return c.create()
	}
	_, err := c.file.WriteAt(c.slot[:], c.at)
	if err == nil && sync && c.durable {
		err = c.file.Sync()
	}
	if err != nil {
		return errors.Join(err, c.close()) // the next write makes a new file
	}
	if sync || !c.durable {
		c.at = slotDistance - c.at
	}
	return nil
}

func (c *cursorFile) create() error {
	temp, name := c.dir+"/"+cursorName+tempSuffix, c.dir+"/"+cursorName
	f, err := createAnew(c.fs, temp)
	if err != nil {
		return err
	}
	// Both slots: a disk that is full later has room for them.
	for at := int64(0); at <= slotDistance && err == nil; at += slotDistance {
		_, err = f.WriteAt(c.slot[:], at)
	}
	if err == nil && c.durable {
		err = f.Sync()
	}
	if err == nil {
		err = c.fs.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	c.file = f
	if c.durable {
		if err := c.fs.SyncDir(c.dir); err != nil {
			return errors.Join(err, c.close())
		}
	}
	return nil
}

func (c *cursorFile) close() error {
	if c.file == nil {
		return nil
	}
	f := c.file
	c.file = nil
	return f.Close()
}

// createAnew makes a file in place of one that was left half made.
func createAnew(fsys disk.FS, name string) (disk.File, error) {
	f, err := fsys.Create(name)
	if errors.Is(err, fs.ErrExist) {
		if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		f, err = fsys.Create(name)
	}
	return f, err
}
