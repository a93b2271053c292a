//go:build !windows

package file

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openFlags make every write go to the end of the file, whoever else moves
// that end, follow no symbolic link, and never wait for a FIFO's reader.
const openFlags = os.O_APPEND | syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// isFull reports whether err says that the disk, the quota or the largest
// possible file is full: conditions that leave the open file usable.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// canMakeIn reports what keeps this user from making files in dir.
func canMakeIn(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }

// isUnlinked reports whether the open file that info is of has no name.
func isUnlinked(info os.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && s.Nlink == 0
}

// syncDirectory makes the names in dir survive a power cut.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	defer d.Close()
	// Some file systems cannot, and need not: their directories are always written at once.
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("file: %w", err)
	}
	return nil
}
