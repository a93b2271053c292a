package file

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// settle waits until the keeper has done all that it can do now.
func settle(e *Exporter) {
	for {
		e.keeper.mu.Lock()
		done := e.keeper.done
		e.keeper.mu.Unlock()
		if done == nil {
			return
		}
		<-done
	}
}

func decompressed(t testing.TB, path string, data []byte) []byte {
	t.Helper()
	var r io.Reader
	var err error
	switch filepath.Ext(path) {
	case ".gz":
		r, err = gzip.NewReader(bytes.NewReader(data))
	case ".zst":
		r, err = zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1))
	default:
		return data
	}
	if err == nil {
		data, err = io.ReadAll(r)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return data
}

// wantTidy checks that the keeper has left nothing half done.
func wantTidy(t testing.TB, c Config) {
	t.Helper()
	own, err := listBackups(filepath.Dir(c.Path), newNaming(c.Rotation.Naming, c.Path))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range own {
		if want := compressions[c.Rotation.Compression]; len(b.files) != 1 || b.files[0].ext != want {
			t.Errorf("%q has %d files, want one %q", b.path(), len(b.files), want)
		}
	}
	for _, name := range list(t, c) {
		if strings.HasSuffix(name, ".tmp") {
			t.Errorf("%s was left", name)
		}
	}
}

func compressing(t testing.TB, naming, compression string) Config {
	c := rotating(t, naming)
	c.Rotation.Compression = compression
	c.Retention.MaxFiles = KeepAll
	return c
}

// setEncoder has e's next compressions use what with returns.
func setEncoder(e *Exporter, with func(old encoder) encoder) {
	settle(e)
	e.keeper.mu.Lock()
	defer e.keeper.mu.Unlock()
	e.keeper.encoder = with(e.keeper.encoder)
}

// stuck makes e's next compressions wait until the returned function is
// called. held is closed when the first waits.
func stuck(e *Exporter) (held chan struct{}, free func()) {
	held, freed := make(chan struct{}), make(chan struct{})
	first := true
	setEncoder(e, func(old encoder) encoder {
		return func(w io.Writer) (io.WriteCloser, error) {
			if first {
				first = false
				close(held)
			}
			<-freed
			return old(w)
		}
	})
	return held, func() { close(freed) }
}

func TestCompression(t *testing.T) {
	for _, naming := range namings {
		for compression, test := range map[string][][]string{
			"gzip": {{"gzip", "-t"}, {"zcat"}},
			"zstd": {{"zstd", "-q", "-t"}, {"zstd", "-q", "-d", "-c"}},
		} {
			t.Run(naming+" "+compression, func(t *testing.T) {
				c := compressing(t, naming, compression)
				c.Permissions = 0o600
				c.Retention.MaxFiles = 5
				e := newTest(t, c)
				for i := range 10 {
					write(t, e, sinktest.Records("zip", i, 1))
				}
				settle(e)
				wantTidy(t, c)
				var want []string
				for i := 4; i < 10; i++ {
					want = append(want, sinktest.ID("zip", i))
				}
				if got := sinktest.IDs(readSet(t, c)); !slices.Equal(got, want) {
					t.Errorf("the set holds %q, want %q", got, want)
				}
				if s := e.Stats(); s.Compressed < 5 || s.CompressionFailures > 0 {
					t.Errorf("stats %+v", s)
				}
				for _, p := range backups(t, c) {
					if info, err := os.Stat(p); err != nil || info.Mode() != 0o600 {
						t.Errorf("%s: %v, %v", p, info.Mode(), err)
					}
				}
				for _, args := range test {
					if _, err := exec.LookPath(args[0]); err != nil {
						t.Skipf("%s is not installed: %v", args[0], err)
					}
					for i, p := range backups(t, c) {
						out, err := exec.Command(args[0], append(args[1:], p)...).Output()
						if err != nil {
							t.Errorf("%q %s: %v", args, p, err)
						}
						if got := sinktest.IDs(out); len(out) > 0 && !slices.Equal(got, want[i:i+1]) {
							t.Errorf("%q %s: %q", args, p, got)
						}
					}
				}
			})
		}
	}
}

