//go:build darwin || freebsd

package disk

import (
	"math"

	"golang.org/x/sys/unix"
)

// freeBytes returns how many bytes this user may still write to the file
// system of dir, as df(1) counts them.
func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	// FreeBSD counts below 0 when only root has room left.
	avail := max(int64(st.Bavail), 0)
	return min(avail, math.MaxInt64/max(int64(st.Bsize), 1)) * int64(st.Bsize), nil
}
