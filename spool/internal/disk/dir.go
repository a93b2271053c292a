package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	filePerm = 0o640
	dirPerm  = 0o750
)

// Dir is a directory of the operating system. It keeps nothing open, so that a
// file system can be unmounted and repaired while nobody has a file open.
//
// No name leads out of the directory, and no symbolic link is followed below
// it. Links in the path to the directory were settled by [OpenDir]: one that is
// put there later is refused.
type Dir struct{ path string }

var _ FS = (*Dir)(nil)

// OpenDir returns the directory at path, which it makes when missing.
func OpenDir(path string) (*Dir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(abs, dirPerm); err != nil {
		return nil, err
	}
	return existing(abs)
}

// ExistingDir returns the directory at path, which must be there.
func ExistingDir(path string) (*Dir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return existing(abs)
}

func existing(path string) (*Dir, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	d := &Dir{path: real}
	root, err := d.root()
	if err != nil {
		return nil, err
	}
	return d, root.Close()
}

// Path returns the directory's path, absolute and without links.
func (d *Dir) Path() string { return d.path }

// root opens the directory for one operation.
func (d *Dir) root() (*os.Root, error) {
	info, err := os.Lstat(d.path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%q is no directory", d.path)
	}
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return nil, err
	}
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(info, opened) {
		err = fmt.Errorf("%q was replaced", d.path)
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

// within calls do with the root of name's own directory and name's last part.
// That directory must be one, not a link to one: see [os.Root], which follows
// links that stay inside.
func (d *Dir) within(name string, do func(root *os.Root, base string) error) error {
	if !fs.ValidPath(name) {
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	root, err := d.root()
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // a descriptor of a directory
	for {
		dir, rest, below := strings.Cut(name, "/")
		if !below {
			return do(root, name)
		}
		info, err := root.Lstat(dir)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%q in %q is no directory", dir, root.Name())
		}
		inner, err := root.OpenRoot(dir)
		if err != nil {
			return err
		}
		_ = root.Close()
		root, name = inner, rest
		if opened, err := root.Stat("."); err != nil || !os.SameFile(info, opened) {
			return errors.Join(err, fmt.Errorf("%q was replaced", dir))
		}
	}
}

// Open implements [FS].
func (d *Dir) Open(name string) (f File, err error) {
	err = d.within(name, func(root *os.Root, base string) error {
		opened, err := openRegular(root, base, os.O_RDONLY)
		if err == nil {
			f, err = newFile(opened)
		}
		return err
	})
	return f, err
}

// openRegular opens what must be a regular file before and after.
func openRegular(root *os.Root, base string, flag int) (*os.File, error) {
	info, err := root.Lstat(base)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q in %q is no regular file", base, root.Name())
	}
	f, err := root.OpenFile(base, flag|openFlags, 0)
	if err != nil {
		return nil, err
	}
	opened, err := f.Stat()
	if err == nil && !os.SameFile(info, opened) {
		err = fmt.Errorf("%q in %q was replaced", base, root.Name())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Create implements [FS].
func (d *Dir) Create(name string) (f File, err error) {
	err = d.within(name, func(root *os.Root, base string) error {
		made, err := root.OpenFile(base, os.O_RDWR|os.O_CREATE|os.O_EXCL|openFlags, filePerm)
		if err == nil {
			f, err = newFile(made)
		}
		return err
	})
	return f, err
}

// Rename implements [FS]. Both names must be in one directory.
func (d *Dir) Rename(from, to string) error {
	dir, _ := splitName(from)
	other, toBase := splitName(to)
	if dir != other {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrInvalid}
	}
	return d.within(from, func(root *os.Root, base string) error { return root.Rename(base, toBase) })
}

func splitName(name string) (dir, base string) {
	i := strings.LastIndexByte(name, '/')
	return name[:i+1], name[i+1:]
}

// Remove implements [FS].
func (d *Dir) Remove(name string) error {
	return d.within(name, func(root *os.Root, base string) error { return root.Remove(base) })
}

// Mkdir implements [FS].
func (d *Dir) Mkdir(name string) error {
	return d.within(name, func(root *os.Root, base string) error { return root.Mkdir(base, dirPerm) })
}

// ReadDir implements [FS].
func (d *Dir) ReadDir(name string) (list []Entry, err error) {
	err = d.openDir(name, func(f *os.File) error {
		found, err := f.ReadDir(-1)
		if err != nil {
			return err
		}
		list = make([]Entry, 0, len(found))
		for _, e := range found {
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // removed meanwhile
			}
			if err != nil {
				return err
			}
			list = append(list, Entry{e.Name(), info.Mode().IsRegular(), info.IsDir(), info.Size()})
		}
		slices.SortFunc(list, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
		return nil
	})
	return list, err
}

// openDir calls do with an open directory.
func (d *Dir) openDir(name string, do func(*os.File) error) error {
	return d.within(name, func(root *os.Root, base string) error {
		info, err := root.Lstat(base)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%q in %q is no directory", base, root.Name())
		}
		f, err := root.Open(base)
		if err != nil {
			return err
		}
		return errors.Join(do(f), f.Close())
	})
}

// SyncFile implements [FS].
func (d *Dir) SyncFile(name string) error {
	return d.within(name, func(root *os.Root, base string) error {
		opened, err := openRegular(root, base, os.O_RDWR) // else there is nothing to sync, say some systems
		if err != nil {
			return err
		}
		f, err := newFile(opened)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}

// SyncDir implements [FS].
func (d *Dir) SyncDir(name string) error { return d.openDir(name, syncDirectory) }

// Free implements [FS].
func (d *Dir) Free() (int64, error) { return freeBytes(d.path) }
