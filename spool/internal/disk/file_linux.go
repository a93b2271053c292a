package disk

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// file syncs with fdatasync(2), which leaves out times but not the size.
type file struct {
	*os.File
	raw syscall.RawConn

	mu      sync.Mutex // guards what follows: a Sync allocates nothing
	control func(fd uintptr)
	err     error
}

func newFile(f *os.File) (File, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	opened := &file{File: f, raw: raw}
	opened.control = func(fd uintptr) {
		for {
			if opened.err = unix.Fdatasync(int(fd)); opened.err != unix.EINTR {
				break
			}
		}
		if opened.err == nil {
			opened.err = writable(int(fd))
		}
	}
	return opened, nil
}

// writable reports whether the file system still takes writes, by one of no
// bytes. ext4 that turns read-only, or is shut down, while a sync is under way
// may tell of success and keep nothing (seen with Linux 6.18); from then on it
// refuses writes.
func writable(fd int) error {
	_, err := unix.Pwrite(fd, nil, 0)
	return err
}

// Sync implements [File].
func (f *file) Sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.raw.Control(f.control); err != nil {
		return err
	}
	return os.NewSyscallError("fdatasync", f.err)
}

// Linked implements [File].
func (f *file) Linked() bool { return linked(f.File) }

// NextData implements [Sparse].
func (f *file) NextData(off int64) (at int64, err error) {
	// Where the file is positioned does not matter: nobody reads from there.
	failed := f.raw.Control(func(fd uintptr) { at, err = unix.Seek(int(fd), off, unix.SEEK_DATA) })
	switch {
	case failed != nil:
		return 0, failed
	case errors.Is(err, unix.ENXIO):
		return 0, io.EOF
	}
	return at, os.NewSyscallError("lseek", err)
}

// Size implements [File].
func (f *file) Size() (int64, error) { return sizeOf(f.File) }
