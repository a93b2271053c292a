package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// rotating returns a config whose files take one plain record each.
func rotating(t testing.TB, naming string) Config {
	c := testConfig(t)
	c.Rotation = Rotation{MaxSize: 200, Naming: naming}
	return c
}

var namings = []string{"timestamp", "numbered"}

// list returns the names in c's directory.
func list(t testing.TB, c Config) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(c.Path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestSizeIsNeverExceeded(t *testing.T) {
	for _, naming := range namings {
		c := testConfig(t)
		c.Rotation = Rotation{MaxSize: 1000, Naming: naming}
		c.Retention.MaxFiles = KeepAll
		e := newTest(t, c)
		next := 0
		for _, n := range []int{1, 50, 3, 7, 1, 200} {
			write(t, e, sinktest.Records("size", next, n))
			next += n
		}
		wantIDs(t, readSet(t, c), "size", next)
		for _, p := range append(backups(t, c), c.Path) {
			info, err := os.Stat(p)
			if err != nil {
				t.Fatal(err)
			}
			if info.Size() > 1000 || info.Size() == 0 {
				t.Errorf("%s has %d bytes", filepath.Base(p), info.Size())
			}
		}
		if got, want := int(e.Stats().Rotations), len(backups(t, c)); got != want {
			t.Errorf("%d rotations counted, %d backups", got, want)
		}
	}
}

// A restart goes on in the live file and counts what it holds.
func TestRestartKeepsTheLimit(t *testing.T) {
	for _, naming := range namings {
		c := testConfig(t)
		c.Rotation = Rotation{MaxSize: 1000, Naming: naming}
		c.Retention.MaxFiles = KeepAll
		for i := range 30 {
			e := newTest(t, c)
			write(t, e, sinktest.Records("again", i, 1))
			if err := e.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(c.Path); err != nil || info.Size() > 1000 {
				t.Fatalf("%v, %v", info.Size(), err)
			}
		}
		wantIDs(t, readSet(t, c), "again", 30)
		if n := len(backups(t, c)); n < 3 || n > 6 {
			t.Errorf("%s: %d backups for 30 records, 7 a file", naming, n)
		}
	}
}

func TestNumberedNames(t *testing.T) {
	c := rotating(t, "numbered")
	c.Retention.MaxFiles = 2
	e := newTest(t, c)
	for i := range 5 { // four rotations
		write(t, e, sinktest.Records("num", i, 1))
	}
	if got, want := list(t, c), []string{"app.jsonl", "app.jsonl.1", "app.jsonl.2"}; !slices.Equal(got, want) {
		t.Fatalf("files %q, want %q", got, want)
	}
	for name, n := range map[string]int{"": 4, ".1": 3, ".2": 2} {
		data, err := os.ReadFile(c.Path + name)
		if err != nil || !strings.Contains(string(data), sinktest.ID("num", n)) {
			t.Errorf("app.jsonl%s does not hold record %d: %s, %v", name, n, data, err)
		}
	}
	if s := e.Stats(); s.Rotations != 4 || s.Pruned != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestRetention(t *testing.T) {
	for _, naming := range namings {
		for keep, want := range map[int]int{0: 0, 1: 1, 3: 3, KeepAll: 14, DefaultConfig().Retention.MaxFiles: 10} {
			c := rotating(t, naming)
			c.Retention.MaxFiles = keep
			e := newTest(t, c)
			for i := range 15 {
				write(t, e, sinktest.Records("keep", i, 1))
			}
			if got := len(backups(t, c)); got != want {
				t.Errorf("%s: max_files %d leaves %d backups, want %d", naming, keep, got, want)
			}
			ids := sinktest.IDs(readSet(t, c))
			if len(ids) != want+1 || ids[len(ids)-1] != sinktest.ID("keep", 14) || ids[0] != sinktest.ID("keep", 14-want) {
				t.Errorf("%s: max_files %d keeps %q", naming, keep, ids)
			}
		}
	}
}

// Lowering max_files takes effect at the next start, as does a prune that a
// crash has cut short.
func TestPruneAtOpen(t *testing.T) {
	for _, naming := range namings {
		c := rotating(t, naming)
		e := newTest(t, c)
		write(t, e, sinktest.Records("old", 0, 8))
		_ = e.Shutdown(t.Context())
		c.Retention.MaxFiles = 3
		newTest(t, c)
		if got := len(backups(t, c)); got != 3 {
			t.Errorf("%s: %d backups, want 3", naming, got)
		}
	}
}

// Without rotation nothing in the directory is ours.
func TestNoRotationPrunesNothing(t *testing.T) {
	c := testConfig(t)
	c.Rotation.Naming = "numbered"
	c.Retention.MaxFiles = 0
	if err := os.MkdirAll(filepath.Dir(c.Path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.Path+".1", []byte("logrotate's\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, newTest(t, c), sinktest.Records("none", 0, 10))
	if got, want := list(t, c), []string{"app.jsonl", "app.jsonl.1"}; !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
}

// What is not exactly a backup's name, or no regular file, is never renamed,
// overwritten or deleted.
func TestForeignFilesAreUntouched(t *testing.T) {
	foreign := []string{
		"app.jsonl.b", "app.jsonl.1.bz2", "app.jsonl.1.gz.zst", "app.jsonl.gz", "app.jsonl.01", "app.jsonl.0", "app.jsonl.-1", "app.jsonl.+2", "app.jsonl.1 ", "xapp.jsonl.1",
		"app.jsonl.99999999999999999999", "app.jsonl1", "app.log.1",
		"app-2026-11-21T10-15-30.123Z.jsonl.bak", "app-2026-11-21T10-15-30.123Z.log", "app-2026-11-21T10-15-30.12Z.jsonl",
		"app-2026-13-21T10-15-30.123Z.jsonl", "app-2026-02-30T10-15-30.123Z.jsonl", "app-notes.jsonl", "app-.jsonl", "my-app-2026-11-21T10-15-30.123Z.jsonl",
	}
	odd := []string{"app.jsonl.1", "app.jsonl.3", "app-2026-11-21T10-15-30.123Z.jsonl", "app-2026-11-21T10-15-30.124Z.jsonl"}
	for _, naming := range namings {
		c := rotating(t, naming)
		c.Retention.MaxFiles = 2
		dir := filepath.Dir(c.Path)
		if err := os.MkdirAll(dir, 0o750); err != nil {
			t.Fatal(err)
		}
		for _, name := range foreign {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		// Directories and links that bear a backup's name.
		for i, name := range odd {
			var err error
			if i%2 == 0 {
				err = os.Mkdir(filepath.Join(dir, name), 0o750)
			} else {
				err = os.Symlink("app-notes.jsonl", filepath.Join(dir, name))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		clock := time.Date(2026, 11, 21, 10, 15, 30, 123e6, time.UTC)
		e, err := newExporter(c, func() time.Time { return clock })
		if err != nil {
			t.Fatal(err)
		}
		write(t, e, sinktest.Records("mine", 0, 10))
		if err := e.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, name := range foreign {
			if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != name {
				t.Errorf("%s: %s: %q, %v", naming, name, data, err)
			}
		}
		for i, name := range odd {
			info, err := os.Lstat(filepath.Join(dir, name))
			if err != nil || info.IsDir() != (i%2 == 0) || (info.Mode()&os.ModeSymlink != 0) != (i%2 == 1) {
				t.Errorf("%s: %s: %v, %v", naming, name, info, err)
			}
		}
		if got := len(backups(t, c)); got != 2 {
			t.Errorf("%s: %d backups, want 2", naming, got)
		}
		if got := sinktest.IDs(readSet(t, c)); len(got) != 3 || got[2] != sinktest.ID("mine", 9) {
			t.Errorf("%s: the set holds %q", naming, got)
		}
	}
}

// Timestamped names are never used twice and keep the order of rotation,
// within one millisecond as when the clock jumps, over restarts too.
func TestTimestampNamesUnderClockJumps(t *testing.T) {
	c := rotating(t, "timestamp")
	c.Retention.MaxFiles = 100
	start := time.Date(2026, 11, 21, 10, 15, 30, 123e6, time.UTC)
	clock := start
	seen := make(map[string]bool)
	n := 0
	for _, jump := range []time.Duration{0, 0, -time.Hour, 0, 87600 * time.Hour, -87600 * time.Hour, time.Millisecond} {
		clock = clock.Add(jump)
		e, err := newExporter(c, func() time.Time { return clock })
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			write(t, e, sinktest.Records("jump", n, 1))
			n++
			all := backups(t, c)
			if len(all) > 0 {
				seen[all[len(all)-1]] = true
			}
		}
		if err := e.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantIDs(t, readSet(t, c), "jump", n)
	if len(seen) != n-1 {
		t.Errorf("%d names for %d rotations", len(seen), n-1)
	}
	if first := filepath.Base(backups(t, c)[0]); first != "app-2026-11-21T10-15-30.123Z.jsonl" {
		t.Errorf("the first backup is called %s", first)
	}
}

// A name given to a backup that retention deleted at once is not given again.
func TestTimestampNamesWithoutBackups(t *testing.T) {
	names := newNaming("timestamp", filepath.Join(t.TempDir(), "app.log"))
	clock := time.Now()
	last := ""
	for range 10 {
		name, err := names.vacate(nil, clock)
		if err != nil || name <= last {
			t.Fatalf("%s after %s, %v", name, last, err)
		}
		last = name
		clock = clock.Add(-time.Second)
	}
}

func TestPathWithoutExtension(t *testing.T) {
	for _, base := range []string{"app", ".app", "app.", "a.b.c", "app-", "%s", "a b", "ü.log"} {
		for _, naming := range namings {
			c := rotating(t, naming)
			c.Path = filepath.Join(filepath.Dir(c.Path), base)
			e := newTest(t, c)
			write(t, e, sinktest.Records("ext", 0, 4))
			wantIDs(t, readSet(t, c), "ext", 4)
			if n := len(backups(t, c)); n != 3 {
				t.Errorf("%s, %s: %d backups among %q", base, naming, n, list(t, c))
			}
		}
	}
}

// A name at the end of time does not make all later ones unknown.
func TestRetentionBesideTheLastName(t *testing.T) {
	c := rotating(t, "timestamp")
	c.Retention.MaxFiles = 2
	last := filepath.Join(filepath.Dir(c.Path), "app-9999-12-31T23-59-59.999Z.jsonl")
	if err := errors.Join(os.MkdirAll(filepath.Dir(c.Path), 0o750), os.WriteFile(last, []byte("x\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	e := newTest(t, c)
	write(t, e, sinktest.Records("last", 0, 10))
	if names := list(t, c); len(names) != 4 {
		t.Errorf("%q, want the live file, 2 backups and the foreign file", names)
	}
}

// A name that leaves no room for those of backups is refused at once: later,
// the first rotation would keep everything from being written.
func TestLongNames(t *testing.T) {
	for _, naming := range namings {
		c := rotating(t, naming)
		c.Rotation.Compression = "zstd"
		dir := filepath.Dir(c.Path)
		accepted := 0
		for n := 200; n <= 256; n++ {
			c.Path = filepath.Join(dir, strings.Repeat("l", n))
			err := c.Validate()
			if err == nil {
				accepted = n
			} else if !strings.HasPrefix(err.Error(), "path: the name is ") || accepted == 0 {
				t.Fatalf("%s: %d bytes: %v", naming, n, err)
			}
		}
		c.Path = filepath.Join(dir, strings.Repeat("l", accepted))
		e := newTest(t, c)
		write(t, e, sinktest.Records("long", 0, 4))
		settle(e)
		wantIDs(t, readSet(t, c), "long", 4)
		if n := len(backups(t, c)); n != 3 {
			t.Errorf("%s: %d backups, want 3", naming, n)
		}
		c.Path, c.Rotation.MaxSize, c.Rotation.Compression = filepath.Join(dir, strings.Repeat("l", 255)), 0, "none"
		if err := c.Validate(); err != nil {
			t.Errorf("without rotation: %v", err)
		}
	}
}

// Every state that a death between two renames or deletions can leave is
// carried on from with nothing lost.
func TestNumberedGaps(t *testing.T) {
	const n = 4
	for gaps := range 1 << n {
		c := rotating(t, "numbered")
		if err := os.MkdirAll(filepath.Dir(c.Path), 0o750); err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := n; i > 0; i-- {
			if gaps&(1<<(i-1)) == 0 {
				id := sinktest.ID("gap", i)
				want = append(want, id)
				if err := os.WriteFile(fmt.Sprintf("%s.%d", c.Path, i), []byte(id+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i := range 3 {
			e := newTest(t, c)
			write(t, e, sinktest.Records("new", i, 1))
			_ = e.Shutdown(t.Context())
			want = append(want, sinktest.ID("new", i))
		}
		if got := sinktest.IDs(readSet(t, c)); !slices.Equal(got, want) {
			t.Errorf("gaps %04b: %q, want %q", gaps, got, want)
		}
	}
}

// lameNaming finds no name for a backup.
type lameNaming struct{ naming }

func (lameNaming) vacate([]backup, time.Time) (string, error) { return "", syscall.EACCES }

// A rotation that fails, in a directory that cannot be changed for instance,
// stops neither the program nor its records: they go on into the live file,
// and the next rotation makes up for it.
func TestRotationFailure(t *testing.T) {
	for _, naming := range namings {
		c := rotating(t, naming)
		e := newTest(t, c)
		write(t, e, sinktest.Records("ro", 0, 1))
		able := e.names
		e.names = lameNaming{able}
		n, err := e.Write(t.Context(), sinktest.Records("ro", 1, 3))
		if n != 3 || !errors.Is(err, syscall.EACCES) {
			t.Errorf("Write = %d, %v", n, err)
		}
		write(t, e, sinktest.Records("ro", 4, 1)) // told once, not tried again at once
		if s := e.Stats(); s.RotationFailures != 1 || s.Rotations != 0 {
			t.Errorf("%+v", s)
		}
		e.names, e.retryRotation = able, time.Time{}
		write(t, e, sinktest.Records("ro", 5, 1))
		wantIDs(t, readSet(t, c), "ro", 6)
		if n := len(backups(t, c)); n != 1 {
			t.Errorf("%d backups", n)
		}
	}
}

// A prune that fails is counted and made up for later.
func TestPruneFailure(t *testing.T) {
	c := rotating(t, "timestamp")
	c.Retention.MaxFiles = 1
	e := newTest(t, c)
	write(t, e, sinktest.Records("pf", 0, 2))
	dir := e.dir
	e.dir = c.Path // no directory
	e.prune()
	e.dir = dir
	if s := e.Stats(); s.PruneFailures != 1 {
		t.Errorf("stats %+v", s)
	}
	write(t, e, sinktest.Records("pf", 2, 1))
	if got := len(backups(t, c)); got != 1 {
		t.Errorf("%d backups after recovery, want 1", got)
	}
}

// A live file that somebody has removed is no obstacle: the next rotation
// makes a new one.
func TestRotationOfARemovedFile(t *testing.T) {
	for _, naming := range namings {
		c := rotating(t, naming)
		e := newTest(t, c)
		write(t, e, sinktest.Records("rm", 0, 1))
		if err := os.Remove(c.Path); err != nil {
			t.Fatal(err)
		}
		write(t, e, sinktest.Records("rm", 1, 2))
		if got, want := sinktest.IDs(readSet(t, c)), []string{sinktest.ID("rm", 1), sinktest.ID("rm", 2)}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", naming, got, want)
		}
	}
}

// A file that cannot be closed may not have kept what was written: that is
// told, and logging goes on.
func TestCloseErrorIsTold(t *testing.T) {
	c := rotating(t, "numbered")
	e := newTest(t, c)
	write(t, e, sinktest.Records("close", 0, 1))
	if err := e.live.f.Close(); err != nil {
		t.Fatal(err)
	}
	recs := sinktest.Records("close", 1, 2)
	n, err := e.Write(t.Context(), recs) // has to rotate, and therefore to close
	if n != len(recs) || !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write = %d, %v", n, err)
	}
	wantIDs(t, readSet(t, c), "close", 3)

	if err := e.live.f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Shutdown(t.Context()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Shutdown: %v", err)
	}
}
