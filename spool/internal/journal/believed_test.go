package journal

import (
	"errors"
	"syscall"
	"testing"
)

// A file system that turns read-only during a sync may tell of success and keep
// nothing. What that sync was for is written anew when the next thing fails.
func TestSyncThatKeptNothing(t *testing.T) {
	for name, mode := range map[string]Sync{"every": Sync(1e15), "always": Always} {
		t.Run(name, func(t *testing.T) {
			h := &hooked{memory: newMemory()}
			o := options(t, h, mode)
			j := create(t, o)
			store := func() {
				t.Helper()
				fill(t, j, origin("a"), 5, 5, 50)
				if err := j.Sync(); err != nil {
					t.Fatal(err)
				}
			}
			store()
			kept := j.Stats().Bytes
			store()
			h.fault = func(op, name string, size int) (int, error) { return 0, syscall.EROFS }
			var b Batch
			add(t, &b, origin("b"), 9, body(11, 50))
			for range 2 {
				if _, err := j.Append(&b); !errors.Is(err, syscall.EROFS) {
					t.Fatal(err)
				}
			}
			h.fault = nil // repaired, and mounted again
			clear(h.locks)
			first := h.files[h.segments(t, j.ID())[0]]
			first.data = first.data[:kept]
			store()
			if s := j.Stats(); s.Waiting != 15 || s.LastError != nil {
				t.Fatalf("%+v", s)
			}
			k := reopen(t, on(o, h.killed()), j.ID())
			wantRun(t, drain(t, k, 50), 1, 16)
			wantRun(t, drain(t, j, 50), 1, 16)
			for _, q := range []*Journal{j, k} {
				if s := q.Stats(); s.Damaged != 0 || s.OriginsLost != 0 {
					t.Fatalf("%+v", s)
				}
			}
			closeQueue(t, j)
			wantGone(t, h)
		})
	}
}
