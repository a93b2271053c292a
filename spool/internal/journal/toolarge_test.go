package journal

import (
	"strings"
	"syscall"
	"testing"
)

// Where files may not grow to SegmentSize, there are more and smaller ones.
func TestFilesMayNotGrow(t *testing.T) {
	for name, sync := range everySync {
		t.Run(name, func(t *testing.T) {
			const most = 10 << 10
			m := newMemory()
			j := create(t, options(t, m, sync))
			m.fault = func(op, name string, size int) (int, error) {
				if op != "write" || !strings.Contains(name, segmentSuffix) {
					return size, nil
				}
				if left := most - len(m.files[name].data); left < size {
					return max(left, 0), syscall.EFBIG
				}
				return size, nil
			}
			fill(t, j, origin("a"), 1000, 7, 100)
			if err := j.Sync(); err != nil {
				t.Fatal(err)
			}
			if s := j.Stats(); s.LastError != nil || s.WriteErrors != 1 || s.Segments < 10 {
				t.Errorf("%+v", s)
			}
			wantRun(t, drain(t, reopen(t, options(t, m.killed(), sync), j.ID()), 100), 1, 1001)
			wantRun(t, drain(t, j, 100), 1, 1001)
			m.fault = nil
		})
	}
}
