package file

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/seed2f724858/sluice/exporters"
)

const (
	// KeepAll is the number of files that retention never reaches.
	KeepAll = -1
	// KeepDefault keeps 10 files, or all when another bound of Retention is
	// set.
	KeepDefault = math.MinInt
)

// Retention says which backups are deleted, the oldest first, after each
// rotation and when the file is opened. Only regular files whose whole name is
// a backup's are. The live file is never deleted and counts for nothing.
type Retention struct {
	// MaxFiles is how many backups are kept. 0 keeps none, KeepAll (-1) all.
	// Unset, it is 10, unless one of the other bounds is set.
	MaxFiles int `yaml:"max_files"`
	// MaxAge is how long a backup is kept after it was last written; 0 is for
	// ever. What the clock jumps ahead while the exporter runs does not count,
	// nor does the time in which it did not run, until it has run for MaxAge
	// since: a clock that is set wrong deletes nothing. It counts if it is
	// still wrong when the exporter is made anew.
	MaxAge exporters.Duration `yaml:"max_age"`
	// MaxTotalSize is how many bytes all backups together may have, the newest
	// included; 0 has no bound.
	MaxTotalSize exporters.Size `yaml:"max_total_size"`
	// MinFree is how many bytes of the file system are to stay free for this
	// user; backups are deleted as long as there are less, also when a write
	// finds the disk full. 0 does not look. Linux, macOS, FreeBSD and Windows
	// only; elsewhere Validate refuses it.
	MinFree exporters.Size `yaml:"min_free"`
}

func (r Retention) validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf("retention."+format, args...)) }
	if r.MaxFiles < KeepAll && r.MaxFiles != KeepDefault {
		fail("max_files: want 0 or more, or %d to keep all, have %d", KeepAll, r.MaxFiles)
	}
	if r.MaxAge < 0 {
		fail("max_age: want 0 or more, have %v", r.MaxAge)
	}
	if r.MaxTotalSize < 0 {
		fail("max_total_size: want 0 or more, have %d", r.MaxTotalSize)
	}
	if r.MinFree < 0 {
		fail("min_free: want 0 or more, have %d", r.MinFree)
	}
	if r.MinFree > 0 && !knowsFree {
		fail("min_free: this system does not tell what is free: use max_total_size")
	}
	return errors.Join(errs...)
}

// maxFiles returns the bound of the number of backups, or KeepAll.
func (r Retention) maxFiles() int {
	switch {
	case r.MaxFiles != KeepDefault:
		return r.MaxFiles
	case r.MaxAge == 0 && r.MaxTotalSize == 0 && r.MinFree == 0:
		return 10
	default:
		return KeepAll
	}
}

// surplus returns the backups that r no longer keeps. own is sorted newest
// first, age tells how old a file last written then is, and free is the number
// of bytes free on the file system.
func (r Retention) surplus(own []backup, age func(written time.Time) time.Duration, free int64) []backup {
	var kept, gone []backup
	room := int64(r.MaxTotalSize)
	for _, b := range own {
		switch {
		case r.MaxAge > 0 && age(b.modTime()) > r.MaxAge.Std():
			gone = append(gone, b)
			continue
		case r.maxFiles() != KeepAll && len(kept) >= r.maxFiles():
			room = -1
		case r.MaxTotalSize > 0:
			room -= b.size()
		}
		// What is older than one without room goes, too.
		if room < 0 {
			gone = append(gone, b)
		} else {
			kept = append(kept, b)
		}
	}
	if r.MinFree == 0 {
		return gone
	}
	// What is deleted counts as free at once: some file systems free it later,
	// and all backups would go for the sake of a few bytes.
	for _, b := range gone {
		free += b.size()
	}
	for free < int64(r.MinFree) && len(kept) > 0 {
		last := kept[len(kept)-1]
		kept, gone = kept[:len(kept)-1], append(gone, last)
		free += last.size()
	}
	return gone
}
