package file

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// newTest returns an exporter that is shut down with the test.
func newTest(t testing.TB, c Config) *Exporter {
	t.Helper()
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

func testConfig(t testing.TB) Config {
	c := DefaultConfig()
	c.Path = filepath.Join(t.TempDir(), "logs", "app.jsonl")
	return c
}

func write(t testing.TB, e *Exporter, recs []record.Record) {
	t.Helper()
	if n, err := e.Write(context.Background(), recs); n != len(recs) || err != nil {
		t.Fatalf("Write = %d of %d, %v", n, len(recs), err)
	}
}

// backups returns the paths of path's rotated files, oldest first.
func backups(t testing.TB, c Config) []string {
	t.Helper()
	own, err := listBackups(filepath.Dir(c.Path), newNaming(c.Rotation.Naming, c.Path))
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, b := range own {
		paths = append(paths, b.path())
	}
	slices.Reverse(paths)
	return paths
}

// readSet returns what stands in the backups, oldest first, and the live file.
func readSet(t testing.TB, c Config) []byte {
	t.Helper()
	var all []byte
	for _, p := range append(backups(t, c), c.Path) {
		data, err := os.ReadFile(p)
		if err != nil && !(p == c.Path && errors.Is(err, os.ErrNotExist)) {
			t.Fatal(err)
		}
		if p != c.Path {
			data = decompressed(t, p, data)
		}
		all = append(all, data...)
	}
	return all
}

func wantIDs(t testing.TB, output []byte, series string, n int) {
	t.Helper()
	var want []string
	for i := range n {
		want = append(want, sinktest.ID(series, i))
	}
	if got := sinktest.IDs(output); !slices.Equal(got, want) {
		t.Errorf("%d ids %.5s…, want %d %.5s…\n%.2000s", len(got), got, len(want), want, output)
	}
}

func TestConformance(t *testing.T) {
	for _, format := range []string{"json", "text", "logfmt", "otlp_json"} {
		for _, naming := range []string{"", "timestamp", "numbered"} {
			t.Run(format+"/"+naming, func(t *testing.T) {
				sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
					c := testConfig(t)
					c.Format = format
					if naming != "" {
						c.Rotation = Rotation{MaxSize: 20 * exporters.KiB, Naming: naming}
						c.Retention.MaxFiles = KeepAll
					}
					return newTest(t, c), func() []string { return sinktest.IDs(readSet(t, c)) }
				}})
			})
		}
	}
}

func TestModes(t *testing.T) {
	c := testConfig(t)
	for i, mode := range []string{"append", "append", "truncate"} {
		c.Mode = mode
		e := newTest(t, c)
		write(t, e, sinktest.Records("mode", i, 1))
		if err := e.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := sinktest.IDs([]byte(sinktest.ID("mode", 0) + sinktest.ID("mode", 1)))[:i%2+1]
		if mode == "truncate" {
			want = []string{sinktest.ID("mode", i)}
		}
		if got := sinktest.IDs(readSet(t, c)); !slices.Equal(got, want) {
			t.Errorf("%d: after %s the file holds %q, want %q", i, mode, got, want)
		}
	}
}

// truncate empties the file once, not whenever it is opened again.
func TestTruncateOnceOnly(t *testing.T) {
	c := testConfig(t)
	c.Mode = "truncate"
	e := newTest(t, c)
	fail := true
	e.write = func(f *os.File, p []byte) (int, error) {
		if fail {
			fail = false
			n, _ := f.Write(p[:len(p)/2])
			return n, &os.PathError{Op: "write", Path: c.Path, Err: syscall.EIO}
		}
		return f.Write(p)
	}
	recs := sinktest.Records("once", 0, 9)
	n, err := e.Write(t.Context(), recs)
	if err == nil || n == 0 || n == len(recs) {
		t.Fatalf("Write = %d, %v", n, err)
	}
	if e.live.f != nil {
		t.Error("the descriptor is kept after an I/O error")
	}
	write(t, e, recs[n:])
	wantIDs(t, readSet(t, c), "once", 9)
}

