package journal

import (
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// Verify says what is damaged and where, and changes nothing.
func TestVerify(t *testing.T) {
	m, _, id, records := small(t)
	for seq, p := range records {
		c := m.killed()
		c.files[p.file].data[p.to-1] ^= 1
		before := c.killed()
		report, err := Verify(c, id)
		if err != nil || report.Damaged != 1 || int(report.Records) != len(records)-1 || int(report.Waiting) != len(records)-1 {
			t.Fatalf("%+v, %v", report, err)
		}
		if len(report.Problems) != 1 {
			t.Fatal(report.Problems)
		}
		text := report.Problems[0].Error()
		if !strings.Contains(text, fmt.Sprintf("1 records from number %d on", seq)) || !strings.Contains(text, strings.TrimPrefix(p.file, queuePrefix+id+"/")) {
			t.Errorf("record %d: %s", seq, text)
		}
		for name, f := range before.files {
			if f != nil && string(f.data) != string(c.files[name].data) {
				t.Errorf("%s was changed", name)
			}
		}
	}
}

// A queue in use is whole, whatever its owner does at that moment.
func TestVerifyInUse(t *testing.T) {
	for name, mode := range everySync {
		t.Run(name, func(t *testing.T) {
			d := openDir(t)
			o := options(t, d, mode)
			o.SegmentSize = 16 << 10
			j := create(t, o)
			fill(t, j, origin("a"), 500, 10, 100)
			done := make(chan struct{})
			var owner sync.WaitGroup
			owner.Go(func() {
				for round := 0; ; round++ {
					select {
					case <-done:
						return
					default:
					}
					fill(t, j, origin("a"), 20, 5, 100)
					items, err := j.Reader().Next(15, 1<<20)
					if err == nil && len(items) > 0 {
						err = j.Ack(items[len(items)-1].Seq)
					}
					if err == nil && round%10 == 9 {
						_, _, err = j.Evict(17)
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
			for range 50 {
				report, err := Verify(d, j.ID())
				if err != nil || report.Damaged > 0 || report.OriginsLost > 0 || len(report.Problems) > 0 {
					t.Errorf("%+v, %v", report, err)
					break
				}
			}
			close(done)
			owner.Wait()
		})
	}
}

// vanishing is a file system on which somebody removes a file, once it was
// looked at.
type vanishing struct {
	*memory
	name  string
	looks int // how many are left
}

func (v *vanishing) Open(name string) (disk.File, error) {
	if name == v.name {
		if v.looks--; v.looks < 0 {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
	}
	return v.memory.Open(name)
}

// What the owner removes while somebody looks is missing, and no damage.
func TestVerifyWhileRemoved(t *testing.T) {
	m, _, j := evictable(t, Always)
	segments := m.segments(t, j.ID())
	last := segments[len(segments)-1]
	for looks := range 4 { // for its header, its end, and its records
		report, err := Verify(&vanishing{m, last, looks}, j.ID())
		want := 100
		if looks < 3 {
			want = 80
		}
		if err != nil || int(report.Records) != want || report.Damaged > 0 || report.OriginsLost > 0 || len(report.Problems) > 0 {
			t.Errorf("removed after %d looks: %+v, %v", looks, report, err)
		}
	}
}
