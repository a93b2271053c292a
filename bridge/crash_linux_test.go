package bridge

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A directory in which nothing can be written is an error; on a disk that is
// full, what lies there is logged and gone.
func TestCaptureCrashesDisk(t *testing.T) {
	for _, readOnly := range []bool{true, false} {
		dir := t.TempDir()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16k"); err != nil {
			t.Skipf("no file system to fill: mount tmpfs: %v", err)
		}
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				t.Errorf("unmount: %v", err)
			}
		})
		oldCrash(t, dir, 1, crashText)
		full := filepath.Join(dir, "full")
		if err := os.WriteFile(full, make([]byte, 32<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		if readOnly {
			if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
		}
		c := &capture{}
		stop, err := CaptureCrashes(dir, WithLogger(NewLogger("test", WithPipeline(newPipeline(t, c)))))
		if readOnly {
			if !errors.Is(err, syscall.EROFS) || len(c.take()) != 0 {
				t.Errorf("read-only: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if recs, left := c.take(), listDir(t, dir); len(recs) != 1 || len(left) != 1 {
			t.Errorf("%d records, files %q", len(recs), left)
		}
	}
}
