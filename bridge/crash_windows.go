package bridge

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

const crashReadFlags = os.O_RDONLY

func isCrashFile(info fs.FileInfo) bool { return info.Mode().IsRegular() }

// lockCrashFile refuses: no process could tell the files of living ones.
func lockCrashFile(*os.File) (bool, error) {
	return false, fmt.Errorf("not supported on Windows: %w", errors.ErrUnsupported)
}
