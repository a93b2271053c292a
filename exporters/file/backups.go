package file

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// backup is a rotated file of ours. It has one file, or the plain one and a
// compressed copy of it when a crash came between making that and deleting the
// plain one: still one backup.
type backup struct {
	rank  int64        // the newer of two backups has the higher one
	files []backupFile // never empty; the plain one first
}

type backupFile struct {
	path string
	ext  string // of its compression; empty for the plain one
	info os.FileInfo
}

func (b backup) path() string { return b.files[0].path }

// plain reports whether the uncompressed file is there: then it is the one
// that counts.
func (b backup) plain() bool { return b.files[0].ext == "" }

// size is what the backup takes on the disk.
func (b backup) size() int64 {
	var n int64
	for _, f := range b.files {
		n += f.info.Size()
	}
	return n
}

// modTime is when the last record was written; compression keeps it.
func (b backup) modTime() time.Time { return b.files[0].info.ModTime() }

// remove deletes the backup, the file that counts last.
func (b backup) remove() error {
	for _, f := range slices.Backward(b.files) {
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// extensions are those of compressed backups.
var extensions = []string{".gz", ".zst"}

// parseBackup reports whether base is the name of a backup, its rank, and the
// extension of its compression.
func parseBackup(names naming, base string) (rank int64, ext string, ok bool) {
	if rank, ok = names.parse(base); ok {
		return rank, "", true
	}
	for _, ext := range extensions {
		if plain, found := strings.CutSuffix(base, ext); found {
			if rank, ok := names.parse(plain); ok {
				return rank, ext, true
			}
		}
	}
	return 0, "", false
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
	byRank := make(map[int64]backup)
	for _, base := range entries {
		rank, ext, ok := parseBackup(names, base)
		if !ok {
			continue
		}
		path := filepath.Join(dir, base)
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			byRank[rank] = backup{rank, append(byRank[rank].files, backupFile{path, ext, info})}
		}
	}
	own := make([]backup, 0, len(byRank))
	for _, b := range byRank {
		slices.SortFunc(b.files, func(a, b backupFile) int { return cmp.Compare(a.ext, b.ext) })
		own = append(own, b)
	}
	slices.SortFunc(own, func(a, b backup) int { return cmp.Compare(b.rank, a.rank) })
	return own, nil
}

// isFree reports whether neither path nor a compressed form of it exists.
func isFree(path string) (bool, error) {
	// The plain one is looked at first: whoever compresses it makes the
	// compressed one before deleting it.
	for _, ext := range append([]string{""}, extensions...) {
		switch _, err := os.Lstat(path + ext); {
		case err == nil:
			return false, nil
		case !errors.Is(err, fs.ErrNotExist):
			return false, err
		}
	}
	return true, nil
}
