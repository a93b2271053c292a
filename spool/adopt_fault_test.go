package spool

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

// While the disk does not take down that a queue of an ended process is empty,
// that is not found anew and delivered again.
func TestEmptyQueueOnARefusingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disktest.New(1)
		ended := openOn(t, d.Process(), newOutage(errDown), SyncNever)
		write(t, ended, "s", 0, 50)
		shutdown(t, ended)
		sink := newOutage(errDown)
		s := openOn(t, d.Process(), sink, SyncNever)
		d.Break(syscall.EIO, disktest.Create, disktest.Write, disktest.Rename, disktest.Remove)
		sink.end()
		time.Sleep(5 * time.Minute)
		wantIDs(t, ids(&sink.Memory), series("s", 0, 50))
		if st := s.Spooled(); st.LastError == "" {
			t.Errorf("nothing is told of the disk: %+v", st)
		}
		d.Mend()
		time.Sleep(time.Minute)
		wantIDs(t, ids(&sink.Memory), series("s", 0, 50))
		wantBooks(t, s, 0, 50, 50, 0, "")
		shutdown(t, s)
		if left := d.Files(); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
}

// A queue that could not be opened for want of descriptors is opened later, and
// told of once.
func TestQueueThatCannotBeOpenedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disktest.New(1)
		p := d.Process()
		ended := openOn(t, p, newOutage(errDown), SyncNever)
		write(t, ended, "s", 0, 50)
		sink := new(sinktest.Memory)
		s := openOn(t, d.Process(), sink, SyncNever)
		told := 0
		s.Notify(func(err error) {
			if err != nil && strings.Contains(err.Error(), "left as it is") {
				told++
			}
		})
		p.Kill()
		_ = ended.Shutdown(t.Context()) // finds nothing to write to
		d.Break(syscall.EMFILE, disktest.Open, disktest.Lock)
		time.Sleep(3 * time.Minute)
		d.Mend()
		if told != 1 || sink.Len() > 0 {
			t.Errorf("told %d times, %d records came", told, sink.Len())
		}
		time.Sleep(time.Minute)
		wantIDs(t, ids(sink), series("s", 0, 50))
		shutdown(t, s)
	})
}

// A queue is done with when what was evicted from it is in the books: else the
// same records would count as damaged, too.
func TestFinishAfterEviction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disktest.New(1)
		ended := openOn(t, d.Process(), newOutage(errDown), SyncNever)
		write(t, ended, "s", 0, 50)
		shutdown(t, ended)
		sink := newOutage(errDown)
		s := openOn(t, d.Process(), sink, SyncNever)
		s.mu.Lock()
		q := s.adopted[0]
		q.evicting++ // five more, which are gone by now
		q.total += 5
		s.books.recovered += 5
		s.mu.Unlock()
		sink.end()
		time.Sleep(time.Minute)
		s.mu.Lock()
		s.drop(causeFull, 5)
		q.gone += 5
		q.evicting--
		s.mu.Unlock()
		time.Sleep(time.Minute)
		if left := s.all(); len(left) != 1 {
			t.Errorf("%d queues are left", len(left))
		}
		wantBooks(t, s, 0, 55, 50, 0, "spool_full 5")
		shutdown(t, s)
	})
}
