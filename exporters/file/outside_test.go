//go:build !windows

package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

func fileIDs(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sinktest.IDs(data)
}

func wantFileIDs(t *testing.T, path, series string, numbers ...int) {
	t.Helper()
	var want []string
	for _, n := range numbers {
		want = append(want, sinktest.ID(series, n))
	}
	if got := fileIDs(t, path); !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", filepath.Base(path), got, want)
	}
}

// What others do to the live file is noticed before the next batch.
func TestOutsideRotation(t *testing.T) {
	for _, shared := range []bool{false, true} {
		c := testConfig(t)
		c.Shared = shared
		e := newTest(t, c)
		write(t, e, sinktest.Records("out", 0, 1))
		old := c.Path + ".old"
		if err := os.Rename(c.Path, old); err != nil {
			t.Fatal(err)
		}
		write(t, e, sinktest.Records("out", 1, 1))
		wantFileIDs(t, old, "out", 0)
		wantFileIDs(t, c.Path, "out", 1)

		// Another file in its place, which ends within a line.
		if err := os.Rename(c.Path, old); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(c.Path, []byte(`{"torn`), 0o600); err != nil {
			t.Fatal(err)
		}
		write(t, e, sinktest.Records("out", 2, 1))
		wantFileIDs(t, c.Path, "out", 2)
		if data, _ := os.ReadFile(c.Path); bytes.Contains(data, []byte("torn")) {
			t.Errorf("the torn line stands: %q", data)
		}

		if err := os.Remove(c.Path); err != nil {
			t.Fatal(err)
		}
		write(t, e, sinktest.Records("out", 3, 2))
		wantFileIDs(t, c.Path, "out", 3, 4)

		if err := os.RemoveAll(filepath.Dir(c.Path)); err != nil {
			t.Fatal(err)
		}
		write(t, e, sinktest.Records("out", 5, 1))
		wantFileIDs(t, c.Path, "out", 5)

		if s := e.Stats(); s.Reopens != 4 {
			t.Errorf("%d reopens counted, want 4", s.Reopens)
		}
	}
}

