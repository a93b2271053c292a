package journal

import (
	"syscall"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

// What a killed process has not synced, a power cut takes no more once another
// one has taken over the queue. That it cannot be synced keeps nothing back.
func TestOpenSyncsWhatIsLeft(t *testing.T) {
	for _, works := range []bool{true, false} {
		for seed := range uint64(50) {
			d := disktest.New(seed)
			owner, heir := d.Process(), d.Process()
			o := options(t, owner, Sync(time.Hour))
			o.SegmentSize = 8 << 10
			j := create(t, o)
			fill(t, j, origin("a"), 100, 10, 100)
			owner.Kill()
			told := 0
			o.FS, o.Report = heir, func(error) { told++ }
			if !works {
				d.Fail(disktest.Sync, 1, syscall.EIO)
			}
			k := reopen(t, o, j.ID())
			if s := k.Stats(); s.Waiting != 100 || works != (s.SyncErrors == 0) || works != (told == 0) {
				t.Fatalf("%+v, told %d times", s, told)
			}
			if !works {
				continue
			}
			d.Crash()
			o.FS = d.Process()
			l := reopen(t, o, j.ID())
			wantRun(t, drain(t, l, 100), 1, 101)
			if s := l.Stats(); s.Damaged > 0 || s.OriginsLost > 0 {
				t.Fatalf("%+v", s)
			}
		}
	}
}
