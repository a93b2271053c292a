//go:build !windows

package file

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

func TestSharedConfig(t *testing.T) {
	c := DefaultConfig()
	c.Path, c.Shared, c.Mode, c.Reopen = "x", true, "truncate", false
	err := c.Validate()
	for _, key := range []string{"mode: truncate", "reopen:"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("error %q does not name %s", err, key)
		}
	}
}

// Everything that a destination has to hold, a shared file holds, too.
func TestSharedConformance(t *testing.T) {
	for _, format := range []string{"json", "otlp_json"} {
		t.Run(format, func(t *testing.T) {
			sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
				c := testConfig(t)
				c.Format, c.Shared, c.Sync = format, true, SyncPolicy(time.Millisecond)
				c.Rotation.MaxSize = 20 * exporters.KiB
				c.Retention.MaxFiles = KeepAll
				return newTest(t, c), func() []string { return sinktest.IDs(readSet(t, c)) }
			}})
		})
	}
}

// Lines of a shared file tell by default who wrote them.
func TestSharedIncludes(t *testing.T) {
	c := testConfig(t)
	c.Shared = true
	e := newTest(t, c)
	write(t, e, sinktest.Records("who", 0, 1))
	data := readSet(t, c)
	var line map[string]any
	if err := json.Unmarshal(data, &line); err != nil || line["pid"] != float64(os.Getpid()) || line["service"] != "sinktest" {
		t.Errorf("%s, %v", data, err)
	}
	info, err := os.Stat(filepath.Join(filepath.Dir(c.Path), ".app.jsonl.lock"))
	if err != nil || info.Mode() != 0o640 || info.Size() != 0 {
		t.Errorf("the lock file: %v, %v", info, err)
	}
	_ = e.Shutdown(t.Context())
	c.Include = []encode.Field{}
	e = newTest(t, c)
	write(t, e, sinktest.Records("who", 1, 1))
	if rest := readSet(t, c)[len(data):]; bytes.Contains(rest, []byte("pid")) {
		t.Errorf("an empty include shows %s", rest)
	}
}

// Where flock does not work the exporter refuses to start, and says what to do.
func TestNoFlock(t *testing.T) {
	for _, cause := range []error{syscall.ENOLCK, syscall.EOPNOTSUPP, syscall.ENOSYS, errors.ErrUnsupported} {
		c := testConfig(t)
		l := newProcessLock(c, "lock", func() error { return nil })
		l.flock = func(*os.File) (bool, error) { return false, cause }
		err := l.lock(t.Context())
		if !errors.Is(err, cause) || !strings.Contains(err.Error(), "local file system") || l.f != nil {
			t.Errorf("%v", err)
		}
	}
}

// A lock that another holds ends a Write with its context, and nothing is
// written; a lock file that was replaced is noticed.
func TestLockHonoursContext(t *testing.T) {
	c := testConfig(t)
	c.Shared = true
	e := newTest(t, c)
	other := newProcessLock(e.cfg, "lock", e.sameDirectory)
	if err := other.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	n, err := e.Write(ctx, sinktest.Records("held", 0, 1))
	if n != 0 || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), other.path) {
		t.Errorf("Write = %d, %v", n, err)
	}
	// A program starts all the same.
	d := c
	d.Path = filepath.Join(filepath.Dir(c.Path), "..", "other", "app.jsonl")
	second := newProcessLock(d, "lock", func() error { return nil })
	if err := second.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	late := newTest(t, d)
	if err := second.close(); err != nil {
		t.Fatal(err)
	}
	write(t, late, sinktest.Records("late", 0, 1))

	if err := other.close(); err != nil {
		t.Fatal(err)
	}
	write(t, e, sinktest.Records("held", 0, 1))
	if err := os.Remove(other.path); err != nil {
		t.Fatal(err)
	}
	if ok, err := other.try(); !ok || err != nil { // a lock file of its own
		t.Fatal(ok, err)
	}
	if ok, err := e.lock.try(); ok || err != nil {
		t.Errorf("two hold the lock: %v", err)
	}
	if err := other.close(); err != nil {
		t.Fatal(err)
	}
	write(t, e, sinktest.Records("held", 1, 1))
	wantIDs(t, readSet(t, c), "held", 2)
}

