package spool

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// ext4 is a file system of the test's own, on a loop device.
type ext4 struct{ image, dir string }

func newExt4(t *testing.T) ext4 {
	t.Helper()
	root := t.TempDir()
	fs := ext4{filepath.Join(root, "image"), filepath.Join(root, "mnt")}
	for _, err := range []error{os.Mkdir(fs.dir, 0o700), os.WriteFile(fs.image, nil, 0o600), os.Truncate(fs.image, 64<<20)} {
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

// remount fails the test if anything is open in the file system.
func (fs ext4) remount(t *testing.T) {
	t.Helper()
	if err := unix.Unmount(fs.dir, 0); err != nil {
		t.Fatalf("the file system cannot be repaired: %v", err)
	}
	if out, err := fs.mount(); err != nil {
		t.Fatalf("mount: %v %s", err, out)
	}
}

// shutDown makes every access fail with EIO from now on; what is not on the disk
// yet is lost: a power cut (EXT4_IOC_SHUTDOWN without flushing its log).
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
	trigger := filepath.Join("/sys/fs/ext4", filepath.Base(strings.TrimSpace(string(device))), "trigger_fs_error")
	if err := os.WriteFile(trigger, []byte("test"), 0); err != nil {
		t.Skipf("no error can be triggered: %v", err)
	}
}

func (fs ext4) config(policy string) (c Config) {
	c = DefaultConfig()
	c.Directory, c.MaxSize, c.OnFull = filepath.Join(fs.dir, "spool"), 48*exporters.MiB, Block
	_ = c.Sync.UnmarshalText([]byte(policy))
	return c
}

// load is goroutines that write, each a series.
type load struct {
	stop    atomic.Bool
	writers sync.WaitGroup
	mu      sync.Mutex
	acked   []ack
	failed  error
}

type ack struct {
	id   string
	when time.Time // its Write has returned
}

func startLoad(s *Spool, series ...string) *load {
	l := new(load)
	for _, name := range series {
		l.writers.Go(func() {
			for done := 0; !l.stop.Load(); {
				n, err := s.Write(context.Background(), sinktest.Records(name, done, 1+done%17))
				when := time.Now()
				l.mu.Lock()
				for i := range n {
					l.acked = append(l.acked, ack{sinktest.ID(name, done+i), when})
				}
				if err != nil {
					l.failed = err
				}
				l.mu.Unlock()
				done += n
				time.Sleep(100 * time.Microsecond) // there is a bound on what a test may write
			}
		})
	}
	return l
}

// ids returns what was acknowledged until a moment.
func (l *load) ids(until time.Time) (ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.acked {
		if a.when.Before(until) {
			ids = append(ids, a.id)
		}
	}
	return ids
}

// A power cut costs nothing with always, and with every 200ms at most what was
// written just before.
func TestPowerCutOfADisk(t *testing.T) {
	rounds := 1
	if os.Getenv("SLUICE_LONG") != "" {
		rounds = 20
	}
	rnd := faultSeed(t)
	for _, policy := range []string{"always", "every 200ms"} {
		t.Run(policy, func(t *testing.T) {
			fs := newExt4(t)
			for round := range rounds {
				s := newSpool(t, newOutage(errDown), fs.config(policy))
				mark := fmt.Sprint("p", string(rune('a'+round)))
				l := startLoad(s, mark+"a", mark+"b", mark+"c")
				slow := fs.probe(t, time.Second+time.Duration(rnd.IntN(400))*time.Millisecond)
				cut := time.Now()
				fs.shutDown(t)
				l.stop.Store(true)
				l.writers.Wait()
				_ = s.Shutdown(context.Background()) // says that the disk is gone
				fs.remount(t)

				until := time.Now() // acknowledged is on the disk
				if policy != "always" {
					// How late a sync comes that is due is the machine's affair.
					until = cut.Add(-200*time.Millisecond - 3*slow)
				}
				sink := new(sinktest.Memory)
				s = newSpool(t, sink, fs.config(policy))
				flushed(t, s)
				shutdown(t, s)
				acked := l.ids(until)
				wantDelivered(t, acked, deliveries(sink))
				t.Logf("%d of %d acknowledged records had to be there, %d were; the slowest of other syncs took %v",
					len(acked), len(l.acked), sink.Len(), slow)
				if len(acked) == 0 && slow < 200*time.Millisecond {
					t.Error("nothing was tried")
				}
			}
		})
	}
}

// probe writes and syncs a file of its own for so long, and returns how long
// that took at most.
func (fs ext4) probe(t *testing.T, length time.Duration) (slowest time.Duration) {
	t.Helper()
	f := appendTo(t, filepath.Join(fs.dir, "probe"))
	defer f.Close()
	for end := time.Now().Add(length); time.Now().Before(end); {
		begin := time.Now()
		time.Sleep(20 * time.Millisecond)
		_, err := f.WriteString("probe\n")
		if err == nil {
			err = f.Sync()
		}
		if err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, time.Since(begin))
	}
	return slowest
}

// A disk that fails, or turns read-only, is given up so that it can be repaired;
// then everything goes on by itself, and nothing that was acknowledged is lost:
// what was not synced was kept in memory.
func TestDiskFailsAndIsRepaired(t *testing.T) {
	for name, strike := range map[string]func(ext4, *testing.T){"EIO": ext4.shutDown, "read-only": ext4.breakDown} {
		for _, policy := range []string{"always", "every 200ms"} {
			t.Run(name+" "+policy, func(t *testing.T) {
				fs := newExt4(t)
				sink := newOutage(errDown)
				s := newSpool(t, sink, fs.config(policy))
				l := startLoad(s, "before")
				for len(l.ids(time.Now())) < 500 {
					time.Sleep(time.Millisecond)
				}
				strike(fs, t)
				// The load meets the failure by itself; nobody helps it.
				for {
					l.mu.Lock()
					err := l.failed
					l.mu.Unlock()
					if err != nil {
						if kind, _ := exporters.Classify(err); kind != exporters.Retryable {
							t.Fatal(err)
						}
						break
					}
					time.Sleep(time.Millisecond)
				}
				l.stop.Store(true)
				l.writers.Wait()
				if st := s.Spooled(); st.LastError == "" || st.FailingSince.IsZero() {
					t.Errorf("nothing is told of the disk: %+v", st)
				}
				fs.remount(t)
				l.failed = nil
				after := startLoad(s, "after")
				for len(after.ids(time.Now())) < 500 {
					time.Sleep(time.Millisecond)
				}
				after.stop.Store(true)
				after.writers.Wait()
				sink.end()
				flushed(t, s)
				if st := s.Spooled(); st.LastError != "" || st.Dropped != nil {
					t.Errorf("afterwards: %+v", st)
				}
				shutdown(t, s)
				wantDelivered(t, slices.Concat(l.ids(time.Now()), after.ids(time.Now())), deliveries(&sink.Memory))
			})
		}
	}
}
