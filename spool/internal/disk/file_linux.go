package disk

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// file syncs with fdatasync(2), which leaves out times but not the size.
type file struct {
	*os.File
	raw syscall.RawConn
}

func newFile(f *os.File) (File, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &file{File: f, raw: raw}, nil
}

// Sync implements [File].
func (f *file) Sync() error {
	var err error
	if control := f.raw.Control(func(fd uintptr) {
		for {
			if err = unix.Fdatasync(int(fd)); err != unix.EINTR {
				return
			}
		}
	}); control != nil {
		return control
	}
	return os.NewSyscallError("fdatasync", err)
}

// Size implements [File].
func (f *file) Size() (int64, error) { return sizeOf(f.File) }
