package spool

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

// remove removes the files of queues that have a part of their name, and empty
// directories, as somebody with a shell does.
func remove(t *testing.T, d *disktest.Disk, part string) {
	t.Helper()
	shell := d.Process()
	for _, name := range d.Files() {
		if strings.Contains(name, part) {
			if err := shell.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	dirs, err := shell.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range dirs {
		_ = shell.Remove(e.Name) // which fails unless it is empty
	}
}

// Somebody removes a queue, or files of it, while it is in use. What that costs
// is counted, and what is written from then on is not lost.
func TestRemovedWhileInUse(t *testing.T) {
	const before, after = 5000, 100
	for part, loses := range map[string]bool{"q-": true, "lock": false, "cursor": false} {
		for _, policy := range []SyncPolicy{SyncAlways, SyncPolicy(100 * time.Millisecond), SyncNever} {
			t.Run(part+", sync "+policy.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := disktest.New(1)
					sink := newOutage(errDown)
					s := openOn(t, d.Process(), sink, policy)
					write(t, s, "before", 0, before)
					time.Sleep(time.Minute)
					remove(t, d, part)
					if policy != SyncAlways {
						time.Sleep(2 * time.Second)
					}
					write(t, s, "after", 0, after)
					time.Sleep(time.Minute)
					sink.end()
					flushed(t, s)
					st := s.Spooled()
					if st.Waiting != 0 || st.Delivered+st.Dropped[causeDamaged] < before+after || (st.Dropped[causeDamaged] > 0) != loses {
						t.Errorf("%+v", st)
					}
					arrived := map[string]bool{}
					for _, id := range ids(&sink.Memory) {
						arrived[id] = true
					}
					for _, id := range series("after", 0, after) {
						if !arrived[id] {
							t.Fatalf("%s is lost", id)
						}
					}
					shutdown(t, s)
					if left := d.Files(); len(left) > 0 {
						t.Errorf("left behind: %q", left)
					}
				})
			})
		}
	}
}

// At the end, what is gone does not count as waiting on disk.
func TestRemovedAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disktest.New(1)
		s := openOn(t, d.Process(), newOutage(errDown), SyncAlways)
		write(t, s, "s", 0, 10)
		synctest.Wait() // they were read
		remove(t, d, "q-")
		var told []string
		s.Notify(func(err error) {
			if err != nil {
				told = append(told, err.Error())
			}
		})
		shutdown(t, s)
		wantBooks(t, s, 10, 0, 0, 0, "damaged 10")
		if all := strings.Join(told, "\n"); !strings.Contains(all, "somebody has removed it") {
			t.Errorf("told: %s", all)
		}
	})
}

// What was read of a queue before that was removed can still be delivered, until
// the end: then it is lost, too.
func TestRemovedBeforeTheEnd(t *testing.T) {
	for name, mk := range map[string]func() exporters.Sink{
		"read": func() exporters.Sink { return newOutage(errDown) },
		"held": func() exporters.Sink { return new(keeper) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := disktest.New(1)
				s := openOn(t, d.Process(), mk(), SyncAlways)
				write(t, s, "s", 0, 10)
				synctest.Wait() // they were read, and given to the exporter
				remove(t, d, "q-")
				write(t, s, "s", 10, 5)
				wantBooks(t, s, 15, 0, 0, 15, "")
				shutdown(t, s)
				wantBooks(t, s, 15, 0, 0, 5, "damaged 10")
				sink := new(sinktest.Memory)
				s = openOn(t, d.Process(), sink, SyncAlways)
				flushed(t, s)
				wantIDs(t, ids(sink), series("s", 10, 15))
				shutdown(t, s)
			})
		})
	}
}

// keeper holds all records, and delivers none.
type keeper struct {
	sinktest.Memory
}

func (k *keeper) Held() int { return len(k.Records()) }

// Files of records that are removed are begun anew, in the same queue.
func TestSegmentsRemovedWhileInUse(t *testing.T) {
	for _, policy := range []SyncPolicy{SyncAlways, SyncPolicy(100 * time.Millisecond), SyncNever} {
		t.Run("sync "+policy.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := disktest.New(1)
				sink := newOutage(errDown)
				s := openOn(t, d.Process(), sink, policy)
				write(t, s, "before", 0, 10)
				time.Sleep(time.Minute)
				remove(t, d, ".seg")
				time.Sleep(2 * time.Second)
				write(t, s, "after", 0, 10)
				if all := d.Files(); !slices.ContainsFunc(all, func(name string) bool { return strings.HasSuffix(name, ".seg") }) {
					t.Errorf("what was written stands in none of %q", all)
				}
				sink.end()
				flushed(t, s)
				wantIDs(t, ids(&sink.Memory), series("before", 0, 10), series("after", 0, 10))
				wantBooks(t, s, 20, 0, 20, 0, "")
				shutdown(t, s)
			})
		})
	}
}
