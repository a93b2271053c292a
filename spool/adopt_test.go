package spool

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/spool/internal/disktest"
)

// fullQueues leaves the full queues of three processes in c.Directory, and
// returns how many records are in them.
func fullQueues(t *testing.T, c Config) (each []uint64) {
	t.Helper()
	var lived []*Spool
	for range 3 {
		s := newSpool(t, newOutage(errDown), c)
		if err := fill(t, s, 10000); err == nil {
			t.Fatal("the queue does not get full")
		}
		each = append(each, s.Spooled().Waiting)
		lived = append(lived, s)
		time.Sleep(time.Second) // they have an order
	}
	for _, s := range lived {
		shutdown(t, s)
	}
	return each
}

// Of more queues than there is room for, one is taken over after the other, and
// nothing is evicted for them.
func TestAdoptsWhatFits(t *testing.T) {
	c := small(t, Block, nil)
	synctest.Test(t, func(t *testing.T) {
		n := fullQueues(t, c)
		c.OnFull = DropOldest
		sink := newOutage(errDown)
		s := newSpool(t, sink, c)
		time.Sleep(5 * time.Minute)
		wantBooks(t, s, 0, n[0], 0, n[0], "")
		sink.end()
		flushed(t, s)
		synctest.Wait() // no time passes: nobody has to look around for the others
		wantBooks(t, s, 0, n[0]+n[1]+n[2], n[0]+n[1]+n[2], 0, "")
		write(t, s, "own", 0, 1)
		flushed(t, s)
		shutdown(t, s)
		if uint64(sink.Len()) != n[0]+n[1]+n[2]+1 {
			t.Errorf("%d records arrived, want %d and one", sink.Len(), n)
		}
	})
	if left := files(t, c.Directory); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// A process that ends at once drains them too.
func TestAdoptsUntilTheEnd(t *testing.T) {
	c := small(t, Block, nil)
	synctest.Test(t, func(t *testing.T) {
		n := fullQueues(t, c)
		sink := new(sinktest.Memory)
		s := newSpool(t, sink, c)
		shutdown(t, s)
		wantBooks(t, s, 0, n[0]+n[1]+n[2], n[0]+n[1]+n[2], 0, "")
	})
	if left := files(t, c.Directory); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// However many queues were left, few of their files are open at a time, and the
// oldest come first.
func TestAdoptsAFewAtATime(t *testing.T) {
	const orphans = 50
	synctest.Test(t, func(t *testing.T) {
		d := disktest.New(1)
		ended := d.Process()
		var want []string
		for i := range orphans {
			s := openOn(t, ended, newOutage(errDown), SyncNever)
			write(t, s, "s", i, 1)
			want = append(want, sinktest.ID("s", i))
			time.Sleep(time.Second)                        // they have an order
			defer func() { _ = s.Shutdown(t.Context()) }() // which fails: it was killed
		}
		ended.Kill()
		sink := newOutage(errDown)
		s := openOn(t, d.Process(), sink, SyncNever)
		most := 0
		for range 10 {
			time.Sleep(adoptEvery)
			most = max(most, d.OpenFiles())
		}
		if most > 4*(maxAdopted+1) {
			t.Errorf("%d files are open", most)
		}
		sink.end()
		time.Sleep(2 * adoptEvery)
		wantIDs(t, ids(&sink.Memory), want)
		shutdown(t, s)
	})
}