func TestDelay(t *testing.T) {
	c := testConfig(t)
	c.Delay = true
	e := newTest(t, c)
	write(t, e, nil)
	if _, err := os.Stat(filepath.Dir(c.Path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("before the first record: %v, want no directory", err)
	}
	write(t, e, sinktest.Records("delay", 0, 1))
	wantIDs(t, readSet(t, c), "delay", 1)

	c = testConfig(t)
	newTest(t, c)
	if info, err := os.Stat(c.Path); err != nil || info.Size() != 0 {
		t.Errorf("without delay: %v, %v, want an empty file", info, err)
	}
}

func TestPermissions(t *testing.T) {
	c := testConfig(t)
	c.Rotation.MaxSize = 200
	c.Permissions, c.DirectoryPermissions = 0o600, 0o700
	e := newTest(t, c)
	write(t, e, sinktest.Records("perm", 0, 5))
	for path, want := range map[string]os.FileMode{
		c.Path: 0o600, backups(t, c)[0]: 0o600, filepath.Dir(c.Path): 0o700 | os.ModeDir,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
}

// An oversized record is written whole to a file of its own.
func TestOversizedRecord(t *testing.T) {
	for _, format := range []string{"json", "otlp_json"} {
		c := testConfig(t)
		c.Format = format
		c.Rotation.MaxSize = 2 * exporters.KiB
		c.Retention.MaxFiles = KeepAll
		e := newTest(t, c)
		recs := sinktest.Records("big", 0, 5)
		for i := 1; i < 4; i += 2 {
			recs[i].Attributes = []attribute.KeyValue{attribute.String("big", strings.Repeat("x", 10000))}
		}
		write(t, e, recs)
		wantIDs(t, readSet(t, c), "big", 5)
		for _, p := range append(backups(t, c), c.Path) {
			data, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			if len(data) == 0 {
				t.Errorf("%s: %s is empty", format, filepath.Base(p))
			}
			if len(data) > int(c.Rotation.MaxSize) && len(sinktest.IDs(data)) != 1 {
				t.Errorf("%s: %s has %d bytes and %d records", format, filepath.Base(p), len(data), len(sinktest.IDs(data)))
			}
		}
	}
}

// A line of grouped records stays below what readers take for one line.
func TestGroupsStayReadable(t *testing.T) {
	c := testConfig(t)
	c.Format = "otlp_json"
	e := newTest(t, c)
	recs := sinktest.Records("group", 0, 300)
	for i := range recs {
		recs[i].Attributes = []attribute.KeyValue{attribute.String("big", strings.Repeat("x", 10000))}
	}
	write(t, e, recs)
	data := readSet(t, c)
	wantIDs(t, data, "group", 300)
	lines := 0
	for line := range bytes.Lines(data) {
		lines++
		if len(line) > maxGroup || !json.Valid(line) {
			t.Errorf("a line of %d bytes, valid: %v", len(line), json.Valid(line))
		}
	}
	if lines > 8 {
		t.Errorf("%d lines for 300 records of one logger", lines)
	}
}

// Wherever a write fails, whole records stay, the rest goes out with
// the next Write, and each stands in the set exactly once.
func TestFailedWrite(t *testing.T) {
	for _, format := range []string{"json", "text", "otlp_json"} {
		for _, cause := range []error{syscall.ENOSPC, syscall.EIO} {
			for limit := 0; limit < 700; limit += 7 {
				c := testConfig(t)
				c.Format = format
				c.Rotation.MaxSize = 500
				c.Retention.MaxFiles = KeepAll
				e := newTest(t, c)
				left := limit
				e.write = func(f *os.File, p []byte) (int, error) {
					if left < 0 {
						return f.Write(p)
					}
					if len(p) <= left {
						left -= len(p)
						return f.Write(p)
					}
					n, err := f.Write(p[:left])
					left = -1
					return n, errors.Join(err, cause)
				}
				recs := sinktest.Records("cut", 0, 8)
				n, err := e.Write(t.Context(), recs)
				if left >= 0 { // the file was complete before the limit
					break
				}
				if err == nil {
					t.Fatalf("%s: cut at %d: no error", format, limit)
				}
				if kind, _ := exporters.Classify(err); kind != exporters.Retryable {
					t.Fatalf("%s: %v is not worth another try", format, err)
				}
				wantIDs(t, readSet(t, c), "cut", n)
				if data := readSet(t, c); len(data) > 0 && data[len(data)-1] != '\n' {
					t.Fatalf("%s: cut at %d: the torn record still stands: %q", format, limit, data)
				}
				write(t, e, recs[n:])
				wantIDs(t, readSet(t, c), "cut", 8)
				if e.Stats().Bytes != uint64(len(readSet(t, c))) {
					t.Fatalf("%d bytes counted, %d written", e.Stats().Bytes, len(readSet(t, c)))
				}
				if t.Failed() {
					t.Fatalf("%s, %v, cut at %d", format, cause, limit)
				}
				_ = e.Shutdown(t.Context())
			}
		}
	}
}

// When a failed write cannot be taken back because another program has
// appended behind it, nothing of that is cut off.
func TestFailedWriteSparesOthers(t *testing.T) {
	c := testConfig(t)
	e := newTest(t, c)
	write(t, e, sinktest.Records("mine", 0, 1))
	first := true
	e.write = func(f *os.File, p []byte) (int, error) {
		if !first {
			return f.Write(p)
		}
		first = false
		n, _ := f.Write(p[:20])
		if err := os.WriteFile(c.Path+".x", nil, 0o600); err != nil {
			t.Error(err)
		}
		other, err := os.OpenFile(c.Path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(other, "somebody else's\n")
		other.Close()
		return n, syscall.ENOSPC
	}
	recs := sinktest.Records("mine", 1, 2)
	if n, err := e.Write(t.Context(), recs); n != 0 || err == nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	write(t, e, recs)
	data := readSet(t, c)
	wantIDs(t, data, "mine", 3)
	if !bytes.Contains(data, []byte("somebody else's\n")) {
		t.Errorf("another program's line is gone:\n%s", data)
	}
}

func TestBlockedWriteLeavesOthersTheirDeadlines(t *testing.T) {
	c := testConfig(t)
	e := newTest(t, c)
	entered, release, done := make(chan struct{}), make(chan struct{}), make(chan error)
	e.write = func(f *os.File, p []byte) (int, error) {
		close(entered)
		<-release
		return f.Write(p)
	}
	go func() {
		_, err := e.Write(context.Background(), sinktest.Records("stuck", 0, 1))
		done <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := e.Write(ctx, sinktest.Records("stuck", 1, 1)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("Write = %d, %v", n, err)
	}
	if err := e.ForceFlush(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ForceFlush = %v", err)
	}
	if err := e.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown = %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Errorf("the blocked Write: %v", err)
	}
	if e.live.f != nil {
		t.Error("the file is open after Shutdown")
	}
	wantIDs(t, readSet(t, c), "stuck", 1)
	newTest(t, c) // the path is free again
}

func TestNoAllocations(t *testing.T) {
	c := testConfig(t)
	c.Rotation.MaxSize = exporters.GiB
	e := newTest(t, c)
	recs := sinktest.Records("alloc", 0, 100)
	write(t, e, recs)
	ctx := context.Background()
	// The looks at the live file, before and after: path, and two results.
	if n := testing.AllocsPerRun(50, func() { _, _ = e.Write(ctx, recs) }); n > 3 {
		t.Errorf("%v allocations a batch", n)
	}
	huge := sinktest.Records("alloc", 0, 1)
	huge[0].Attributes = []attribute.KeyValue{attribute.String("x", strings.Repeat("x", 2*maxBuffer))}
	write(t, e, huge)
	if cap(e.buf) > maxBuffer {
		t.Errorf("a buffer of %d bytes is kept", cap(e.buf))
	}
}

func BenchmarkWrite(b *testing.B) {
	c := testConfig(b)
	c.Rotation = Rotation{MaxSize: 100 * exporters.MiB, Naming: "numbered"}
	c.Retention.MaxFiles = 1
	e := newTest(b, c)
	recs := sinktest.Records("bench", 0, 512)
	ctx := context.Background()
	start := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Write(ctx, recs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(recs))/time.Since(start).Seconds(), "records/s")
	b.SetBytes(int64(e.Stats().Bytes) / int64(b.N))
}
