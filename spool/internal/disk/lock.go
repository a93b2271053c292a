package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Lock implements [FS] with flock(2), and LockFileEx on Windows. Where file
// systems do not keep such locks between machines (NFS with some servers), a
// queue must not be shared between machines.
func (d *Dir) Lock(name string) (Lock, error) {
	// A lock on a file whose name was removed keeps nobody out: its last owner
	// removed it after we had opened it.
	for range 10 {
		l, err := d.tryLock(name)
		if l != nil || err != nil {
			return l, err
		}
	}
	return nil, fmt.Errorf("lock %q: %w", name, ErrLocked)
}

// tryLock returns nil and no error when the file was replaced meanwhile.
func (d *Dir) tryLock(name string) (got Lock, err error) {
	err = d.within(name, func(root *os.Root, base string) error {
		f, err := root.OpenFile(base, os.O_RDWR|os.O_CREATE|os.O_EXCL|openFlags, filePerm)
		if errors.Is(err, fs.ErrExist) {
			f, err = openRegular(root, base, os.O_RDWR)
		}
		if errors.Is(err, fs.ErrNotExist) {
			if _, gone := root.Lstat("."); gone == nil {
				return nil
			}
		}
		if err != nil {
			return err
		}
		if err := tryLock(f); err != nil {
			return errors.Join(fmt.Errorf("lock %q: %w", name, err), f.Close())
		}
		held, err := f.Stat()
		if err != nil {
			return errors.Join(err, f.Close())
		}
		if named, err := root.Lstat(base); err != nil || !os.SameFile(held, named) {
			return f.Close()
		}
		file, err := newFile(f)
		if err == nil {
			got = &fileLock{dir: d, name: name, file: file}
		}
		return err
	})
	return got, err
}

type fileLock struct {
	dir  *Dir
	name string
	file File
}

// Linked implements [Lock].
func (l *fileLock) Linked() bool { return l.file.Linked() }

// Unlock implements [Lock].
func (l *fileLock) Unlock(remove bool) error {
	var err error
	if remove {
		err = l.dir.Remove(l.name)
	}
	return errors.Join(err, l.file.Close())
}
