package disk

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// file syncs with fdatasync(2), which leaves out times but not the size. Neither
// Sync nor Linked allocates, and Linked does not wait for a Sync.
type file struct {
	*os.File
	raw syscall.RawConn

	syncing sync.Mutex // guards the next two
	sync    func(fd uintptr)
	syncErr error

	looking sync.Mutex // guards the next three
	look    func(fd uintptr)
	lookErr error
	stat    unix.Stat_t
}

func newFile(f *os.File) (File, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	opened := &file{File: f, raw: raw}
	opened.sync = func(fd uintptr) {
		for {
			if opened.syncErr = unix.Fdatasync(int(fd)); opened.syncErr != unix.EINTR {
				break
			}
		}
		if opened.syncErr == nil {
			opened.syncErr = writable(int(fd))
		}
	}
	opened.look = func(fd uintptr) { opened.lookErr = unix.Fstat(int(fd), &opened.stat) }
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
	f.syncing.Lock()
	defer f.syncing.Unlock()
	if err := f.raw.Control(f.sync); err != nil {
		return err
	}
	return os.NewSyscallError("fdatasync", f.syncErr)
}

// Linked implements [File].
func (f *file) Linked() bool {
	f.looking.Lock()
	defer f.looking.Unlock()
	return f.raw.Control(f.look) != nil || f.lookErr != nil || f.stat.Nlink > 0
}

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
