package file

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// openFlags is empty: a file that Windows opens for appending alone cannot be
// cut, so the exporter keeps the offset at the end itself. Symbolic links are
// refused by the look that precedes opening.
const openFlags = 0

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// canMakeIn finds nothing: what a user may do follows from access control
// lists that only trying shows.
func canMakeIn(string) error { return nil }

// isUnlinked is false: an open file cannot be removed.
func isUnlinked(os.FileInfo) bool { return false }

// syncDirectory does nothing: Windows has no such call for directories.
func syncDirectory(string) error { return nil }
