package journal

import (
	"syscall"
	"testing"
	"time"
)

// Append goes on in new segments while the first one's sync hangs. When that
// fails, all of them are written anew under their names, as none of what they
// hold is known to be on the disk; what was durable before is not touched.
func TestFailedSyncOfRetiredSegments(t *testing.T) {
	for _, kept := range []int{0, 10} {
		h := &hooked{memory: newMemory()}
		o := options(t, h, Sync(time.Hour))
		o.SegmentSize = firstFrame + 1500
		j := create(t, o)
		var sure int64 // how many bytes two syncs have covered
		for range 2 {
			sure = j.Stats().Bytes
			fill(t, j, origin("a"), kept/2, 5, 50)
			if err := j.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		began, ends := make(chan string), make(chan error)
		h.onSync = func(name string) error {
			h.onSync = nil
			began <- name
			return <-ends
		}
		synced := make(chan error)
		go func() {
			var b Batch
			add(t, &b, origin("a"), 9, body(uint64(kept+1), 50))
			if _, err := j.Append(&b); err != nil {
				t.Error(err)
			}
			synced <- j.Sync()
		}()
		<-began
		fill(t, j, origin("b"), 30, 5, 50)
		if n := j.Stats().Segments; n < 3 {
			t.Fatalf("%d segments", n)
		}
		ends <- syscall.EIO
		if err := <-synced; err != nil {
			t.Fatal(err)
		}
		if s := j.Stats(); s.SyncErrors != 1 || s.LastError != nil || s.Waiting != uint64(kept+31) {
			t.Fatalf("%+v", s)
		}
		c := h.killed()
		if kept > 0 { // what the kernel has dropped
			first := c.files[c.segments(t, j.ID())[0]]
			first.data = first.data[:sure]
		}
		k := reopen(t, on(o, c), j.ID())
		wantRun(t, drain(t, k, 50), 1, uint64(kept+32))
		if s := k.Stats(); s.Damaged != 0 || s.OriginsLost != 0 {
			t.Fatalf("%+v", s)
		}
		wantRun(t, drain(t, j, 50), 1, uint64(kept+32))
		closeQueue(t, j)
		wantGone(t, h)
	}
}
