//go:build !windows

package bridge

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// crashReadFlags open a regular file for reading, and nothing else by accident.
const crashReadFlags = os.O_RDONLY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// isCrashFile reports whether this user's process may have made the file. One
// with a second name may be somebody else's secret.
func isCrashFile(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode().IsRegular() && s.Nlink == 1 && int(s.Uid) == os.Geteuid()
}

// lockCrashFile locks f unless another has. The kernel gives the lock free when
// the process dies, which closes f and the duplicate that the runtime holds.
func lockCrashFile(f *os.File) (bool, error) {
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, fmt.Errorf("%q cannot be locked; use a directory of a local file system: %w", f.Name(), err)
		}
	}
}