// The size that rotation goes by is that of the file, whoever changed it.
func TestTruncationIsNoticed(t *testing.T) {
	for _, reopen := range []bool{true, false} {
		c := testConfig(t)
		c.Rotation.MaxSize = 1000
		c.Reopen = reopen
		e := newTest(t, c)
		for i := range 20 {
			write(t, e, sinktest.Records("cut", i, 5))
			if err := os.Truncate(c.Path, 0); err != nil {
				t.Fatal(err)
			}
		}
		write(t, e, sinktest.Records("cut", 20, 1))
		wantFileIDs(t, c.Path, "cut", 20)
		if n := e.Stats().Rotations; n != 0 {
			t.Errorf("%d rotations", n)
		}
		// Another program appends.
		f, err := os.OpenFile(c.Path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(f, "%800s\n", "x"); err != nil {
			t.Fatal(err)
		}
		f.Close()
		write(t, e, sinktest.Records("cut", 21, 1))
		wantFileIDs(t, c.Path, "cut", 21)
		if n := e.Stats().Rotations; n != 1 {
			t.Errorf("%d rotations, want 1", n)
		}
	}
}

// A file that is removed between the look and the write takes no record away.
func TestRemovedWhileWriting(t *testing.T) {
	c := testConfig(t)
	e := newTest(t, c)
	removals := 2
	e.write = func(f *os.File, p []byte) (int, error) {
		if removals > 0 {
			removals--
			if err := os.Remove(c.Path); err != nil {
				t.Error(err)
			}
		}
		return f.Write(p)
	}
	write(t, e, sinktest.Records("gone", 0, 5))
	wantFileIDs(t, c.Path, "gone", 0, 1, 2, 3, 4)
	removals = 100
	write(t, e, sinktest.Records("gone", 5, 1)) // ends
}

// Without reopen the open file is written to until Reopen is called.
func TestReopen(t *testing.T) {
	c := testConfig(t)
	c.Reopen = false
	e := newTest(t, c)
	write(t, e, sinktest.Records("hup", 0, 1))
	if err := e.Reopen(); err != nil {
		t.Fatal(err)
	}
	old := c.Path + ".old"
	if err := os.Rename(c.Path, old); err != nil {
		t.Fatal(err)
	}
	write(t, e, sinktest.Records("hup", 1, 1))
	wantFileIDs(t, old, "hup", 0, 1)
	if err := e.Reopen(); err != nil {
		t.Fatal(err)
	}
	write(t, e, sinktest.Records("hup", 2, 1))
	wantFileIDs(t, old, "hup", 0, 1)
	wantFileIDs(t, c.Path, "hup", 2)
	if n := e.Stats().Reopens; n != 1 {
		t.Errorf("%d reopens, want 1", n)
	}
}

// What is no regular file, put in the place of the live one, is refused and
// left alone; logging resumes when it is gone. The same for the directory.
func TestSwappedWhileRunning(t *testing.T) {
	for _, shared := range []bool{false, true} {
		c := testConfig(t)
		c.Shared = shared
		dir := filepath.Dir(c.Path)
		elsewhere := t.TempDir()
		precious := filepath.Join(elsewhere, filepath.Base(c.Path))
		if err := os.WriteFile(precious, []byte("precious\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		e := newTest(t, c)
		done := 0
		write(t, e, sinktest.Records("swap", done, 1))
		for _, s := range []struct {
			path, want string
			put        func(string) error
		}{
			{c.Path, "a symbolic link", func(p string) error { return os.Symlink(precious, p) }},
			{c.Path, "a FIFO", mkfifo},
			{c.Path, "a directory", func(p string) error { return os.Mkdir(p, 0o700) }},
			{c.Path, "a device", func(p string) error { return unix.Mknod(p, syscall.S_IFCHR|0o600, int(unix.Mkdev(1, 3))) }},
			{dir, "a symbolic link", func(p string) error { return os.Symlink(elsewhere, p) }},
			{dir, dir, func(p string) error { return os.WriteFile(p, nil, 0o600) }},
		} {
			aside := s.path + ".aside"
			if err := os.Rename(s.path, aside); err != nil {
				t.Fatal(err)
			}
			err := s.put(s.path)
			if errors.Is(err, syscall.EPERM) || errors.Is(err, errors.ErrUnsupported) {
				t.Logf("%s cannot be made here: %v", s.want, err)
			} else if err != nil {
				t.Fatal(err)
			} else {
				for range 2 {
					n, err := e.Write(t.Context(), sinktest.Records("swap", done+1, 1))
					if kind, _ := exporters.Classify(err); n != 0 || err == nil || !strings.Contains(err.Error(), s.want) || kind != exporters.Retryable {
						t.Errorf("Write = %d, %v, want an error that tells %q", n, err, s.want)
					}
				}
				if err := os.Remove(s.path); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Rename(aside, s.path); err != nil {
				t.Fatal(err)
			}
			done++
			write(t, e, sinktest.Records("swap", done, 1))
		}
		wantIDs(t, readSet(t, c), "swap", done+1)
		if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) != 1 {
			t.Errorf("elsewhere: %v, %v", entries, err)
		}
		if data, err := os.ReadFile(precious); err != nil || string(data) != "precious\n" {
			t.Errorf("the file elsewhere holds %q, %v", data, err)
		}
	}
}

// A symbolic link to the directory that was there at the start is followed
// once: that it is turned elsewhere later changes nothing.
func TestLinkedDirectory(t *testing.T) {
	c := testConfig(t)
	root := t.TempDir()
	first, second, link := filepath.Join(root, "1"), filepath.Join(root, "2"), filepath.Join(root, "current")
	for _, dir := range []string{first, second} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(first, link); err != nil {
		t.Fatal(err)
	}
	c.Path = filepath.Join(link, "app.jsonl")
	c.Rotation.MaxSize = 200
	e := newTest(t, c)
	write(t, e, sinktest.Records("link", 0, 2))
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(second, link); err != nil {
		t.Fatal(err)
	}
	write(t, e, sinktest.Records("link", 2, 2))
	c.Path = filepath.Join(first, "app.jsonl")
	wantIDs(t, readSet(t, c), "link", 4)
}

// Without descriptors to be had nothing is lost and nobody panics.
func TestNoDescriptors(t *testing.T) {
	for _, shared := range []bool{false, true} {
		c := rotating(t, "timestamp")
		c.Retention.MaxFiles = KeepAll
		c.Shared = shared
		c.Include = []encode.Field{}
		e := newTest(t, c)
		write(t, e, sinktest.Records("emfile", 0, 1))
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		none := limit
		none.Cur = 0
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
			t.Skipf("the limit cannot be changed: %v", err)
		}
		// Rotation needs one to list the backups.
		n, err := e.Write(t.Context(), sinktest.Records("emfile", 1, 3))
		if rerr := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); rerr != nil {
			t.Fatal(rerr)
		}
		if n != 3 || !errors.Is(err, syscall.EMFILE) {
			t.Errorf("Write = %d, %v; want all, and EMFILE", n, err)
		}
		e.retryRotation = e.retryRotation.Add(-rotationPause)
		write(t, e, sinktest.Records("emfile", 4, 3))
		wantIDs(t, readSet(t, c), "emfile", 7)
		if len(backups(t, c)) == 0 {
			t.Error("no rotation afterwards")
		}
	}
}

// The real logrotate, in both its modes, under load.
func TestLogrotate(t *testing.T) {
	logrotate, err := exec.LookPath("logrotate")
	if err != nil {
		t.Skip("logrotate is not installed")
	}
	for _, mode := range []string{"create 0640", "nocreate", "copytruncate"} {
		t.Run(mode, func(t *testing.T) {
			c := testConfig(t)
			e := newTest(t, c)
			dir := t.TempDir()
			conf := filepath.Join(dir, "conf")
			text := fmt.Sprintf("%q {\n%s\nrotate 100\nmissingok\n}\n", c.Path, mode)
			if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if os.Geteuid() == 0 {
				// logrotate distrusts directories and files of other owners.
				if err := os.Chmod(filepath.Dir(c.Path), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			const rounds, batch = 10, 20
			for i := range rounds {
				write(t, e, sinktest.Records("rotate", i*batch, batch))
				// Nothing is written while it runs: what a copytruncate meets
				// is lost by its nature.
				out, err := exec.Command(logrotate, "--force", "--state", filepath.Join(dir, "state"), conf).CombinedOutput()
				if err != nil {
					t.Fatalf("logrotate: %v\n%s", err, out)
				}
			}
			write(t, e, sinktest.Records("rotate", rounds*batch, 1))
			var all []byte
			for i := rounds; i >= 0; i-- {
				path := c.Path
				if i > 0 {
					path = fmt.Sprintf("%s.%d", c.Path, i)
				}
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if want := min(i, 1)*(batch-1) + 1; len(sinktest.IDs(data)) != want {
					t.Errorf("%s has %d records, want %d", path, len(sinktest.IDs(data)), want)
				}
				all = append(all, data...)
			}
			wantIDs(t, all, "rotate", rounds*batch+1)
		})
	}
}

// Nothing is lost while logrotate renames under load. With its create it would
// find the file made again already, and move that aside under a name that the
// next rotation overwrites.
func TestLogrotateUnderLoad(t *testing.T) {
	logrotate, err := exec.LookPath("logrotate")
	if err != nil {
		t.Skip("logrotate is not installed")
	}
	c := testConfig(t)
	e := newTest(t, c)
	dir := t.TempDir()
	conf := filepath.Join(dir, "conf")
	if err := os.WriteFile(conf, []byte(fmt.Sprintf("%q {\nnocreate\nrotate 100\nmissingok\n}\n", c.Path)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(c.Path), 0o755); err != nil {
		t.Fatal(err)
	}
	const rounds = 10
	done := make(chan error)
	go func() {
		for range rounds {
			out, err := exec.Command(logrotate, "--force", "--state", filepath.Join(dir, "state"), conf).CombinedOutput()
			if err != nil {
				done <- fmt.Errorf("%w: %s", err, out)
				return
			}
		}
		close(done)
	}()
	n := 0
	for running := true; running; {
		write(t, e, sinktest.Records("load", n, 3))
		n += 3
		select {
		case err, failed := <-done:
			if failed {
				t.Fatal(err)
			}
			running = false
		default:
		}
	}
	var all []byte
	for i := rounds; i >= 0; i-- {
		path := c.Path
		if i > 0 {
			path = fmt.Sprintf("%s.%d", c.Path, i)
		}
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // an empty one is not rotated
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	for i, id := range sinktest.IDs(all) {
		if id != sinktest.ID("load", i) {
			t.Fatalf("%s where record %d should be", id, i)
		}
	}
	if got := len(sinktest.IDs(all)); got != n {
		t.Errorf("%d records, want %d", got, n)
	}
}
