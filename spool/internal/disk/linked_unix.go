//go:build !linux && !windows

package disk

import (
	"os"
	"syscall"
)

// linked reports whether a file has a name, as far as its system says.
func linked(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return true
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || st.Nlink > 0
}