// A compressed backup keeps the time of its last record, which retention goes
// by, and is no more readable than the plain one was.
func TestCompressionKeepsTimeAndMode(t *testing.T) {
	c := compressing(t, "timestamp", "gzip")
	e := newTest(t, c)
	write(t, e, sinktest.Records("meta", 0, 1))
	written := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	if err := errors.Join(os.Chtimes(c.Path, written, written), os.Chmod(c.Path, 0o600)); err != nil {
		t.Fatal(err)
	}
	write(t, e, sinktest.Records("meta", 1, 1))
	settle(e)
	wantTidy(t, c)
	info, err := os.Stat(backups(t, c)[0])
	if err != nil || !info.ModTime().Equal(written) || info.Mode() != 0o600 {
		t.Errorf("%v, %v, %v", info.ModTime(), info.Mode(), err)
	}
}

// However long a compression takes, writes and rotations go on and retention
// holds; a backup whose number has changed meanwhile, or that is gone, is no
// obstacle.
func TestWritesGoOnWhileCompressing(t *testing.T) {
	for _, naming := range namings {
		for _, keep := range []int{KeepAll, 3} {
			c := compressing(t, naming, "gzip")
			c.Retention.MaxFiles = keep
			e := newTest(t, c)
			held, free := stuck(e)
			write(t, e, sinktest.Records("on", 0, 2))
			<-held
			for i := 2; i < 20; i++ {
				write(t, e, sinktest.Records("on", i, 1))
				if n := len(backups(t, c)); keep != KeepAll && n > keep {
					t.Errorf("%s: %d backups, want %d", naming, n, keep)
				}
			}
			free()
			if keep == KeepAll {
				settle(e)
				wantTidy(t, c)
				wantIDs(t, readSet(t, c), "on", 20)
			} else {
				if err := e.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				if got := sinktest.IDs(readSet(t, c)); len(got) != keep+1 || got[keep] != sinktest.ID("on", 19) {
					t.Errorf("%s: the set holds %q", naming, got)
				}
			}
		}
	}
}

// From every state that a crash can leave between two steps of a compression,
// the next start carries on, whether or not a rotation comes first.
func TestCrashWhileCompressing(t *testing.T) {
	zipped := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(text))
		_ = w.Close()
		return b.String()
	}
	old := sinktest.ID("old", 0) + "\n"
	for name, state := range map[string]map[string]string{
		"half a temporary file":    {"": old, "tmp": zipped(old)[:10]},
		"renamed":                  {"": old, ".gz": zipped(old)},
		"a half file of that name": {"": old, ".gz": zipped(old)[:10]},
		"another compression":      {"": old, ".zst": "half"},
		"done":                     {".gz": zipped(old)},
		"done, a new one begun":    {".gz": zipped(old), "tmp": "x"},
		"plain one set aside":      {".gz": zipped(old), "tmp": old},
	} {
		for _, naming := range namings {
			for _, rotateFirst := range []bool{false, true} {
				c := compressing(t, naming, "gzip")
				plain := c.Path + ".1"
				if naming == "timestamp" {
					plain = strings.TrimSuffix(c.Path, ".jsonl") + "-2026-11-21T10-15-30.123Z.jsonl"
				}
				if err := os.MkdirAll(filepath.Dir(c.Path), 0o750); err != nil {
					t.Fatal(err)
				}
				for suffix, text := range state {
					path := plain + suffix
					if suffix == "tmp" {
						path = tempPath(filepath.Dir(c.Path), filepath.Base(c.Path))
					}
					if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
						t.Fatal(err)
					}
				}
				if n := len(backups(t, c)); n != 1 {
					t.Errorf("%s, %s: %d backups, want 1", name, naming, n)
				}
				c.Delay = true
				e := newTest(t, c)
				want := []string{sinktest.ID("old", 0)}
				if rotateFirst {
					held, free := stuck(e)
					write(t, e, sinktest.Records("new", 0, 3))
					<-held
					free()
					want = append(want, sinktest.ID("new", 0), sinktest.ID("new", 1), sinktest.ID("new", 2))
				} else {
					write(t, e, nil)
					write(t, e, sinktest.Records("new", 0, 1))
					want = append(want, sinktest.ID("new", 0))
				}
				settle(e)
				wantTidy(t, c)
				if got := sinktest.IDs(readSet(t, c)); !slices.Equal(got, want) {
					t.Errorf("%s, %s, rotation first %v: %q, want %q", name, naming, rotateFirst, got, want)
				}
			}
		}
	}
}

