//go:build !windows

package file

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// Several processes share the hook's work: one calls it at a time, no backup is
// given to it again, and none is deleted before.
func TestSharedHook(t *testing.T) {
	c := sharedConfig(testConfig(t).Path, "timestamp+gzip")
	c.Rotation.MaxSize, c.Retention.MaxFiles = 600, 2
	var mu sync.Mutex
	var busy atomic.Bool
	calls := make(map[string]int)
	hook := upload(t.TempDir())
	c.OnRotate = func(ctx context.Context, b Backup) error {
		if busy.Swap(true) {
			return errors.New("called twice at a time")
		}
		defer busy.Store(false)
		mu.Lock()
		defer mu.Unlock()
		calls[filepath.Base(b.Path)]++
		if !strings.HasSuffix(b.Path, ".gz") {
			t.Errorf("%s is not compressed", b.Path)
		}
		return hook(ctx, b)
	}
	var all []*Exporter
	for range 3 { // exporters of this process stand for processes
		e := newTest(t, c)
		e.claim.release()
		all = append(all, e)
	}
	for i := range 60 {
		write(t, all[i%3], sinktest.Records("both", i, 1))
	}
	for _, e := range all {
		if err := e.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	// What the others left to one that had ended its look is the next start's.
	if err := newTest(t, c).Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for name, n := range calls {
		if n != 1 {
			t.Errorf("%s: %d calls", name, n)
		}
	}
	var rotations, failures uint64
	for _, e := range all {
		s := e.Stats()
		rotations, failures = rotations+s.Rotations, failures+s.HookFailures
	}
	if len(calls) != int(rotations) || failures > 0 {
		t.Errorf("%d rotations, %d backups hooked, %d failures", rotations, len(calls), failures)
	}
	if n := len(backups(t, c)); n != 2 {
		t.Errorf("%d backups, want 2", n)
	}

}
