package disk

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// openFlags is empty: [os.Root] and the look before opening refuse links.
const openFlags = 0

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// isTooLarge is false: what Windows says of such a file it says of a full disk, too.
func isTooLarge(error) bool { return false }

// linked is true: as long as a file is open here, nobody can remove it but in
// ways that this package does not use.
func linked(*os.File) bool { return true }

// syncDirectory does nothing: Windows has no such call for directories.
func syncDirectory(*os.File) error { return nil }

func tryLock(f *os.File) error { return lockFile(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

// tryShare gets a lock that others may share, and is none for [Dir.Lock].
func tryShare(f *os.File) error { return lockFile(f, 0) }

func lockFile(f *os.File, flags uint32) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrLocked
	}
	return os.NewSyscallError("LockFileEx", err)
}

// freeBytes returns how many bytes this user may still write to the volume.
func freeBytes(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var avail uint64
	if err := windows.GetDiskFreeSpaceEx(name, &avail, nil, nil); err != nil {
		return 0, err
	}
	return int64(min(avail, math.MaxInt64)), nil
}
