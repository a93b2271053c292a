package file

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters/sinktest"
)

func TestSyncPolicyText(t *testing.T) {
	for text, want := range map[string]SyncPolicy{"never": SyncNever, "batch": SyncBatch, "every 1s": SyncPolicy(time.Second), "every 1m30s": SyncPolicy(90 * time.Second)} {
		var p SyncPolicy
		if err := p.UnmarshalText([]byte(text)); err != nil || p != want || p.String() != text {
			t.Errorf("%q is read as %v, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "always", "every", "every ", "every 5", "every 0s", "every -1s", "every unlimited", "Batch", "1s"} {
		var p SyncPolicy
		if err := p.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken for %v", text, p)
		}
	}
	var s Severity
	if err := s.UnmarshalText([]byte("Error2")); err != nil || s.String() != "error2" {
		t.Errorf("%v, %v", s, err)
	}
	if err := s.UnmarshalText([]byte("loud")); err == nil || !strings.Contains(err.Error(), "error2") {
		t.Errorf("loud: %v", err)
	}
}

// counting counts the fsyncs.
func counting(e *Exporter) *int {
	n := new(int)
	e.fsync = func(f *os.File) error { *n++; return f.Sync() }
	return n
}

func TestSyncPolicies(t *testing.T) {
	c := testConfig(t)
	e := newTest(t, c)
	n := counting(e)
	write(t, e, sinktest.Records("sync", 0, 3))
	if err := e.ForceFlush(t.Context()); err != nil || *n != 0 {
		t.Errorf("never: %d fsyncs, %v", *n, err)
	}

	c = rotating(t, "numbered")
	c.Sync = SyncBatch
	e = newTest(t, c)
	n = counting(e)
	write(t, e, sinktest.Records("sync", 0, 1))
	if *n != 1 {
		t.Errorf("batch: %d fsyncs after one batch", *n)
	}
	write(t, e, sinktest.Records("sync", 1, 2)) // two files: the first is synced as it becomes a backup
	if *n != 3 || len(backups(t, c)) != 2 {
		t.Errorf("batch: %d fsyncs, %d backups; want 3, 2", *n, len(backups(t, c)))
	}

	c = testConfig(t)
	c.SyncLevel = Severity(log.SeverityError1)
	e = newTest(t, c)
	n = counting(e)
	recs := sinktest.Records("level", 0, 3)
	write(t, e, recs)
	if *n != 0 {
		t.Errorf("sync_level: %d fsyncs without an error", *n)
	}
	recs[1].Severity = log.SeverityError2
	write(t, e, recs)
	write(t, e, recs[2:])
	if *n != 1 {
		t.Errorf("sync_level: %d fsyncs, want 1", *n)
	}
	if err := e.Shutdown(t.Context()); err != nil || *n != 2 {
		t.Errorf("sync_level: %d fsyncs after Shutdown, want 2; %v", *n, err)
	}
}

func TestSyncEvery(t *testing.T) {
	c := testConfig(t)
	c.Sync = SyncPolicy(time.Millisecond)
	e := newTest(t, c)
	synced := make(chan struct{})
	e.fsync = func(f *os.File) error { synced <- struct{}{}; return f.Sync() }
	for i := range 3 {
		write(t, e, sinktest.Records("every", i, 1))
		<-synced
	}
	go func() { <-synced }()
	write(t, e, sinktest.Records("every", 3, 1))
	if err := e.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	wantIDs(t, readSet(t, c), "every", 4)
}

// A failed fsync is told and counted; its descriptor is given up instead of
// being asked again.
func TestSyncFailure(t *testing.T) {
	c := testConfig(t)
	c.Sync = SyncBatch
	e := newTest(t, c)
	write(t, e, sinktest.Records("eio", 0, 2))
	var failed *os.File
	e.fsync = func(f *os.File) error {
		switch failed {
		case nil:
			failed = f
			return &os.PathError{Op: "sync", Path: f.Name(), Err: syscall.EIO}
		case f:
			t.Error("the failed descriptor is synced again")
		}
		return f.Sync()
	}
	n, err := e.Write(t.Context(), sinktest.Records("eio", 2, 3))
	if n != 3 || !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "3 records may not survive") {
		t.Errorf("Write = %d, %v", n, err)
	}
	if _, err := failed.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the descriptor is still open: %v", err)
	}
	write(t, e, sinktest.Records("eio", 5, 1))
	wantIDs(t, readSet(t, c), "eio", 6)
	if s := e.Stats(); s.SyncFailures != 1 || s.Unsynced != 3 {
		t.Errorf("%+v", s)
	}
}

// One in the background is told by the next call that can.
func TestSyncFailureInBackground(t *testing.T) {
	c := testConfig(t)
	c.Sync = SyncPolicy(time.Hour)
	e := newTest(t, c)
	write(t, e, sinktest.Records("bg", 0, 2))
	entered := make(chan struct{})
	e.fsync = func(f *os.File) error {
		close(entered)
		e.fsync = (*os.File).Sync
		return syscall.EIO
	}
	e.syncInBackground()
	<-entered
	n, err := e.Write(context.Background(), sinktest.Records("bg", 2, 1))
	if n != 1 || !errors.Is(err, syscall.EIO) {
		t.Errorf("Write = %d, %v", n, err)
	}
	wantIDs(t, readSet(t, c), "bg", 3)
	if s := e.Stats(); s.SyncFailures != 1 || s.Unsynced != 2 {
		t.Errorf("%+v", s)
	}
}
