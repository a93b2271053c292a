package file

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// backup is a rotated file of ours.
type backup struct {
	path string
	rank int64
}

// listBackups returns the backups beside the live file, newest first. Only
// regular files count: what else bears such a name is somebody else's.
func listBackups(dir string, names naming) ([]backup, error) {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var own []backup
	for _, base := range entries {
		rank, ok := names.parse(base)
		if !ok {
			continue
		}
		path := filepath.Join(dir, base)
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			own = append(own, backup{path, rank})
		}
	}
	slices.SortFunc(own, func(a, b backup) int { return cmp.Compare(b.rank, a.rank) })
	return own, nil
}

// surplus returns the backups that r no longer keeps. own is sorted newest
// first.
func (r Retention) surplus(own []backup) []backup {
	if r.MaxFiles == KeepAll || len(own) <= r.MaxFiles {
		return nil
	}
	return own[r.MaxFiles:]
}
