package file

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

func TestTwoExportersOnOneFile(t *testing.T) {
	c := testConfig(t)
	c.Rotation = Rotation{MaxSize: 200, Naming: "numbered", Compression: "none"}
	e := newTest(t, c)
	dir := filepath.Dir(c.Path)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(c.Path, filepath.Join(dir, "hard.jsonl")); err != nil {
		t.Fatal(err)
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(wd, c.Path)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		c.Path:                                  "already written",
		relative:                                "already written",
		dir + "/../logs//app.jsonl":             "already written",
		filepath.Join(link, "app.jsonl"):        "already written",
		filepath.Join(dir, "hard.jsonl"):        "another exporter writes",
		filepath.Join(dir, "app.jsonl.7"):       "backups",
		filepath.Join(dir, "other", "app.json"): "",
		filepath.Join(dir, "app.jsonl.x"):       "",
	} {
		d := c
		d.Path = path
		second, err := New(d)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", path, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want an error that tells %q", path, err, want)
		}
		if err == nil {
			_ = second.Shutdown(t.Context())
		}
	}
	// The other way round: a backup's name is taken first.
	d := c
	d.Path = filepath.Join(dir, "late.jsonl.3")
	newTest(t, d)
	d.Path = filepath.Join(dir, "late.jsonl")
	if _, err := New(d); err == nil || !strings.Contains(err.Error(), "backups") {
		t.Errorf("%s beside its backup's name: %v", d.Path, err)
	}
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	newTest(t, c)
}

// A file that is not open any more is nobody's: a descriptor was given up
// after an I/O error, and the file has become another exporter's.
func TestGivenUpFileIsFree(t *testing.T) {
	c := testConfig(t)
	e := newTest(t, c)
	e.write = func(*os.File, []byte) (int, error) { return 0, os.ErrDeadlineExceeded }
	if _, err := e.Write(t.Context(), sinktest.Records("up", 0, 1)); err == nil {
		t.Fatal("no error")
	}
	d := c
	d.Path += ".moved"
	if err := os.Rename(c.Path, d.Path); err != nil {
		t.Fatal(err)
	}
	newTest(t, d)
}

// A New that fails keeps no claim.
func TestFailedNewFreesThePath(t *testing.T) {
	c := testConfig(t)
	if err := os.MkdirAll(c.Path, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := New(c); err == nil {
		t.Fatal("a directory was opened as a file")
	}
	if err := os.Remove(c.Path); err != nil {
		t.Fatal(err)
	}
	newTest(t, c)
}

func TestNoRegularFile(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	if err := os.WriteFile(target, []byte("precious\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{os.DevNull: "a device"}
	add := func(name, want string, do func(path string) error) {
		path := filepath.Join(dir, name)
		switch err := do(path); {
		case errors.Is(err, errors.ErrUnsupported):
		case err != nil:
			t.Fatal(err)
		default:
			paths[path] = want
		}
	}
	add("link", "a symbolic link", func(p string) error { return os.Symlink(target, p) })
	add("dangling", "a symbolic link", func(p string) error { return os.Symlink(filepath.Join(dir, "none"), p) })
	add("fifo", "a FIFO", mkfifo)
	add("dir", "a directory", func(p string) error { return os.Mkdir(p, 0o700) })
	for path, want := range paths {
		for _, mode := range []string{"append", "truncate"} {
			for _, delay := range []bool{false, true} {
				c := DefaultConfig()
				c.Path, c.Mode, c.Delay = path, mode, delay
				e, err := New(c)
				if delay {
					if err != nil {
						t.Fatal(err)
					}
					_, err = e.Write(t.Context(), sinktest.Records("no", 0, 1))
					_ = e.Shutdown(t.Context())
				}
				if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
					t.Errorf("%s: %v, want an error that tells %q", path, err, want)
				}
			}
		}
	}
	if data, err := os.ReadFile(target); err != nil || string(data) != "precious\n" {
		t.Errorf("the link's target holds %q, %v", data, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "none")); err == nil {
		t.Error("a file was made through a dangling link")
	}
}

func TestNewErrorsNameThePlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig()
	c.Path = filepath.Join(file, "app.jsonl")
	if _, err := New(c); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file as directory: %v", err)
	}
}