// A failing compression keeps the plain backup, is counted and repeated.
func TestCompressionFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := compressing(t, "numbered", "zstd")
		e, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		var sound encoder
		setEncoder(e, func(old encoder) encoder {
			sound = old
			return func(w io.Writer) (io.WriteCloser, error) {
				_, _ = w.Write([]byte("half"))
				return nil, syscall.ENOSPC
			}
		})
		write(t, e, sinktest.Records("fail", 0, 4))
		settle(e)
		c.Rotation.Compression = "none"
		wantTidy(t, c)
		wantIDs(t, readSet(t, c), "fail", 4)
		first := e.Stats().CompressionFailures
		if first != 3 || e.Stats().Compressed != 0 {
			t.Errorf("stats %+v", e.Stats())
		}
		time.Sleep(firstRetry + time.Millisecond)
		synctest.Wait()
		settle(e)
		if n := e.Stats().CompressionFailures; n <= first {
			t.Errorf("%d failures, it was not tried again", n)
		}
		setEncoder(e, func(encoder) encoder { return sound })
		time.Sleep(lastRetry)
		synctest.Wait()
		settle(e)
		c.Rotation.Compression = "zstd"
		wantTidy(t, c)
		wantIDs(t, readSet(t, c), "fail", 4)
		if err := e.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// What stands in the keeper's way and is no regular file is not touched.
func TestKeeperTouchesNoForeignFile(t *testing.T) {
	c := compressing(t, "numbered", "gzip")
	c.Delay = true
	dir := filepath.Dir(c.Path)
	temp := tempPath(dir, filepath.Base(c.Path))
	victim := filepath.Join(t.TempDir(), "victim")
	if err := errors.Join(os.Mkdir(dir, 0o750), os.WriteFile(victim, []byte("mine"), 0o600), os.Symlink(victim, temp)); err != nil {
		t.Fatal(err)
	}
	e := newTest(t, c)
	write(t, e, sinktest.Records("link", 0, 3))
	settle(e)
	wantIDs(t, readSet(t, c), "link", 3)
	if data, err := os.ReadFile(victim); string(data) != "mine" || err != nil {
		t.Errorf("the file behind the link: %q, %v", data, err)
	}
	if info, err := os.Lstat(temp); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link: %v, %v", info, err)
	}
	if s := e.Stats(); s.CompressionFailures == 0 || s.Compressed > 0 {
		t.Errorf("stats %+v", s)
	}
}

// Shutdown lets a compression end.
func TestShutdownFinishesCompression(t *testing.T) {
	defer goleak.VerifyNone(t)
	c := compressing(t, "timestamp", "zstd")
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	held, free := stuck(e)
	write(t, e, sinktest.Records("end", 0, 5))
	<-held
	ended := make(chan error)
	go func() { ended <- e.Shutdown(context.Background()) }()
	select {
	case err := <-ended:
		t.Fatalf("Shutdown did not wait: %v", err)
	default:
	}
	free()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	wantTidy(t, c)
	wantIDs(t, readSet(t, c), "end", 5)
}

