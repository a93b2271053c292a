package file

import (
	"math"

	"golang.org/x/sys/windows"
)

const knowsFree = true

// freeBytes returns how many bytes this user may still write to the volume of
// dir.
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
