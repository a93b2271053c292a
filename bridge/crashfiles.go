package bridge

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// openCrashFile makes this process's file, locked until it is closed.
func openCrashFile(dir string) (*os.Root, *os.File, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	for range 3 {
		var f *os.File
		f, err = root.OpenFile(crashName(time.Now()), os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			break
		}
		var ok bool
		if ok, err = ownCrashFile(root, f); ok {
			return root, f, nil
		}
		_ = f.Close()
		if err != nil {
			_ = removeCrashFile(root, f)
			break
		}
		err = errors.New("the file is taken away again and again")
	}
	_ = root.Close()
	return nil, nil, err
}

// ownCrashFile locks f, unless a process has that is alive, or has dealt with
// it since it was opened.
func ownCrashFile(root *os.Root, f *os.File) (bool, error) {
	if ok, err := lockCrashFile(f); !ok || err != nil {
		return false, err
	}
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := root.Lstat(crashFileName(f))
	return err == nil && os.SameFile(info, named), nil
}

// maxCrashNames bounds the names that one start looks at.
const maxCrashNames = 4096

// Names sort by time.
var crashNames = regexp.MustCompile(`^crash-\d{8}T\d{6}\.\d{9}Z-(\d{1,10})\.txt$`)

func crashName(start time.Time) string {
	return fmt.Sprintf("crash-%s-%d.txt", start.UTC().Format("20060102T150405.000000000Z"), os.Getpid())
}

// crashFileName is f's name in its directory: a Root's files have whole paths.
func crashFileName(f *os.File) string { return filepath.Base(f.Name()) }

func removeCrashFile(root *os.Root, f *os.File) error {
	if err := root.Remove(crashFileName(f)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func listCrashFiles(root *os.Root) ([]string, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var names []string
	for len(names) < maxCrashNames {
		entries, err := dir.ReadDir(256)
		for _, entry := range entries {
			if !crashNames.MatchString(entry.Name()) {
				continue
			}
			if info, err := entry.Info(); err == nil && isCrashFile(info) {
				names = append(names, entry.Name())
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return names, nil
}

// takeCrashFile opens and locks a file of a dead process. It returns no file
// where there is none to deal with.
func takeCrashFile(root *os.Root, name string) (*os.File, int64, error) {
	f, err := root.OpenFile(name, crashReadFlags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	if info, err := f.Stat(); err == nil && isCrashFile(info) {
		if ok, _ := ownCrashFile(root, f); ok {
			// Its process may have crashed between the look and the lock.
			if info, err := f.Stat(); err == nil {
				return f, info.Size(), nil
			}
		}
	}
	return nil, 0, f.Close()
}
