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
	unit := st.Frsize
	if unit == 0 {
		unit = st.Bsize
	}
	return int64(min(st.Bavail, math.MaxInt64/uint64(max(unit, 1)))) * int64(unit), nil
}