func TestConfigFromYAML(t *testing.T) {
	c := DefaultConfig()
	err := yaml.Unmarshal([]byte(`
path: logs/app.log
mode: truncate
delay: true
format: logfmt
include: [service, pid]
rotation: {max_size: 10MiB, naming: numbered}
retention: {max_files: 0}
permissions: 0600
directory_permissions: "0700"
`), &c)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Path: "logs/app.log", Mode: "truncate", Delay: true, Format: "logfmt",
		Include:     []encode.Field{encode.FieldService, encode.FieldPID},
		Rotation:    Rotation{MaxSize: 10 * exporters.MiB, Naming: "numbered", Compression: "none"},
		Reopen:      true,
		Permissions: 0o600, DirectoryPermissions: 0o700,
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"permissions: 0999", "permissions: 01777", "permissions: rw-r--r--", "permissions: -1", "include: [hostname]"} {
		if err := yaml.Unmarshal([]byte(bad), &c); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	text, err := yaml.Marshal(FileMode(0o640))
	if err != nil || !strings.Contains(string(text), "0640") {
		t.Errorf("0640 is written as %s, %v", text, err)
	}
}

func TestValidate(t *testing.T) {
	bad := Config{
		Mode: "w", Format: "xml", Include: []encode.Field{"x"}, Rotation: Rotation{MaxSize: -1, Naming: "x"},
		Retention: Retention{MaxFiles: -2}, Permissions: 0o440, DirectoryPermissions: 0o600,
	}
	err := bad.Validate()
	for _, key := range []string{"path:", "mode:", "format:", "include:", "rotation.max_size:", "rotation.naming:", "retention.max_files:", "\npermissions:", "directory_permissions:"} {
		if err == nil || !strings.Contains("\n"+err.Error(), key) {
			t.Errorf("error %q does not name %s", err, key)
		}
	}
	for path, valid := range map[string]bool{"": false, ".": false, "..": false, "/": false, "a/..": false, "dir/": false, "a\x00b": false, "app-%Y-%m-%d.log": false, "%H/../app.log": false, "a": true, "a/b.log": true, "100%.log": true, "a%20b": true} {
		c := DefaultConfig()
		c.Path = path
		if err := c.Validate(); (err == nil) != valid {
			t.Errorf("path %q: %v", path, err)
		}
	}
}

// Settings for backups are no use where nothing makes any.
func TestBackupSettingsNeedRotation(t *testing.T) {
	for key, set := range map[string]func(*Config){
		"rotation.compression":     func(c *Config) { c.Rotation.Compression = "gzip" },
		"retention.max_age":        func(c *Config) { c.Retention.MaxAge = 1 },
		"retention.max_total_size": func(c *Config) { c.Retention.MaxTotalSize = 1 },
		"OnRotate":                 func(c *Config) { c.OnRotate = func(context.Context, Backup) error { return nil } },
	} {
		c := DefaultConfig()
		c.Path = "app.log"
		set(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s without rotation: %v", key, err)
		}
		c.Rotation.Schedule = "daily"
		if err := c.Validate(); err != nil {
			t.Errorf("%s with rotation: %v", key, err)
		}
	}
}

// A live file never passes for its own backup, and one rank has one name.
func FuzzNaming(f *testing.F) {
	f.Add("app.jsonl", "app.jsonl.1")
	f.Add("app", "app-2026-11-21T10-15-30.123Z")
	f.Add(".log", "-2026-11-21T10-15-30.123Z.log")
	f.Fuzz(func(t *testing.T, live, name string) {
		if strings.ContainsRune(live, filepath.Separator) {
			return
		}
		n := numbered{base: live}
		ts := newNaming("timestamp", live).(*timestamped)
		for _, names := range []naming{n, ts} {
			if _, ok := names.parse(live); ok {
				t.Errorf("%T: the live file %q passes for its own backup", names, live)
			}
		}
		if rank, ok := n.parse(name); ok && n.path(int(-rank)) != name {
			t.Errorf("%q and %q have one rank", name, n.path(int(-rank)))
		}
		if rank, ok := ts.parse(name); ok && ts.path(rank) != name {
			t.Errorf("%q and %q have one rank", name, ts.path(rank))
		}
	})
}
