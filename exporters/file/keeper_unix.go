//go:build !windows

package file

import (
	"errors"
	"os"
	"syscall"
)

// readFlags open a regular file for reading, and nothing else by accident.
const readFlags = os.O_RDONLY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// syncDir has the names in dir on the disk when it returns. A file system that
// cannot do that is taken to do it by itself.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}
