package file

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// ext4 is a file system of the test's own.
type ext4 struct{ image, dir string }

func newExt4(t *testing.T) ext4 {
	t.Helper()
	root := t.TempDir()
	fs := ext4{filepath.Join(root, "image"), filepath.Join(root, "mnt")}
	for _, err := range []error{os.Mkdir(fs.dir, 0o700), os.WriteFile(fs.image, nil, 0o600), os.Truncate(fs.image, 8<<20)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", fs.image).CombinedOutput(); err != nil {
		t.Skipf("no ext4: %v %s", err, out)
	}
	if out, err := fs.mount(); err != nil {
		t.Skipf("no loop device: %v %s", err, out)
	}
	t.Cleanup(func() { _ = unix.Unmount(fs.dir, unix.MNT_DETACH) }) // fails where the test has done it
	return fs
}

func (fs ext4) mount() ([]byte, error) {
	return exec.Command("mount", "-o", "loop,errors=remount-ro", fs.image, fs.dir).CombinedOutput()
}

// shutDown makes every access fail with EIO from now on, what is not on the
// disk yet is lost: a power cut (EXT4_IOC_SHUTDOWN without flushing its log).
func (fs ext4) shutDown(t *testing.T) {
	t.Helper()
	d, err := os.Open(fs.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	noFlush := uint32(2)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, d.Fd(), 0x8004587d, uintptr(unsafe.Pointer(&noFlush))); errno != 0 {
		t.Skipf("the file system cannot be shut down: %v", errno)
	}
}

// breakDown has the kernel find an error and make the file system read-only.
func (fs ext4) breakDown(t *testing.T) {
	t.Helper()
	device, err := exec.Command("findmnt", "-n", "-o", "SOURCE", fs.dir).Output()
	if err != nil {
		t.Skipf("findmnt: %v", err)
	}
	trigger := filepath.Join("/sys/fs/ext4", filepath.Base(string(device[:len(device)-1])), "trigger_fs_error")
	if err := os.WriteFile(trigger, []byte("test"), 0); err != nil {
		t.Skipf("no error can be triggered: %v", err)
	}
}

// Under a file system that fails or turns read-only, records are worth another
// try, and no descriptor keeps it from being repaired: it can be unmounted.
// Then delivery resumes, and what was synced is there.
func TestFailingFileSystem(t *testing.T) {
	for name, strike := range map[string]func(ext4, *testing.T){"EIO": ext4.shutDown, "read-only": ext4.breakDown} {
		for _, shared := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				fs := newExt4(t)
				c := testConfig(t)
				c.Path = filepath.Join(fs.dir, "app.jsonl")
				c.Sync, c.Shared = SyncBatch, shared
				e := newTest(t, c)
				t.Cleanup(func() { _ = e.Shutdown(t.Context()) })
				write(t, e, sinktest.Records("io", 0, 5))
				strike(fs, t)
				for range 3 {
					n, err := e.Write(t.Context(), sinktest.Records("io", 5, 3))
					if err == nil {
						t.Fatalf("Write = %d, nil", n)
					}
					if kind, _ := exporters.Classify(err); n != 0 || kind != exporters.Retryable {
						t.Fatalf("Write = %d, %v", n, err)
					}
				}
				if err := unix.Unmount(fs.dir, 0); err != nil {
					t.Fatalf("the file system is in use: %v", err)
				}
				if out, err := fs.mount(); err != nil {
					t.Fatalf("mount: %v %s", err, out)
				}
				write(t, e, sinktest.Records("io", 5, 3))
				wantIDs(t, readSet(t, c), "io", 8)
				if err := e.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