const sharedEnv = "FILE_TEST_SHARED" // PATH|NAMING|SERIES

func sharedConfig(path, naming string) Config {
	c := DefaultConfig()
	c.Path, c.Shared = path, true
	naming, c.Rotation.Compression, _ = strings.Cut(naming, "+")
	c.Rotation.MaxSize, c.Rotation.Naming = 20000, naming
	c.Retention.MaxFiles = KeepAll
	if naming == "numbered" {
		c.Rotation.Compression = "gzip" // names move while it is made
	}
	return c
}

// TestSharedWriter is one of the processes of TestSharedKill: it writes without
// end and notes in a file of its own, synced, what Write has acknowledged.
func TestSharedWriter(t *testing.T) {
	args := strings.Split(os.Getenv(sharedEnv), "|")
	if len(args) != 3 {
		t.Skip("run by TestSharedKill")
	}
	e, err := New(sharedConfig(args[0], args[1]))
	if err != nil {
		t.Fatal(err)
	}
	acks, err := os.OpenFile(filepath.Join(filepath.Dir(args[0]), "..", args[2]), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("ready")
	for done := 0; ; {
		n, err := e.Write(t.Context(), sinktest.Records(args[2], done, 1+done%37))
		if err != nil {
			t.Fatal(err)
		}
		done += n
		if _, err := fmt.Fprintf(acks, "%d\n", done); err != nil {
			t.Fatal(err)
		}
		if err := acks.Sync(); err != nil {
			t.Fatal(err)
		}
	}
}

// Eight processes write to one file that rotates, and are killed and replaced
// at random: every acknowledged line stands in the set exactly once, in order
// and unbroken, and the limit holds.
func TestSharedKill(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SLUICE_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SLUICE_SEED: %v", err)
		}
	}
	t.Logf("SLUICE_SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	rounds := 20
	if os.Getenv("SLUICE_LONG") != "" {
		rounds = 200
	}
	for _, naming := range []string{"timestamp", "numbered", "timestamp+zstd", "numbered+gzip"} {
		t.Run(naming, func(t *testing.T) {
			// Rounds share no directory, so that a look at all of it stays short.
			for range rounds / 4 {
				sharedRound(t, sharedConfig(testConfig(t).Path, naming), rnd)
			}
		})
	}
}

type sharedWriter struct {
	series string
	cmd    *exec.Cmd
	out    io.ReadCloser
}

