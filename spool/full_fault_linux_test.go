package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// tmpfs returns a directory with room for so many bytes.
func tmpfs(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("size=", size)); err != nil {
		t.Skipf("no file system of a known size: mount tmpfs: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// A disk that others fill keeps the queue from taking more, whatever max_size
// says. Nothing it has taken is lost, and once there is room again it goes on by
// itself.
func TestDiskFullAndFreed(t *testing.T) {
	for _, policy := range []OnFull{DropOldest, DropNewest, Block} {
		for _, sync := range []SyncPolicy{SyncAlways, SyncPolicy(1e6), SyncNever} {
			t.Run(policy.String()+" "+sync.String(), func(t *testing.T) {
				dir := tmpfs(t, 1<<20)
				filler := filepath.Join(dir, "filler")
				if err := os.WriteFile(filler, make([]byte, 600<<10), 0o600); err != nil {
					t.Fatal(err)
				}
				c := DefaultConfig()
				c.Directory, c.MaxSize, c.OnFull, c.Sync = filepath.Join(dir, "spool"), 2*exporters.MiB, policy, sync
				sink := newOutage(errDown)
				s := newSpool(t, sink, c)
				next := 0
				writeSome := func(n int) (err error) {
					for range n {
						taken, failed := s.Write(t.Context(), sinktest.Records("full", next, 30))
						if next += taken; failed != nil {
							err = failed
						}
					}
					return err
				}
				err := writeSome(200)
				if kind, _ := exporters.Classify(err); !errors.Is(err, syscall.ENOSPC) || kind != exporters.Retryable {
					t.Fatalf("after %d records: %v, want ENOSPC, worth another try", next, err)
				}
				if st := s.Spooled(); st.LastError == "" || st.Dropped != nil || next == 0 {
					t.Errorf("%d taken, %+v", next, st)
				}
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
				before := next
				if err := writeSome(20); err != nil || next != before+600 {
					t.Fatalf("the disk has room again: %d of 600, %v", next-before, err)
				}
				// What a process finds that comes later is whole, too.
				if policy == Block {
					shutdown(t, s)
					sink = newOutage(nil)
					s = newSpool(t, sink, c)
				}
				sink.end()
				flushed(t, s)
				wantIDs(t, ids(&sink.Memory), series("full", 0, next))
				if st := s.Spooled(); st.Dropped != nil || st.LastError != "" {
					t.Errorf("%+v", st)
				}
				shutdown(t, s)
			})
		}
	}
}

// While the queue's own records fill the disk, delivering them makes room.
func TestFullDiskDrains(t *testing.T) {
	dir := tmpfs(t, 1<<20)
	c := DefaultConfig()
	c.Directory, c.MaxSize = dir, 512*exporters.MiB // segments are larger than the disk
	sink := newOutage(errDown)
	s := newSpool(t, sink, c)
	next := 0
	for {
		taken, err := s.Write(t.Context(), sinktest.Records("drain", next, 30))
		if next += taken; err != nil {
			break
		}
	}
	sink.end()
	flushed(t, s)
	for range 100 {
		write(t, s, "drain", next, 30)
		next += 30
		flushed(t, s)
	}
	wantIDs(t, ids(&sink.Memory), series("drain", 0, next))
	shutdown(t, s)
}

const descriptorsEnv = "SPOOL_TEST_DESCRIPTORS"

// TestDescriptorsChild runs out of descriptors, in a process of its own, and
// gets them back.
func TestDescriptorsChild(t *testing.T) {
	dir := os.Getenv(descriptorsEnv)
	if dir == "" {
		t.Skip("run by TestDescriptors")
	}
	c := DefaultConfig()
	c.Directory, c.MaxSize = dir, exporters.MiB // segments of 128 KiB
	sink := newOutage(errDown)
	s := newSpool(t, sink, c)
	next := 0
	writeSome := func(n int) (err error) {
		for range n {
			taken, failed := s.Write(context.Background(), sinktest.Records("fds", next, 20))
			if next += taken; failed != nil {
				err = failed
			}
		}
		return err
	}
	if err := writeSome(10); err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	less := limit
	less.Cur = 0 // whatever is open stays open
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &less); err != nil {
		t.Fatal(err)
	}
	err := writeSome(200)
	if kind, _ := exporters.Classify(err); !errors.Is(err, syscall.EMFILE) || kind != exporters.Retryable {
		t.Errorf("after %d records: %v, want EMFILE, worth another try", next, err)
	}
	if st := s.Spooled(); st.LastError == "" || st.Dropped != nil {
		t.Errorf("%+v", st)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := writeSome(50); err != nil {
		t.Errorf("with descriptors again: %v", err)
	}
	sink.end()
	flushed(t, s)
	wantIDs(t, ids(&sink.Memory), series("fds", 0, next))
	shutdown(t, s)
	fmt.Println("done")
}

// A process without descriptors neither blocks nor loses anything, and goes on
// by itself when it has some again.
func TestDescriptors(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestDescriptorsChild$")
	cmd.Env = append(os.Environ(), descriptorsEnv+"="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "done") {
		t.Errorf("%v\n%s", err, out)
	}
}