// Shutdown ends with its context. The path is free when the compression has
// ended, and the next start makes up for it.
func TestShutdownBreaksCompressionOff(t *testing.T) {
	defer goleak.VerifyNone(t)
	c := compressing(t, "numbered", "gzip")
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	held, free := stuck(e)
	write(t, e, sinktest.Records("off", 0, 5))
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	if _, err := New(c); err == nil {
		t.Error("the path is free while a compression goes on")
	}
	e.keeper.mu.Lock()
	done := e.keeper.done
	e.keeper.mu.Unlock()
	free()
	<-done
	if s := e.Stats(); s.Compressed > 0 || s.CompressionFailures > 0 {
		t.Errorf("stats %+v", s)
	}
	e, err = New(c)
	if err != nil {
		t.Fatal(err)
	}
	settle(e)
	wantTidy(t, c)
	wantIDs(t, readSet(t, c), "off", 5)
	if err := e.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// hook records what it is called with.
type hook struct {
	calls []string // names
	ids   []string
	err   error
}

func (h *hook) call(t *testing.T) func(context.Context, Backup) error {
	return func(_ context.Context, b Backup) error {
		data, err := os.ReadFile(b.Path)
		if err != nil || int64(len(data)) != b.Size {
			t.Errorf("hook: %d of %d bytes, %v", len(data), b.Size, err)
		}
		h.calls = append(h.calls, filepath.Base(b.Path))
		if h.err != nil {
			return h.err
		}
		h.ids = append(h.ids, sinktest.IDs(decompressed(t, b.Path, data))...)
		return nil
	}
}

// Every backup is given to the hook, compressed, once and in order, before
// retention deletes it, and not again after a restart.
func TestHook(t *testing.T) {
	for _, compression := range []string{"none", "gzip", "zstd"} {
		for _, keep := range []int{0, 2, KeepAll} {
			c := compressing(t, "timestamp", compression)
			c.Retention.MaxFiles = keep
			var h hook
			c.OnRotate = h.call(t)
			var want []string
			for i := range 4 {
				e, err := New(c)
				if err != nil {
					t.Fatal(err)
				}
				write(t, e, sinktest.Records("hook"+string(rune('a'+i)), 0, 3))
				for j := range 3 {
					want = append(want, sinktest.ID("hook"+string(rune('a'+i)), j))
				}
				if err := e.Shutdown(context.Background()); err != nil {
					t.Fatal(err)
				}
				if n := len(backups(t, c)); keep != KeepAll && n != keep {
					t.Errorf("%d backups, want %d", n, keep)
				}
			}
			if !slices.Equal(h.ids, want[:len(want)-1]) {
				t.Errorf("%s: the hook has had %q, want %q", compression, h.ids, want[:len(want)-1])
			}
			if keep != 0 {
				wantTidy(t, c)
			}
		}
	}
}

// A backup is kept until its hook has succeeded, and the hook called again,
// after a restart at once.
func TestFailingHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := compressing(t, "timestamp", "gzip")
		c.Retention.MaxFiles = 1
		h := hook{err: errors.New("bucket is gone")}
		c.OnRotate = h.call(t)
		e, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			write(t, e, sinktest.Records("keep", i, 1))
		}
		settle(e)
		wantTidy(t, c)
		wantIDs(t, readSet(t, c), "keep", 5)
		e.keeper.mu.Lock()
		first := len(h.calls)
		e.keeper.mu.Unlock()
		if s := e.Stats(); s.HookFailures != uint64(first) || s.Hooked != 0 || first < 4 {
			t.Errorf("%d calls, stats %+v", first, s)
		}
		time.Sleep(firstRetry + time.Millisecond)
		synctest.Wait()
		settle(e)
		if n := len(h.calls); n != first+4 {
			t.Errorf("%d calls, then %d", first, n)
		}
		if err := e.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}

		h.err = nil
		if e, err = New(c); err != nil {
			t.Fatal(err)
		}
		settle(e)
		wantIDs(t, []byte(strings.Join(h.ids, "\n")), "keep", 4)
		if n := len(backups(t, c)); n != 1 {
			t.Errorf("%d backups, want 1", n)
		}
		if err := e.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// A crash after the hook and before the note of it has the hook called again,
