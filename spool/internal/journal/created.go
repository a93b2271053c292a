package journal

import (
	"time"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// Created returns when the oldest segment was made that a queue still has, as
// that says: the zero time if it has none that can be read. It opens one file
// at a time, and takes no lock.
func Created(fsys disk.FS, id string) time.Time {
	dir := queuePrefix + id
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return time.Time{}
	}
	for _, e := range entries {
		if first, ok := parseSegmentName(e.Name); ok && e.Regular {
			if h, err := headerOf(fsys, dir+"/"+e.Name); err == nil && h.first == first {
				return time.Unix(0, h.created)
			}
		}
	}
	return time.Time{}
}

func headerOf(fsys disk.FS, name string) (segmentHeader, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return segmentHeader{}, err
	}
	defer func() { _ = f.Close() }() // which was only read
	return readSegmentHeader(f)
}
