package spool

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

func TestValidate(t *testing.T) {
	ok := DefaultConfig()
	ok.Directory = "queue"
	if err := ok.Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for want, change := range map[string]func(*Config){
		"directory: is empty":                  func(c *Config) { c.Directory = "" },
		"directory: \"a\\x00b\" holds a NUL":   func(c *Config) { c.Directory = "a\x00b" },
		"max_size: want at least 512KiB":       func(c *Config) { c.MaxSize = 100 * exporters.KiB },
		"sync: want always":                    func(c *Config) { c.Sync = -2 },
		"on_full: unknown value 7":             func(c *Config) { c.OnFull = 7 },
		"reserve: want a share from 0 to belo": func(c *Config) { c.Reserve = 1 },
		"min_free: want 0 or more":             func(c *Config) { c.MinFree = -1 },
	} {
		c := ok
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if _, err := New(new(sinktest.Memory), c); err == nil {
			t.Errorf("New takes what is refused with %q", want)
		}
	}
	if _, err := New(nil, ok); err == nil {
		t.Error("New takes no exporter")
	}
}

func TestTexts(t *testing.T) {
	for _, text := range []string{"always", "never", "every 200ms", "every 1m0s"} {
		var p SyncPolicy
		if err := p.UnmarshalText([]byte(text)); err != nil || p.String() != text {
			t.Errorf("%q becomes %q, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "Always", "every", "every 0s", "every -1s", "every unlimited", "every 200", "200ms"} {
		var p SyncPolicy
		if err := p.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for %s", text, p)
		}
	}
	for _, want := range []OnFull{DropOldest, DropNewest, Block} {
		var p OnFull
		text, _ := want.MarshalText()
		if err := p.UnmarshalText(text); err != nil || p != want {
			t.Errorf("%q becomes %s, %v", text, p, err)
		}
	}
	if err := new(OnFull).UnmarshalText([]byte("drop_lowest")); err == nil || !strings.Contains(err.Error(), "drop_oldest, drop_newest, block") {
		t.Errorf("drop_lowest: %v", err)
	}
	if c := DefaultConfig(); c.Sync != SyncPolicy(200*time.Millisecond) || c.segmentSize() != 16<<20 {
		t.Errorf("%+v", c)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                             "",
		filepath.Join(dir, "new/er"):    "",
		file:                            "no directory",
		filepath.Join(file, "below/it"): "directory: ",
	} {
		c := DefaultConfig()
		c.Directory = path
		err := c.Check()
		if (err == nil) != (want == "") || err != nil && (!strings.HasPrefix(err.Error(), "directory: ") || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if runtime.GOOS == "linux" {
		// Root may write there, and can make nothing.
		c := DefaultConfig()
		for _, c.Directory = range []string{"/proc/nope/q", "/proc/self", "/sys/kernel/q"} {
			if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), "directory: nothing can be made in ") {
				t.Errorf("%s: %v", c.Directory, err)
			}
		}
	}
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("Check has made %q", left)
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() <= 0 {
		t.Skip("root may write anywhere, and Windows cannot tell")
	}
	c := DefaultConfig()
	c.Directory = filepath.Join(closed, "queue")
	if err := c.Check(); err == nil {
		t.Error("a directory that nobody may write to is fine")
	}
}
