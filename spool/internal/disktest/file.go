package disktest

import (
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"syscall"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// file is an open file, or a lock on one.
type file struct {
	p      *Process
	n      *node
	name   string
	writes bool
	closed bool
}

var _ disk.File = (*file)(nil)

func (p *Process) handle(n *node, name string, writes bool) *file {
	f := &file{p: p, n: n, name: name, writes: writes}
	if p.dead {
		f.closed = true // nobody will ever see it
		return f
	}
	p.files = append(p.files, f)
	p.d.open++
	return f
}

// drop closes the file without a word.
func (f *file) drop() {
	if f.closed {
		return
	}
	f.closed = true
	f.p.d.open--
	f.p.files = slices.DeleteFunc(f.p.files, func(g *file) bool { return f == g })
	if f.n.lock == f.p {
		f.n.lock = nil
	}
}

// step begins an operation on the file.
func (f *file) step(op Op) (last bool, err error) {
	if f.closed && !f.p.dead {
		return false, pathError(op, f.name, fs.ErrClosed)
	}
	return f.p.step(op, f.name)
}

// ReadAt implements [io.ReaderAt].
func (f *file) ReadAt(b []byte, off int64) (int, error) {
	f.p.d.mu.Lock()
	defer f.p.d.mu.Unlock()
	if _, err := f.step(Read); err != nil {
		return 0, err
	}
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// page is what the kernel copies at once.
const page = 4096

// WriteAt implements [io.WriterAt]. A full disk takes a part, as does a process
// that dies.
func (f *file) WriteAt(b []byte, off int64) (int, error) {
	d := f.p.d
	d.mu.Lock()
	defer d.mu.Unlock()
	last, err := f.step(Write)
	if err == nil && !f.writes {
		return 0, pathError(Write, f.name, syscall.EBADF)
	}
	n := len(b)
	switch {
	case last:
		// The kernel takes a page of it whole, or not.
		if n = d.rnd.IntN(n + 1); n < len(b) {
			n = max(0, n-int((off+int64(n))%page))
		}
	case err != nil:
		return 0, err
	default:
		if grows := off + int64(n) - int64(len(f.n.data)); grows > d.free() {
			n, err = max(0, n-int(grows-max(d.free(), 0))), pathError(Write, f.name, syscall.ENOSPC)
		}
	}
	if n > 0 {
		f.n.change(change{off, b[:n]})
	}
	return n, err
}

// Truncate implements [disk.File].
func (f *file) Truncate(size int64) error {
	f.p.d.mu.Lock()
	defer f.p.d.mu.Unlock()
	last, err := f.step(Truncate)
	if err == nil || last && f.p.d.rnd.IntN(2) == 0 {
		f.n.change(change{at: size})
	}
	return err
}

// Sync implements [disk.File]. When it fails, what was written since the last
// one stays on the medium as it is: a part of it, or nothing. No later Sync
// tries again.
func (f *file) Sync() error {
	f.p.d.mu.Lock()
	defer f.p.d.mu.Unlock()
	last, err := f.step(Sync)
	switch {
	case err == nil:
		f.n.syncData()
	case !last && !f.p.dead && !f.closed:
		f.n.loseData(f.p.d.rnd)
	}
	return err
}

// loseData forgets what is not synced, for ever. Readers may still see it (ext4,
// xfs, as long as the page is in memory) or not (btrfs).
func (n *node) loseData(rnd *rand.Rand) {
	n.durable = n.afterCrash(rnd, nil)
	n.changes = nil
	if rnd.IntN(2) == 0 {
		n.data = slices.Clone(n.durable)
	}
}

// Size implements [disk.File].
func (f *file) Size() (int64, error) {
	f.p.d.mu.Lock()
	defer f.p.d.mu.Unlock()
	if _, err := f.step(Read); err != nil {
		return 0, err
	}
	return int64(len(f.n.data)), nil
}

// Linked implements [disk.File].
func (f *file) Linked() bool {
	f.p.d.mu.Lock()
	defer f.p.d.mu.Unlock()
	found := f.closed // nobody can tell
	f.p.d.root.walk("", func(_ string, n *node) { found = found || n == f.n })
	return found
}

// Close implements [io.Closer].
func (f *file) Close() error {
	f.p.d.mu.Lock()
	defer f.p.d.mu.Unlock()
	if f.closed && !f.p.dead {
		return pathError(Close, f.name, fs.ErrClosed)
	}
	f.drop()
	return nil
}