// as does a damaged note; a backup that the hook takes away is done.
func TestHookIsCalledAgainWithoutNote(t *testing.T) {
	c := compressing(t, "timestamp", "zstd")
	var h hook
	c.OnRotate = h.call(t)
	notes := filepath.Join(filepath.Dir(c.Path), ".app.jsonl.hooked")
	start := func() {
		e, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	e := newTest(t, c)
	write(t, e, sinktest.Records("note", 0, 4))
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, damage := range []func(data []byte) []byte{
		func([]byte) []byte { return nil },
		func(data []byte) []byte { return bytes.Repeat([]byte("x"), len(data)) },
		func(data []byte) []byte { return bytes.ReplaceAll(data, []byte(`"`), nil) },
	} {
		h = hook{}
		start()
		if len(h.calls) > 0 {
			t.Errorf("called again for %q", h.calls)
		}
		data, err := os.ReadFile(notes)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(notes, damage(data), 0o640); err != nil {
			t.Fatal(err)
		}
		start()
		wantIDs(t, []byte(strings.Join(h.ids, "\n")), "note", 3)
	}

	c.OnRotate = func(_ context.Context, b Backup) error { return os.Remove(b.Path) }
	_ = os.Remove(notes)
	start()
	if n := len(backups(t, c)); n != 0 {
		t.Errorf("%d backups are left", n)
	}
	if data, err := os.ReadFile(notes); err != nil || bytes.Contains(data, []byte("app-")) {
		t.Errorf("notes of nothing: %q, %v", data, err)
	}
}

func TestPanickingHook(t *testing.T) {
	c := compressing(t, "timestamp", "none")
	c.Retention.MaxFiles = 0
	c.OnRotate = func(context.Context, Backup) error { panic("upload") }
	e := newTest(t, c)
	write(t, e, sinktest.Records("panic", 0, 3))
	settle(e)
	if s := e.Stats(); s.HookFailures < 2 {
		t.Errorf("stats %+v", s)
	}
	wantIDs(t, readSet(t, c), "panic", 3)
}

// countingNaming counts the names that are looked at.
type countingNaming struct {
	naming
	parsed *atomic.Int64
}

func (n countingNaming) parse(base string) (int64, bool) {
	n.parsed.Add(1)
	return n.naming.parse(base)
}

// A directory full of backups is not read anew for each of them.
func TestKeeperListsForMany(t *testing.T) {
	for _, naming := range namings {
		const n = 100
		c := compressing(t, naming, "none")
		e := newTest(t, c)
		write(t, e, sinktest.Records("many", 0, n+1))
		if err := e.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Rotation.Compression, c.Delay = "gzip", true
		e = newTest(t, c)
		var parsed atomic.Int64
		e.keeper.names = countingNaming{e.names, &parsed}
		write(t, e, sinktest.Records("many", n+1, 1))
		settle(e)
		wantTidy(t, c)
		wantIDs(t, readSet(t, c), "many", n+2)
		if got := parsed.Load(); got > 30*n {
			t.Errorf("%s: %d names were looked at for %d backups", naming, got, n)
		}
	}
}

// No hook gets the name of a backup that went while others were worked on.
func TestHookOfADeletedBackup(t *testing.T) {
	c := compressing(t, "timestamp", "none")
	e := newTest(t, c)
	write(t, e, sinktest.Records("went", 0, 4))
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	own := backups(t, c)
	slices.Sort(own)
	var h hook
	record := h.call(t)
	c.OnRotate = func(ctx context.Context, b Backup) error {
		if b.Path == own[0] {
			if err := os.Remove(own[1]); err != nil {
				t.Error(err)
			}
		}
		return record(ctx, b)
	}
	e = newTest(t, c)
	settle(e)
	if want := []string{filepath.Base(own[0]), filepath.Base(own[2])}; !slices.Equal(h.calls, want) {
		t.Errorf("calls %q, want %q", h.calls, want)
	}
	if s := e.Stats(); s.Hooked != 2 || s.HookFailures != 0 {
		t.Errorf("stats %+v", s)
	}
}

// A hook that ends its goroutine, as a failing check of a test does, ends
// neither the keeper nor keeps Shutdown from returning.
func TestExitingHook(t *testing.T) {
	defer goleak.VerifyNone(t)
	c := compressing(t, "timestamp", "none")
	var h hook
	record, exited := h.call(t), false
	c.OnRotate = func(ctx context.Context, b Backup) error {
		if !exited {
			exited = true
			runtime.Goexit()
		}
		return record(ctx, b)
	}
	e := newTest(t, c)
	write(t, e, sinktest.Records("exit", 0, 4))
	settle(e)
	if s := e.Stats(); s.HookFailures != 1 || s.Hooked != 2 {
		t.Errorf("stats %+v", s)
	}
	if err := e.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// What somebody has put where the keeper writes its temporary file keeps it
// from compressing, not from calling the hook.
func TestHookWithForeignTemporaryFile(t *testing.T) {
	c := compressing(t, "timestamp", "gzip")
	var h hook
	c.OnRotate = h.call(t)
	temp := tempPath(filepath.Dir(c.Path), filepath.Base(c.Path))
	if err := os.MkdirAll(temp, 0o750); err != nil {
		t.Fatal(err)
	}
	e := newTest(t, c)
	write(t, e, sinktest.Records("foreign", 0, 4))
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, []byte(strings.Join(h.ids, "\n")), "foreign", 3)
	if info, err := os.Lstat(temp); err != nil || !info.IsDir() {
		t.Errorf("the foreign directory: %v, %v", info, err)
	}
	if s := e.Stats(); s.CompressionFailures == 0 || s.Compressed > 0 {
		t.Errorf("stats %+v", s)
	}
}

// When compression fails, the hook gets the plain backup: uploading may be
// what makes room on a full disk. It is not changed any more then.
func TestHookWithoutCompression(t *testing.T) {
	c := compressing(t, "timestamp", "gzip")
	c.Retention.MaxFiles = 1
	var h hook
	c.OnRotate = h.call(t)
	e := newTest(t, c)
	setEncoder(e, func(encoder) encoder {
		return func(io.Writer) (io.WriteCloser, error) { return nil, syscall.ENOSPC }
	})
	write(t, e, sinktest.Records("full", 0, 5))
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, []byte(strings.Join(h.ids, "\n")), "full", 4)
	settle(newTest(t, c))
	if len(h.calls) != 4 {
		t.Errorf("calls %q", h.calls)
	}
	c.Rotation.Compression = "none"
	wantTidy(t, c)
	if n := len(backups(t, c)); n != 1 {
		t.Errorf("%d backups, want 1", n)
	}
}

