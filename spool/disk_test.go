package spool

import (
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

func openOn(t testing.TB, d *disktest.Process, sink exporters.Sink, sync SyncPolicy) *Spool {
	t.Helper()
	c := DefaultConfig()
	c.Directory, c.Sync = "test", sync
	s, err := open(sink, c, d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// With a broken disk Write fails, in a way that is worth another try, and is
// told of; delivery goes on, and so does all when the disk is mended.
func TestBrokenDisk(t *testing.T) {
	for name, fault := range map[string]func(*disktest.Disk){
		"full":           func(d *disktest.Disk) { d.Fill(0) },
		"read-only":      (*disktest.Disk).ReadOnly,
		"dead":           (*disktest.Disk).Dead,
		"no descriptors": (*disktest.Disk).NoDescriptors,
	} {
		for _, policy := range []SyncPolicy{SyncAlways, SyncPolicy(100 * time.Millisecond), SyncNever} {
			t.Run(name+", sync "+policy.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := disktest.New(1)
					sink := newOutage(errDown)
					s := openOn(t, d.Process(), sink, policy)
					taken := 0
					try := func() error {
						n, err := s.Write(t.Context(), sinktest.Records("s", taken, 10))
						taken += n
						return err
					}
					if err := try(); err != nil {
						t.Fatal(err)
					}
					fault(d)
					var failed error
					for range 10 {
						if err := try(); err != nil {
							failed = err
						}
						time.Sleep(time.Second)
					}
					if name != "no descriptors" { // a queue that has its file goes on
						if kind, _ := exporters.Classify(failed); failed == nil || kind != exporters.Retryable {
							t.Errorf("Write to a broken disk: %v", failed)
						}
						if st := s.Spooled(); st.LastError == "" || st.FailingSince.IsZero() || st.Dropped != nil {
							t.Errorf("%+v", st)
						}
					}
					balanced(t, s.Spooled())
					d.Mend()
					time.Sleep(time.Minute)
					if err := try(); err != nil {
						t.Fatalf("Write to the mended disk: %v", err)
					}
					sink.end()
					time.Sleep(time.Minute)
					wantIDs(t, ids(&sink.Memory), series("s", 0, taken))
					if st := s.Spooled(); st.LastError != "" || st.Delivered != uint64(taken) {
						t.Errorf("afterwards: %+v", st)
					}
					shutdown(t, s)
				})
			})
		}
	}
}

// A sync that fails is told of although no Write returns it.
func TestFailedSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disktest.New(1)
		sink := newOutage(errDown)
		s := openOn(t, d.Process(), sink, SyncPolicy(100*time.Millisecond))
		var mu sync.Mutex
		var told []string
		s.Notify(func(err error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, err.Error())
		})
		write(t, s, "s", 0, 10)
		time.Sleep(time.Second)
		mu.Lock()
		told = nil
		mu.Unlock()
		d.Fail(disktest.Sync, 1, syscall.EIO)
		write(t, s, "s", 10, 10)
		time.Sleep(time.Second)
		mu.Lock()
		all := strings.Join(told, "\n")
		mu.Unlock()
		if !strings.Contains(all, "sync") || !strings.Contains(all, syscall.EIO.Error()) {
			t.Errorf("told %q", all)
		}
		// It was written to a new segment, so nothing keeps failing.
		if st := s.Spooled(); strings.Contains(st.LastError, "sync") || st.Failures == 0 {
			t.Errorf("%+v", st)
		}
		sink.end()
		write(t, s, "s", 20, 10)
		flushed(t, s)
		wantIDs(t, ids(&sink.Memory), series("s", 0, 30))
		shutdown(t, s)
	})
}

// What the power cut has spared is delivered; with always that is all.
func TestPowerCut(t *testing.T) {
	for seed := range uint64(20) {
		d := disktest.New(seed)
		dead := newSpoolOn(t, d, newOutage(errDown))
		write(t, dead, "s", 0, 100)
		d.Crash()
		_ = dead.Shutdown(t.Context()) // finds nothing to write to
		sink := new(sinktest.Memory)
		s := openOn(t, d.Process(), sink, SyncAlways)
		flushed(t, s)
		wantIDs(t, ids(sink), series("s", 0, 100))
		shutdown(t, s)
	}
}

func newSpoolOn(t testing.TB, d *disktest.Disk, sink exporters.Sink) *Spool {
	return openOn(t, d.Process(), sink, SyncAlways)
}

// While a process has given its disk up, another one may take its queue: that
// delivers what is in it, and the first goes on with a new one.
func TestTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disktest.New(1)
		down, up := newOutage(errDown), newOutage(errDown)
		a := openOn(t, d.Process(), down, SyncAlways)
		b := openOn(t, d.Process(), up, SyncAlways)
		write(t, a, "a", 0, 10)
		write(t, b, "b", 0, 10)
		synctest.Wait() // else a, which has to read them, comes back to its queue
		d.Dead()
		if _, err := a.Write(t.Context(), sinktest.Records("a", 10, 1)); err == nil {
			t.Fatal("a dead disk takes records")
		}
		d.Mend()
		up.end()
		time.Sleep(time.Minute) // b looks for orphans
		wantIDs(t, ids(&up.Memory), series("b", 0, 10), series("a", 0, 10))
		write(t, a, "a", 10, 5)
		down.end()
		time.Sleep(2 * time.Minute)
		flushed(t, a)
		if got := ids(&down.Memory); !slices.Equal(got[len(got)-5:], series("a", 10, 15)) {
			t.Errorf("after its queue was taken: %v", got)
		}
		if st := a.Spooled(); st.LastError != "" || st.Dropped != nil {
			t.Errorf("%+v", st)
		}
		balanced(t, a.Spooled())
		shutdown(t, b)
		shutdown(t, a)
	})
}

// A disk that is full at the start keeps no program from starting.
func TestStartOnAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := disktest.New(1)
		first := openOn(t, d.Process(), newOutage(errDown), SyncAlways)
		write(t, first, "old", 0, 10)
		shutdown(t, first)
		d.Fill(0)
		sink := newOutage(errDown) // what it took would leave room
		s := openOn(t, d.Process(), sink, SyncAlways)
		if n, err := s.Write(t.Context(), sinktest.Records("s", 0, 10)); n != 0 || err == nil {
			t.Errorf("Write = %d, %v", n, err)
		}
		sink.end()
		flushed(t, s)
		wantIDs(t, ids(&sink.Memory), series("old", 0, 10))
		if st := s.Spooled(); st.LastError == "" || st.FailingSince.IsZero() || st.Delivered != 10 || st.Waiting != 0 {
			t.Errorf("%+v", st)
		}
		d.Mend()
		write(t, s, "s", 0, 10)
		flushed(t, s)
		wantIDs(t, ids(&sink.Memory), series("old", 0, 10), series("s", 0, 10))
		if st := s.Spooled(); st.LastError != "" {
			t.Errorf("%+v", st)
		}
		shutdown(t, s)

		d.Fill(0) // and it ends without ever having had a queue
		s = openOn(t, d.Process(), sink, SyncAlways)
		if err := s.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		shutdown(t, s)
	})
}
