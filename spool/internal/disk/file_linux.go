package disk

import (
	"errors"
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
				return
			}
		}
	}
	return opened, nil
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

// Size implements [File].
func (f *file) Size() (int64, error) { return sizeOf(f.File) }