// A hook that hangs ends with Shutdown's context.
func TestHangingHook(t *testing.T) {
	defer goleak.VerifyNone(t)
	c := compressing(t, "timestamp", "none")
	called := make(chan struct{})
	c.OnRotate = func(ctx context.Context, _ Backup) error {
		close(called)
		<-ctx.Done()
		return ctx.Err()
	}
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	write(t, e, sinktest.Records("hang", 0, 2))
	<-called
	for i := 2; i < 9; i++ { // writes and rotations go on meanwhile
		write(t, e, sinktest.Records("hang", i, 1))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	settle(e)
	wantIDs(t, readSet(t, c), "hang", 9)
}

// upload is a hook that copies backups to dir.
func upload(dir string) func(context.Context, Backup) error {
	return func(_ context.Context, b Backup) error {
		data, err := os.ReadFile(b.Path)
		if err != nil {
			return err
		}
		temp, path := filepath.Join(dir, "temp"), filepath.Join(dir, filepath.Base(b.Path))
		return errors.Join(os.WriteFile(temp, data, 0o600), os.Rename(temp, path))
	}
}

// Whenever the process is killed, every record that was acknowledged is
// uploaded before retention deletes it, from whole files only.
func TestHookSurvivesKill(t *testing.T) {
	for _, compression := range []string{"none", "gzip", "zstd"} {
		dir := t.TempDir()
		t.Setenv(uploadEnv, dir)
		c := killConfig(testConfig(t).Path, "json", "timestamp+"+compression)
		acked := make(map[string]int)
		for round := range 8 {
			series := "u" + string(rune('a'+round))
			acked[series] = killOnce(t, c, series, 5+7*round)
		}
		c.Retention.MaxFiles, c.OnRotate = 2, upload(dir)
		e := newTest(t, c)
		write(t, e, sinktest.Records("end", 0, 1))
		settle(e)
		wantTidy(t, c)
		if n := len(backups(t, c)); n > 2 {
			t.Errorf("%s: %d backups, want 2", compression, n)
		}
		there := make(map[string]int)
		uploads, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		names := make(map[string]bool)
		for _, entry := range uploads {
			if entry.Name() == "temp" {
				continue
			}
			data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			if err != nil {
				t.Fatal(err)
			}
			names[entry.Name()] = true
			for _, id := range sinktest.IDs(decompressed(t, entry.Name(), data)) {
				there[id]++
			}
		}
		for _, p := range backups(t, c) {
			if !names[filepath.Base(p)] {
				t.Errorf("%s was not uploaded", p)
			}
		}
		live, err := os.ReadFile(c.Path)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range sinktest.IDs(live) {
			there[id]++
		}
		for series, n := range acked {
			for i := range n {
				if id := sinktest.ID(series, i); there[id] != 1 {
					t.Fatalf("%s: %s is there %d times", compression, id, there[id])
				}
			}
		}
	}
}

func TestHookNeedsLastingNames(t *testing.T) {
	c := compressing(t, "numbered", "none")
	c.OnRotate = func(context.Context, Backup) error { return nil }
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "timestamp") {
		t.Errorf("Validate: %v", err)
	}
}
