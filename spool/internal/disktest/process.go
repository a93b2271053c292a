package disktest

import (
	"errors"
	"io/fs"
	"maps"
	"math"
	"slices"
	"syscall"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// Process is what one process sees of a [Disk].
type Process struct {
	d    *Disk
	dead bool
	// left is after how many more operations it dies; 0 for never.
	left  int
	files []*file
}

// Kill ends the process as kill -9 does: whatever it has written is there, its
// locks are free.
func (p *Process) Kill() {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	p.die()
}

// KillAfter has the process die in the n-th operation from now on: a write is
// cut short then, everything else done or not.
func (p *Process) KillAfter(n int) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	p.left = n
}

// Dead reports whether the process was killed.
func (p *Process) Dead() bool {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	return p.dead
}

func (p *Process) die() {
	p.dead = true
	for len(p.files) > 0 {
		p.files[0].drop()
	}
	p.d.processes = slices.DeleteFunc(p.d.processes, func(q *Process) bool { return p == q })
}

// step begins an operation. last says that it is the process's last one.
func (p *Process) step(op Op, name string) (last bool, err error) {
	if p.dead {
		return false, pathError(op, name, ErrKilled)
	}
	p.d.steps++
	if p.left > 0 {
		if p.left--; p.left == 0 {
			p.die()
			return true, pathError(op, name, ErrKilled)
		}
	}
	if err := p.d.faults.check(op); err != nil {
		return false, pathError(op, name, err)
	}
	return false, nil
}

// do carries out a change of directories. If it is the process's last
// operation, it may still happen, but nobody is told.
func (p *Process) do(op Op, name string, change func() error) error {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	last, err := p.step(op, name)
	if last && p.d.rnd.IntN(2) == 0 {
		_ = change()
	}
	if err != nil {
		return err
	}
	if err := change(); err != nil {
		return pathError(op, name, err)
	}
	return nil
}

func pathError(op Op, name string, err error) error {
	return &fs.PathError{Op: op.String(), Path: name, Err: err}
}

// Open implements [disk.FS].
func (p *Process) Open(name string) (f disk.File, err error) {
	err = p.do(Open, name, func() error {
		n, err := p.d.lookup(name)
		if err == nil && n.dir {
			err = syscall.EISDIR
		}
		if err == nil {
			f = p.handle(n, name, false)
		}
		return err
	})
	return f, err
}

// Create implements [disk.FS].
func (p *Process) Create(name string) (f disk.File, err error) {
	err = p.do(Create, name, func() error {
		n, err := p.create(name)
		if err == nil {
			f = p.handle(n, name, true)
		}
		return err
	})
	return f, err
}

func (p *Process) create(name string) (*node, error) {
	dir, base, err := p.d.parent(name)
	if err != nil {
		return nil, err
	}
	if dir.names[base] != nil {
		return nil, fs.ErrExist
	}
	if p.d.free() <= 0 {
		return nil, syscall.ENOSPC
	}
	n := p.d.newFile()
	dir.link(base, n)
	return n, nil
}

// Mkdir implements [disk.FS].
func (p *Process) Mkdir(name string) error {
	return p.do(Mkdir, name, func() error {
		dir, base, err := p.d.parent(name)
		switch {
		case err != nil:
			return err
		case dir.names[base] != nil:
			return fs.ErrExist
		case p.d.free() <= 0:
			return syscall.ENOSPC
		}
		dir.link(base, p.d.newDir())
		return nil
	})
}

// Rename implements [disk.FS], within a directory.
func (p *Process) Rename(from, to string) error {
	return p.do(Rename, from, func() error {
		dir, base, err := p.d.parent(from)
		other, toBase, toErr := p.d.parent(to)
		switch {
		case err != nil:
			return err
		case toErr != nil:
			return toErr
		case dir != other:
			return fs.ErrInvalid
		case dir.names[base] == nil:
			return fs.ErrNotExist
		}
		if old := dir.names[toBase]; old != nil {
			p.d.bury(old)
		}
		dir.rename(base, toBase, dir.names[base])
		return nil
	})
}

// Remove implements [disk.FS].
func (p *Process) Remove(name string) error {
	return p.do(Remove, name, func() error {
		dir, base, err := p.d.parent(name)
		if err != nil {
			return err
		}
		n := dir.names[base]
		switch {
		case n == nil:
			return fs.ErrNotExist
		case len(n.names) > 0:
			return syscall.ENOTEMPTY
		}
		p.d.bury(n)
		dir.rename(base, "", n)
		return nil
	})
}

// ReadDir implements [disk.FS].
func (p *Process) ReadDir(name string) (list []disk.Entry, err error) {
	err = p.do(ReadDir, name, func() error {
		dir, err := p.d.lookup(name)
		if err != nil {
			return err
		}
		if !dir.dir {
			return syscall.ENOTDIR
		}
		for _, base := range slices.Sorted(maps.Keys(dir.names)) {
			n := dir.names[base]
			list = append(list, disk.Entry{Name: base, Regular: !n.dir, Dir: n.dir, Size: int64(len(n.data))})
		}
		return nil
	})
	return list, err
}

// SyncFile implements [disk.FS].
func (p *Process) SyncFile(name string) error {
	f, err := p.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// SyncDir implements [disk.FS].
func (p *Process) SyncDir(name string) error {
	return p.do(SyncDir, name, func() error {
		dir, err := p.d.lookup(name)
		if err == nil && !dir.dir {
			err = syscall.ENOTDIR
		}
		if err == nil {
			dir.syncNames()
		}
		return err
	})
}

// Free implements [disk.FS].
func (p *Process) Free() (int64, error) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	return min(max(p.d.free(), 0), math.MaxInt64), nil
}

// Lock implements [disk.FS].
func (p *Process) Lock(name string) (l disk.Lock, err error) {
	err = p.do(Lock, name, func() error {
		n, err := p.d.lookup(name)
		if err != nil {
			n, err = p.create(name)
		}
		switch {
		case err != nil:
			return err
		case n.lock != nil:
			return disk.ErrLocked
		}
		f := p.handle(n, name, true)
		if !f.closed {
			n.lock = p
		}
		l = lock{f}
		return nil
	})
	return l, err
}

type lock struct{ f *file }

// Linked implements [disk.Lock].
func (l lock) Linked() bool { return l.f.Linked() }

// Unlock implements [disk.Lock].
func (l lock) Unlock(remove bool) error {
	var err error
	if remove {
		err = l.f.p.Remove(l.f.name)
	}
	l.f.p.d.mu.Lock()
	defer l.f.p.d.mu.Unlock()
	l.f.drop()
	return err
}
