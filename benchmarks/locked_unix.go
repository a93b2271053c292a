//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// canShare tells whether processes can share a file here.
const canShare = true

// lockedFile is a plain file for several processes: each line takes a lock,
// looks whether the path still names the open file, and is written.
type lockedFile struct {
	path string
	size int64 // rotates before it is exceeded
	lock *os.File
	file *os.File // nil before the first line
}

func newLockedFile(path string, size int64) (*lockedFile, error) {
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, err
	}
	return &lockedFile{path: path, size: size, lock: lock}, nil
}

func (l *lockedFile) Write(line []byte) (n int, err error) {
	if err := flock(l.lock, syscall.LOCK_EX); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, flock(l.lock, syscall.LOCK_UN)) }()
	if err := l.ready(int64(len(line))); err != nil {
		return 0, err
	}
	return l.file.Write(line)
}

// ready makes the open file the live one, with room for n bytes.
func (l *lockedFile) ready(n int64) error {
	live, err := os.Stat(l.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err == nil && live.Size()+n > l.size {
		if err := os.Rename(l.path, fmt.Sprintf("%s.%d", l.path, time.Now().UnixNano())); err != nil {
			return err
		}
		live = nil
	}
	if live != nil && l.file != nil {
		open, err := l.file.Stat()
		if err != nil {
			return err
		}
		if os.SameFile(live, open) {
			return nil
		}
	}
	if l.file != nil {
		if err := l.file.Close(); err != nil {
			return err
		}
	}
	l.file, err = os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	return err
}

func (l *lockedFile) Close() error {
	err := l.lock.Close()
	if l.file != nil {
		err = errors.Join(err, l.file.Close())
	}
	return err
}

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}
