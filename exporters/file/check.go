package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Check reports what would keep [New] from opening the file, as far as that
// can be told without making or changing anything: a path that is no regular
// file, or that this user may not write to.
func (c Config) Check() error {
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return fmt.Errorf("path: %w", err)
	}
	info, err := os.Lstat(path)
	if err == nil {
		if err := wantRegular(path, info.Mode()); err != nil {
			return fmt.Errorf("path: %w", err)
		}
		f, err := os.OpenFile(path, os.O_RDWR|openFlags, 0)
		if err != nil {
			return fmt.Errorf("path: %w", err)
		}
		return f.Close()
	}
	// The nearest directory that exists is where the rest would be made.
	for dir := path; errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir); {
		dir = filepath.Dir(dir)
		if info, err = os.Stat(dir); err != nil {
			continue
		}
		if !info.IsDir() {
			return fmt.Errorf("path: %q is no directory", dir)
		}
		if err := canMakeIn(dir); err != nil {
			return fmt.Errorf("path: nothing can be made in %q: %w", dir, err)
		}
	}
	if err != nil {
		return fmt.Errorf("path: %w", err)
	}
	return nil
}
