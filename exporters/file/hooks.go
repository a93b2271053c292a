package file

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Backup is a rotated file, as [Config.OnRotate] gets it.
type Backup struct {
	// Path is absolute. Nothing is written to the file any more.
	Path string
	// Size is in bytes, as the file stands on the disk.
	Size int64
}

// callHook gives f to the hook. That the hook panics, or ends its goroutine,
// is an error: the keeper goes on.
func (k *keeper) callHook(f backupFile) error {
	done := make(chan error)
	go func() {
		err := errors.New("file: OnRotate has ended its goroutine")
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("file: OnRotate panicked: %v", p)
			}
			done <- err
		}()
		err = k.cfg.OnRotate(k.ctx, Backup{Path: f.path, Size: f.info.Size()})
	}()
	return <-done
}

// mark tells a backup from a later one of the same name.
type mark struct{ size, written int64 }

func markOf(info os.FileInfo) mark { return mark{info.Size(), info.ModTime().UnixNano()} }

// maxJournal bounds what is read: far more backups than a directory can hold
// in practice.
const maxJournal = 16 << 20

// journal remembers, over restarts too, which backups the hook has had. A line
// is SIZE MTIME NAME. An entry that is lost only has the hook called once more.
type journal struct {
	path, temp string
	perm       FileMode

	mu   sync.Mutex
	done map[string]mark
}

// has reports whether the hook has succeeded for f.
func (j *journal) has(f backupFile) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	m, ok := j.done[filepath.Base(f.path)]
	return ok && m == markOf(f.info)
}

// load adds what the file says to what is known: another process may have
// written it.
func (j *journal) load() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.done == nil {
		j.done = make(map[string]mark)
	}
	f, err := os.OpenFile(j.path, readFlags, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return
	}
	lines := bufio.NewScanner(io.LimitReader(f, maxJournal))
	for lines.Scan() {
		var m mark
		var name string
		if n, _ := fmt.Sscanf(lines.Text(), "%d %d %q", &m.size, &m.written, &name); n == 3 {
			j.done[name] = m
		}
	}
}

// add notes that the hook has succeeded for f, and forgets what is not among
// own any more. It keeps the note in memory when it cannot be written.
func (j *journal) add(f backupFile, own []backup) {
	base := filepath.Base(f.path)
	info, err := os.Lstat(f.path)
	j.mu.Lock()
	defer j.mu.Unlock()
	there := make(map[string]bool)
	for _, b := range own {
		for _, file := range b.files {
			there[filepath.Base(file.path)] = true
		}
	}
	maps.DeleteFunc(j.done, func(name string, _ mark) bool { return !there[name] })
	if err == nil { // the hook may have moved it away
		j.done[base] = markOf(info)
	}
	_ = j.save()
}

func (j *journal) save() error {
	var text bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(j.done)) {
		fmt.Fprintf(&text, "%d %d %q\n", j.done[name].size, j.done[name].written, name)
	}
	if info, err := os.Lstat(j.path); err == nil && !info.Mode().IsRegular() {
		return wantRegular(j.path, info.Mode())
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(j.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|openFlags, fs.FileMode(j.perm))
	if err != nil {
		return err
	}
	_, err = f.Write(text.Bytes())
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(j.temp, j.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(j.temp))
	}
	return nil
}
