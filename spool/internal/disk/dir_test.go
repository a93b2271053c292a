package disk

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func open(t *testing.T) (*Dir, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a", "b")
	d, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	return d, d.Path()
}

func create(t *testing.T, d *Dir, name, content string) {
	t.Helper()
	f, err := d.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, err := f.WriteAt([]byte(content), 0); err != nil || n != len(content) {
		t.Fatal(n, err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, d *Dir, name string) string {
	t.Helper()
	f, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestFiles(t *testing.T) {
	d, path := open(t)
	if err := d.Mkdir("q"); err != nil {
		t.Fatal(err)
	}
	if err := d.Mkdir("q"); !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	create(t, d, "q/one", "first")
	create(t, d, "q/two", "second")
	if _, err := d.Create("q/one"); !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	if err := d.Rename("q/two", "q/one"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, d, "q/one"); got != "second" {
		t.Fatal(got)
	}
	if err := d.Rename("q/one", "one"); !errors.Is(err, fs.ErrInvalid) {
		t.Fatal(err)
	}
	if _, err := d.Open("q/two"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if _, err := d.Open("none/two"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	list, err := d.ReadDir("q")
	if err != nil || !slices.Equal(list, []Entry{{Name: "one", Regular: true, Size: 6}}) {
		t.Fatal(list, err)
	}
	list, err = d.ReadDir(".")
	if err != nil || len(list) != 1 || !list[0].Dir || list[0].Name != "q" {
		t.Fatal(list, err)
	}
	for _, dir := range []string{".", "q"} {
		if err := d.SyncDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Remove("q"); err == nil {
		t.Fatal("a directory with files was removed")
	}
	if runtime.GOOS != "windows" {
		for name, want := range map[string]fs.FileMode{"": 0o750, "q": 0o750, "q/one": 0o640} {
			if info, err := os.Stat(filepath.Join(path, name)); err != nil || info.Mode().Perm() != want {
				t.Errorf("%q: %v, %v", name, info.Mode(), err)
			}
		}
	}
	for _, name := range []string{"q/one", "q"} {
		if err := d.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := d.Free(); err != nil && !errors.Is(err, errors.ErrUnsupported) || err == nil && n <= 0 {
		t.Fatal(n, err)
	}
}

func TestExistingDir(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	if _, err := ExistingDir(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ExistingDir(path); err == nil {
		t.Fatal("a file is no directory")
	}
}

func TestNamesStayInside(t *testing.T) {
	d, _ := open(t)
	for _, name := range []string{"../x", "/x", "q/../../x", "", "q//x"} {
		if _, err := d.Create(name); err == nil {
			t.Errorf("%q was made", name)
		}
		if _, err := d.Open(name); err == nil {
			t.Errorf("%q was opened", name)
		}
	}
}

// Links that somebody has put where our files should be are not followed, not
// even inside of the directory, and what they lead to stays as it is.
func TestPlantedLinks(t *testing.T) {
	d, path := open(t)
	outside := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(outside, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Mkdir("q"); err != nil {
		t.Fatal(err)
	}
	create(t, d, "q/inside", "precious")
	for link, to := range map[string]string{
		"q/out": outside, "q/in": "inside", "r": "q", "q/nowhere": filepath.Join(path, "made"),
	} {
		if err := os.Symlink(to, filepath.Join(path, filepath.FromSlash(link))); err != nil {
			t.Skip("no symbolic links: ", err)
		}
	}
	for _, name := range []string{"q/out", "q/in", "q/nowhere", "r/inside"} {
		if _, err := d.Open(name); err == nil {
			t.Errorf("%s was opened", name)
		}
		if _, err := d.Create(name); err == nil {
			t.Errorf("%s was made", name)
		}
		if _, err := d.Lock(name); err == nil {
			t.Errorf("%s was locked", name)
		}
	}
	if _, err := d.ReadDir("r"); err == nil {
		t.Error("r was listed")
	}
	if err := d.SyncDir("r"); err == nil {
		t.Error("r was synced")
	}
	list, err := d.ReadDir("q")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.Regular != (e.Name == "inside") || e.Dir {
			t.Errorf("%+v", e)
		}
	}
	for _, name := range []string{outside, filepath.Join(path, "q", "inside")} {
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, []byte("precious")) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(path, "made")); err == nil {
		t.Error("a file was made behind a link")
	}
}

// A link put in the place of the whole directory is refused, too.
func TestReplacedDirectory(t *testing.T) {
	d, path := open(t)
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ReadDir("."); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.Symlink(path+".away", path); err != nil {
		t.Skip("no symbolic links: ", err)
	}
	if _, err := d.Create("x"); err == nil {
		t.Fatal("a link was followed")
	}
}

func TestLock(t *testing.T) {
	d, path := open(t)
	l, err := d.Lock("lock")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Lock("lock"); !errors.Is(err, ErrLocked) {
		t.Fatal(err)
	}
	if err := l.Unlock(false); err != nil {
		t.Fatal(err)
	}
	if l, err = d.Lock("lock"); err != nil {
		t.Fatal(err)
	}
	// A lock whose file was replaced keeps nobody out, and is not what the
	// next one gets.
	if runtime.GOOS != "windows" {
		if err := os.Remove(filepath.Join(path, "lock")); err != nil {
			t.Fatal(err)
		}
		second, err := d.Lock("lock")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Lock("lock"); !errors.Is(err, ErrLocked) {
			t.Fatal(err)
		}
		if err := l.Unlock(false); err != nil {
			t.Fatal(err)
		}
		l = second
	}
	if err := l.Unlock(true); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(path, "lock")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// The owner removes the lock when it goes: whoever waited does not end up with
// a lock on a file that has no name.
func TestLockRemovedMeanwhile(t *testing.T) {
	d, path := open(t)
	for range 200 {
		l, err := d.Lock("lock")
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan Lock)
		go func() {
			for {
				l, err := d.Lock("lock")
				if err == nil {
					got <- l
					return
				}
				if !errors.Is(err, ErrLocked) {
					t.Error(err)
					got <- nil
					return
				}
			}
		}()
		if err := l.Unlock(true); err != nil {
			t.Fatal(err)
		}
		if l = <-got; l == nil {
			return
		}
		if _, err := os.Lstat(filepath.Join(path, "lock")); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Lock("lock"); !errors.Is(err, ErrLocked) {
			t.Fatal(err)
		}
		if err := l.Unlock(true); err != nil {
			t.Fatal(err)
		}
	}
}
