//go:build unix

package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// canReplay refuses to make files that the processes could not use whose
// letters these are: root's, mostly.
func canReplay(dir string) error {
	info, err := os.Lstat(filepath.Join(dir, deadLetterDir))
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%w, number %d", ErrNotOwner, st.Uid)
	}
	return nil
}
