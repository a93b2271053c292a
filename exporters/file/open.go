package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// openRegular opens path for appending and reading, and makes it and its
// directory when missing. It refuses whatever is no regular file, without
// touching it: opening a FIFO would wait for a reader, opening a device may
// already do something, and a symbolic link may have been put there to have
// us write elsewhere.
func openRegular(path string, perm, dirPerm FileMode) (*os.File, os.FileInfo, error) {
	// The file may come or go between two steps; an endless race is no
	// accident.
	for try := 0; ; try++ {
		f, err := openOnce(path, perm, dirPerm)
		if (errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist)) && try < 3 {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("file: %w", err)
		}
		info, err := f.Stat()
		if err == nil {
			err = wantRegular(path, info.Mode())
		}
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("file: %w", err), f.Close())
		}
		return f, info, nil
	}
}

func openOnce(path string, perm, dirPerm FileMode) (*os.File, error) {
	info, err := os.Lstat(path)
	switch {
	case err == nil:
		if err := wantRegular(path, info.Mode()); err != nil {
			return nil, err
		}
		return os.OpenFile(path, os.O_RDWR|openFlags, 0)
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(filepath.Dir(path), fs.FileMode(dirPerm)); err != nil {
			return nil, err
		}
		return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|openFlags, fs.FileMode(perm))
	default:
		return nil, err
	}
}

func wantRegular(path string, mode fs.FileMode) error {
	var what string
	switch {
	case mode.IsRegular():
		return nil
	case mode&fs.ModeSymlink != 0:
		what = "a symbolic link: name the file it points to"
	case mode.IsDir():
		what = "a directory: add a file name"
	case mode&fs.ModeNamedPipe != 0:
		what = "a FIFO"
	case mode&fs.ModeDevice != 0:
		what = "a device: use the terminal exporter for standard output"
	default:
		what = "a special file"
	}
	return fmt.Errorf("%q is no regular file but %s", path, what)
}
