//go:build !windows

package bridge

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

const crashText = "panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:7 +0x18\n"

// oldCrash writes the file of an earlier process.
func oldCrash(t *testing.T, dir string, pid int, text string) string {
	t.Helper()
	at := time.Date(2026, 11, 21, 10, 0, pid, 0, time.UTC)
	path := filepath.Join(dir, fmt.Sprintf("crash-%s-%d.txt", at.Format("20060102T150405.000000000Z"), pid))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	return path
}

func listDir(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestCaptureCrashes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "crashes")
	c := &capture{}
	logger := WithLogger(NewLogger("test", WithPipeline(newPipeline(t, c))).WithGroup("g"))
	stop, err := CaptureCrashes(dir, logger)
	if err != nil {
		t.Fatal(err)
	}
	own := listDir(t, dir)
	if len(own) != 1 || !crashNames.MatchString(own[0]) {
		t.Fatalf("files %q", own)
	}
	info, err := os.Stat(filepath.Join(dir, own[0]))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}

	oldCrash(t, dir, 1, crashText)
	oldCrash(t, dir, 2, "")
	oldCrash(t, dir, 3, strings.Replace(crashText, "boom", "again", 1))
	// None of these is to be touched.
	outside := oldCrash(t, t.TempDir(), 4, crashText)
	foreign := []string{
		filepath.Join(dir, filepath.Base(outside)),
		filepath.Join(dir, "crash-20261121T100005.000000000Z-5.txt"),
		filepath.Join(dir, "crash-20261121T100006.000000000Z-6.txt"),
		filepath.Join(dir, "crash-of-mine.txt"),
		filepath.Join(dir, "crash-20261121T100008.000000000Z-8.txt"),
	}
	for _, err := range []error{
		os.Symlink(outside, foreign[0]),
		syscall.Mkfifo(foreign[1], 0o600),
		os.Mkdir(foreign[2], 0o700),
		os.WriteFile(foreign[3], []byte(crashText), 0o600),
		os.Link(outside, foreign[4]),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	living := oldCrash(t, dir, 7, crashText)
	lock, err := os.Open(living)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := lockCrashFile(lock); !ok || err != nil {
		t.Fatal(ok, err)
	}

	// A second process starts.
	stop2, err := CaptureCrashes(dir, logger)
	if err != nil {
		t.Fatal(err)
	}
	recs := c.take()
	if len(recs) != 2 {
		t.Fatalf("%d records", len(recs))
	}
	for i, want := range []string{
		`{"exception.message":"boom","exception.stacktrace":"goroutine 1 [running]:\nmain.main()\n\t/src/main.go:7 +0x18","exception.type":"panic","process.pid":1}`,
		`{"exception.message":"again","exception.stacktrace":"goroutine 1 [running]:\nmain.main()\n\t/src/main.go:7 +0x18","exception.type":"panic","process.pid":3}`,
	} {
		wantAttrs(t, recs[i], want)
		if at := time.Date(2026, 11, 21, 10, 0, 2*i+1, 0, time.UTC); !recs[i].Timestamp.Equal(at) {
			t.Errorf("timestamp %v, want %v", recs[i].Timestamp, at)
		}
	}
	if got := listDir(t, dir); len(got) != len(foreign)+3 { // and the living process's, and both of ours
		t.Errorf("files %q", got)
	}
	for range 2 {
		if err := stop2(); err != nil {
			t.Error(err)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	got := listDir(t, dir)
	want := []string{filepath.Base(living)}
	for _, f := range foreign {
		want = append(want, filepath.Base(f))
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("left %q, want %q", got, want)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
}

// What the logger does not take waits for the next start.
func TestCaptureCrashesUndelivered(t *testing.T) {
	dir := t.TempDir()
	oldCrash(t, dir, 1, crashText)
	off := newPipeline(t, &capture{})
	off.Levels().Configure(processors.LevelRules{"": processors.SeverityOff})
	for name, p := range map[string]*processors.Pipeline{
		"takes no record": off,
		"short write":     newPipeline(t, &capture{err: io.ErrShortWrite}),
	} {
		h := handleErrors(t)
		stop, err := CaptureCrashes(dir, WithLogger(NewLogger("test", WithPipeline(p))))
		if err != nil {
			t.Fatal(err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if got := strings.Join(h.list(), "\n"); !strings.Contains(got, name) {
			t.Errorf("reported %q, want %q", got, name)
		}
		if got := listDir(t, dir); len(got) != 1 {
			t.Errorf("%s: files %q", name, got)
		}
	}
}

// More crashes than the queue takes are all delivered.
func TestCaptureCrashesQueue(t *testing.T) {
	dir := t.TempDir()
	for i := range 50 {
		oldCrash(t, dir, i, crashText)
	}
	cfg := processors.DefaultBatchConfig()
	cfg.MaxQueueSize, cfg.MaxExportBatchSize = 10, 10
	sink := &sinktest.Memory{}
	stop, err := CaptureCrashes(dir, WithLogger(NewLogger("test", WithPipeline(queued(t, sink, cfg)))))
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if left := listDir(t, dir); sink.Len() != 50 || len(left) != 0 {
		t.Errorf("%d records, files %q", sink.Len(), left)
	}
}

// A crash whose record was dropped waits for the next start, the others do not
// wait for it.
func TestCaptureCrashesDropped(t *testing.T) {
	h := handleErrors(t)
	dir := t.TempDir()
	for i := range 3 {
		oldCrash(t, dir, i, strings.Replace(crashText, "boom", fmt.Sprint("boom ", i), 1))
	}
	sink := &sinktest.Script{OnWrite: func(_ context.Context, _ int, recs []record.Record) (int, error) {
		for i, r := range recs {
			if strings.HasSuffix(r.Body.AsString(), "boom 1") {
				return i, exporters.Poison(io.ErrShortWrite)
			}
		}
		return len(recs), nil
	}}
	stop, err := CaptureCrashes(dir, WithLogger(NewLogger("test", WithPipeline(queued(t, sink, processors.DefaultBatchConfig())))))
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if left := listDir(t, dir); len(left) != 1 || !strings.HasSuffix(left[0], "-1.txt") || len(h.list()) == 0 {
		t.Errorf("files %q, reported %q", left, h.list())
	}
}

// A program that crashes at every start and reaches nobody fills no disk.
func TestCaptureCrashesBounds(t *testing.T) {
	h := handleErrors(t)
	dir := t.TempDir()
	for i := range maxCrashFiles + 5 {
		oldCrash(t, dir, i, "panic: "+strings.Repeat("é", 600)+"\n\ngoroutine 1 [running]:\n"+strings.Repeat("main.main()\n", 6000))
	}
	oldCrash(t, dir, maxCrashFiles+5, strings.Repeat("x", 3*maxCrashRead))
	c := &capture{}
	stop, err := CaptureCrashes(dir, WithLogger(NewLogger("test", WithPipeline(newPipeline(t, c)))))
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	recs := c.take()
	if len(recs) != maxCrashFiles || len(listDir(t, dir)) != 0 {
		t.Errorf("%d records, files %q", len(recs), listDir(t, dir))
	}
	for _, r := range recs {
		if r.Size() > maxCrashStack+3*maxCrashMessage {
			t.Errorf("a record of %d bytes", r.Size())
		}
	}
	if got := strings.Join(h.list(), "\n"); !strings.Contains(got, "6 crashes") {
		t.Errorf("reported %q", got)
	}
}

func TestCaptureCrashesErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	stop, err := CaptureCrashes(file)
	if err == nil || stop != nil || !strings.HasPrefix(err.Error(), "bridge: capture crashes: ") {
		t.Errorf("%v", err)
	}
	dir := t.TempDir()
	if stop, err = CaptureCrashes(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil { // there is nothing left to remove
		t.Error(err)
	}
}
