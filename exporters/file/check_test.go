package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(filepath.Join(dir, "plain"), []byte("x\n"), 0o640))
	must(os.Mkdir(filepath.Join(dir, "sub"), 0o750))
	for path, want := range map[string]string{
		"plain":           "",
		"new.jsonl":       "",
		"a/b/c/new.jsonl": "",
		"sub":             "directory",
		"plain/new.jsonl": "directory",
		"plain/a/b":       "directory",
	} {
		c := DefaultConfig()
		c.Path = filepath.Join(dir, path)
		err := c.Check()
		if (want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("Check of %s = %v, want %q", path, err, want)
		}
	}
	entries, err := os.ReadDir(dir)
	must(err)
	if len(entries) != 2 {
		t.Errorf("Check left %v behind", entries)
	}
	if os.Getuid() > 0 {
		must(os.Chmod(filepath.Join(dir, "sub"), 0o550))
		c := DefaultConfig()
		c.Path = filepath.Join(dir, "sub", "new.jsonl")
		if err := c.Check(); err == nil {
			t.Error("a directory that is read-only passes")
		}
	}
}