func startShared(t *testing.T, c Config, series string) sharedWriter {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestSharedWriter$")
	cmd.Env = append(os.Environ(), sharedEnv+"="+strings.Join([]string{c.Path, c.Rotation.Naming + "+" + c.Rotation.Compression, series}, "|"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return sharedWriter{series, cmd, out}
}

// kill waits until the writer runs, lets it write for a moment, and kills it.
func (w sharedWriter) kill(t *testing.T, after time.Duration) {
	line, err := bufio.NewReader(w.out).ReadString('\n')
	if line != "ready\n" {
		t.Errorf("%s said %q, %v", w.series, line, err)
	}
	time.Sleep(after) // when it is killed is what is random here
	if err := w.cmd.Process.Kill(); err != nil {
		t.Errorf("%s ended by itself: %v", w.series, err)
	}
	rest, _ := io.ReadAll(w.out)
	var exit *exec.ExitError
	if err := w.cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("%s: %v\n%s", w.series, err, rest)
	}
}

func sharedRound(t *testing.T, c Config, rnd *rand.Rand) {
	t.Helper()
	const writers = 8
	var all []string
	var wg sync.WaitGroup
	for i := range writers {
		series := "p" + string(rune('a'+i))
		all = append(all, series)
		w := startShared(t, c, series)
		after := time.Duration(rnd.IntN(40)) * time.Millisecond
		wg.Go(func() { w.kill(t, after) })
	}
	wg.Wait()
	// Whoever comes next repairs what the last kill has torn.
	e := newTest(t, c)
	write(t, e, sinktest.Records("end", 0, 1))
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantTidy(t, c)
	got := map[string]int{}
	for line := range bytes.Lines(readSet(t, c)) {
		ids := sinktest.IDs(line)
		if !json.Valid(line) || len(ids) != 1 {
			t.Fatalf("a broken line: %q", line)
		}
		series := strings.Split(ids[0], "-")[1]
		if want := sinktest.ID(series, got[series]); ids[0] != want {
			t.Fatalf("%s where %s should be", ids[0], want)
		}
		got[series]++
	}
	for _, series := range all {
		acked := 0
		data, err := os.ReadFile(filepath.Join(filepath.Dir(c.Path), "..", series))
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Fields(string(data)); len(lines) > 0 {
			if acked, err = strconv.Atoi(lines[len(lines)-1]); err != nil {
				t.Fatal(err)
			}
		}
		if got[series] < acked {
			t.Errorf("%s: %d records, %d acknowledged", series, got[series], acked)
		}
	}
	for _, p := range append(backups(t, c), c.Path) {
		if info, err := os.Stat(p); err != nil || info.Size() > int64(c.Rotation.MaxSize) || info.Size() == 0 {
			t.Errorf("%s has %d bytes, %v", p, info.Size(), err)
		}
	}
}

// The number of backups holds with several processes, too, and none writes to
// a file that another has rotated.
func TestSharedRetention(t *testing.T) {
	c := sharedConfig(testConfig(t).Path, "numbered")
	c.Rotation.MaxSize, c.Retention.MaxFiles = 600, 3
	a := newTest(t, c)
	// A second exporter of this process stands for another process.
	a.claim.release()
	b := newTest(t, c)
	b.claim.release()
	for i := range 40 {
		write(t, []*Exporter{a, b}[i%2], sinktest.Records("both", i, 1))
		if n := len(backups(t, c)); n > 3 {
			t.Fatalf("%d backups", n)
		}
	}
	ids := sinktest.IDs(readSet(t, c))
	for i, id := range ids {
		if want := sinktest.ID("both", 40-len(ids)+i); id != want {
			t.Fatalf("%s where %s should be", id, want)
		}
	}
	if len(ids) < 4 {
		t.Errorf("%d records in the set", len(ids))
	}
}

func BenchmarkShared(b *testing.B) {
	for _, shared := range []bool{false, true} {
		b.Run(fmt.Sprintf("shared=%v", shared), func(b *testing.B) {
			c := testConfig(b)
			c.Shared = shared
			c.Include = []encode.Field{}
			c.Rotation.MaxSize = 1 << 28
			c.Retention.MaxFiles = 0
			e := newTest(b, c)
			recs := sinktest.Records("bench", 0, 512)
			b.ReportAllocs()
			for b.Loop() {
				write(b, e, recs)
			}
			b.SetBytes(int64(e.Stats().Bytes) / int64(b.N))
		})
	}
}

// The interval of a file that another process began is that of its records,
// not the one in which it was opened here, empty.
func TestScheduleOfASharedFile(t *testing.T) {
	c := scheduled(t, "hourly")
	c.Shared = true
	e := newTimed(t, c, time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC))
	other := append([]byte(sinktest.ID("time", 0)), '\n')
	later := time.Date(2026, 11, 21, 11, 5, 0, 0, time.UTC)
	if err := errors.Join(os.WriteFile(c.Path, other, 0o600), os.Chtimes(c.Path, later, later)); err != nil {
		t.Fatal(err)
	}
	e.next = 1
	*e.at = time.Date(2026, 11, 21, 11, 10, 0, 0, time.UTC)
	e.write(t)
	e.holds(t, "app.jsonl=ab")
	*e.at = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	e.write(t)
	e.holds(t, "app-2026-11-21T11-00-00.000Z.jsonl=ab", "app.jsonl=c")
}
