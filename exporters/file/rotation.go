package file

import "math"

// limits is the policy of when the live file has to become a backup.
type limits struct {
	maxSize int64 // bytes; 0 has no bound
}

// rotate reports whether the live file ever becomes a backup.
func (l limits) rotate() bool { return l.maxSize > 0 }

// room returns how many bytes still go into a live file that holds size.
func (l limits) room(size int64) int64 {
	if l.maxSize == 0 {
		return math.MaxInt64
	}
	return l.maxSize - size
}
