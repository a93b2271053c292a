package journal

import (
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// memory is a file system that never loses anything, and fails as told.
type memory struct {
	mu    sync.Mutex
	files map[string]*memoryFile // nil for a directory
	locks map[string]bool
	// fault is asked before everything but reading and closing; how much of a
	// write happens nevertheless is its first result.
	fault func(op, name string, size int) (int, error)
}

func newMemory() *memory {
	return &memory{files: map[string]*memoryFile{".": nil}, locks: map[string]bool{}}
}

// killed returns what the processes leave that use m.
func (m *memory) killed() *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := newMemory()
	for name, f := range m.files {
		if f != nil {
			f = &memoryFile{m: c, name: f.name, data: slices.Clone(f.data)}
		}
		c.files[name] = f
	}
	return c
}

func (m *memory) ask(op, name string, size int) (int, error) {
	if m.fault == nil {
		return size, nil
	}
	return m.fault(op, name, size)
}

func (m *memory) do(op, name string, then func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.ask(op, name, 0); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	if _, there := m.files[path.Dir(name)]; !there {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return then()
}

func (m *memory) Open(name string) (f disk.File, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if mf := m.files[name]; mf != nil {
		return mf, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (m *memory) Create(name string) (f disk.File, err error) {
	err = m.do("create", name, func() error {
		if _, there := m.files[name]; there {
			return &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
		}
		mf := &memoryFile{m: m, name: name}
		m.files[name] = mf
		f = mf
		return nil
	})
	return f, err
}

func (m *memory) Rename(from, to string) error {
	return m.do("rename", to, func() error {
		m.files[to] = m.files[from]
		m.files[to].name = to
		delete(m.files, from)
		return nil
	})
}

func (m *memory) Remove(name string) error {
	return m.do("remove", name, func() error {
		if _, there := m.files[name]; !there {
			return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
		}
		for other := range m.files {
			if strings.HasPrefix(other, name+"/") {
				return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrInvalid}
			}
		}
		delete(m.files, name)
		return nil
	})
}

func (m *memory) Mkdir(name string) error {
	return m.do("mkdir", name, func() error { m.files[name] = nil; return nil })
}

func (m *memory) SyncFile(name string) error {
	return m.do("sync", name, func() error { return nil })
}

func (m *memory) SyncDir(name string) error {
	return m.do("syncdir", name+"/x", func() error { return nil })
}

func (m *memory) Free() (int64, error) { return 1 << 40, nil }

func (m *memory) ReadDir(name string) ([]disk.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f, there := m.files[name]; !there || f != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	var list []disk.Entry
	for _, other := range slices.Sorted(maps.Keys(m.files)) {
		if f := m.files[other]; other != "." && path.Dir(other) == name {
			e := disk.Entry{Name: path.Base(other), Dir: f == nil, Regular: f != nil}
			if f != nil {
				e.Size = int64(len(f.data))
			}
			list = append(list, e)
		}
	}
	return list, nil
}

func (m *memory) Lock(name string) (l disk.Lock, err error) {
	err = m.do("lock", name, func() error {
		if m.locks[name] {
			return disk.ErrLocked
		}
		m.locks[name] = true
		if m.files[name] == nil {
			m.files[name] = &memoryFile{m: m, name: name}
		}
		l = memoryLock{m, name}
		return nil
	})
	return l, err
}

type memoryLock struct {
	m    *memory
	name string
}

func (l memoryLock) Linked() bool {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	return l.m.files[l.name] != nil
}

func (l memoryLock) Unlock(remove bool) error {
	return l.m.do("unlock", l.name, func() error {
		delete(l.m.locks, l.name)
		if remove {
			delete(l.m.files, l.name)
		}
		return nil
	})
}

type memoryFile struct {
	m    *memory
	name string
	data []byte
	bad  func(at int64) bool // bytes that cannot be read
}

func (f *memoryFile) ReadAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if off >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[off:])
	for i := int64(0); f.bad != nil && i < int64(n); i++ {
		if f.bad(off + i) {
			return int(i), syscall.EIO
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memoryFile) WriteAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	n, err := f.m.ask("write", f.name, len(p))
	if short := int(off) + n - len(f.data); short > 0 {
		f.data = append(f.data, make([]byte, short)...)
	}
	copy(f.data[off:], p[:n])
	return n, err
}

func (f *memoryFile) Sync() error {
	return f.m.do("sync", f.name, func() error { return nil })
}

func (f *memoryFile) Truncate(size int64) error {
	return f.m.do("truncate", f.name, func() error { f.data = f.data[:size]; return nil })
}

func (f *memoryFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return int64(len(f.data)), nil
}

func (f *memoryFile) Linked() bool {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return f.m.files[f.name] == f
}

func (f *memoryFile) Close() error { return nil }

// segments returns the names of j's segment files.
func (m *memory) segments(t testing.TB, id string) (names []string) {
	t.Helper()
	entries, err := m.ReadDir(queuePrefix + id)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := parseSegmentName(e.Name); ok {
			names = append(names, queuePrefix+id+"/"+e.Name)
		}
	}
	return names
}

// count tells how many segments there are. m.mu is held.
func (m *memory) count() (n int) {
	for name := range m.files {
		if strings.HasSuffix(name, segmentSuffix) {
			n++
		}
	}
	return n
}
