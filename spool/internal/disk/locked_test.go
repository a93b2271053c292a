package disk

import (
	"os"
	"path/filepath"
	"testing"
)

// Locked tells without making a file, and keeps nobody out afterwards.
func TestLocked(t *testing.T) {
	path := t.TempDir()
	d, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	want := func(want bool) {
		t.Helper()
		if got, err := d.Locked("lock"); got != want || err != nil {
			t.Errorf("Locked = %v, %v; want %v", got, err, want)
		}
	}
	want(false)
	if _, err := os.Lstat(filepath.Join(path, "lock")); !os.IsNotExist(err) {
		t.Errorf("a look has made the file: %v", err)
	}
	for range 2 {
		l, err := d.Lock("lock")
		if err != nil {
			t.Fatal(err)
		}
		want(true)
		if err := l.Unlock(false); err != nil {
			t.Fatal(err)
		}
		want(false)
	}
	if err := os.Symlink("lock", filepath.Join(path, "link")); err != nil {
		t.Skip(err)
	}
	if _, err := d.Locked("link"); err == nil {
		t.Error("Locked follows a symbolic link")
	}
}
