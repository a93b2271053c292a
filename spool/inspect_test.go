package spool

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

func openInspected(t testing.TB, c Config) *Dir {
	t.Helper()
	d, err := OpenDir(c.Directory)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func queues(t testing.TB, d *Dir) []QueueInfo {
	t.Helper()
	all, err := d.Queues()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// exported returns the ids of the records in a queue.
func exported(t testing.TB, d *Dir, queue string) (all []string, lost uint64) {
	t.Helper()
	lost, err := d.Records(queue, func(r *record.Record) error {
		if id := uid(r); !strings.HasPrefix(id, queue+"-") {
			t.Errorf("log.record.uid %q", id)
		}
		all = append(all, r.Body.AsString())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, lost
}

// A look at a directory tells what its queues hold, in use or not, and leaves
// every file as it was.
func TestInspect(t *testing.T) {
	c := config(t, func(c *Config) { c.Sync = SyncAlways })
	d := openInspected(t, c)
	if all := queues(t, d); len(all) != 0 {
		t.Errorf("an empty directory has %+v", all)
	}
	sink := newOutage(errDown)
	s := newSpool(t, sink, c)
	recs := sinktest.Records("s", 0, 100)
	if _, err := s.Write(t.Context(), recs); err != nil {
		t.Fatal(err)
	}
	id := s.own.journal.ID()
	look := func(inUse bool) {
		t.Helper()
		before := content(t, filepath.Join(c.Directory, "*", "*"))
		names := files(t, c.Directory)
		all := queues(t, d)
		if len(all) != 1 || all[0].ID != id || all[0].InUse != inUse || all[0].Waiting != 100 || all[0].Segments != 1 || all[0].Bytes == 0 || !all[0].Sound() {
			t.Fatalf("%+v", all)
		}
		if q := all[0]; !q.Oldest.Equal(recs[0].Time()) || !q.Newest.Equal(recs[99].Time()) {
			t.Errorf("from %v to %v", q.Oldest, q.Newest)
		}
		q, err := d.Verify(id)
		if err != nil || !q.Verified || q.Records != 100 || q.Waiting != 100 || q.InUse != inUse || !q.Sound() {
			t.Errorf("%+v, %v", q, err)
		}
		got, lost := exported(t, d, id)
		wantIDs(t, got, series("s", 0, 100))
		if lost > 0 || !slices.Equal(files(t, c.Directory), names) || content(t, filepath.Join(c.Directory, "*", "*")) != before {
			t.Errorf("%d lost, or the look has changed something: %q, before it %q", lost, files(t, c.Directory), names)
		}
	}
	look(true)
	shutdown(t, s)
	look(false)
	if _, err := d.Verify("0123456789abcdef"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a queue that is not there: %v", err)
	}
	stop := errors.New("stop")
	if _, err := d.Records(id, func(*record.Record) error { return stop }); err != stop {
		t.Errorf("yield's error came back as %v", err)
	}
}

// Damage is told with its place, costs one record, and stays as it is.
func TestInspectDamage(t *testing.T) {
	c := config(t, func(c *Config) { c.Sync = SyncNever })
	s := newSpool(t, newOutage(errDown), c)
	write(t, s, "s", 0, 100)
	shutdown(t, s)
	d := openInspected(t, c)
	id := queues(t, d)[0].ID
	segment, _ := filepath.Glob(filepath.Join(c.Directory, "*", "*.seg"))
	text, err := os.ReadFile(segment[0])
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(text), sinktest.ID("s", 50))
	text[at] ^= 1
	if err := os.WriteFile(segment[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	q, err := d.Verify(id)
	if err != nil || q.Damaged != 1 || q.Records != 99 || q.Sound() || len(q.Problems) != 1 || !strings.Contains(q.Problems[0].Error(), filepath.Base(segment[0])) ||
		!strings.Contains(q.Problems[0].Error(), "offset") || strings.Contains(q.Problems[0].Error(), "journal") {
		t.Errorf("%+v, %v", q, err)
	}
	got, lost := exported(t, d, id)
	wantIDs(t, got, series("s", 0, 50), series("s", 51, 100))
	if lost != 1 {
		t.Errorf("%d lost", lost)
	}
	if now, err := os.ReadFile(segment[0]); err != nil || string(now) != string(text) {
		t.Errorf("the segment was changed: %v", err)
	}
}

// Nothing is read through symbolic links, and what looks like a queue's file
// but is none is left out.
func TestInspectHostile(t *testing.T) {
	outside := config(t, nil)
	s := newSpool(t, refusing(), outside)
	write(t, s, "s", 0, 3)
	flushed(t, s)
	shutdown(t, s)
	letters, _ := filepath.Glob(filepath.Join(outside.Directory, "dead-letter", "*"))

	c := config(t, nil)
	for to, from := range map[string]string{
		letters[0]:  filepath.Join(c.Directory, "dead-letter", "0123456789abcdef.jsonl"),
		t.TempDir(): filepath.Join(c.Directory, "q-0123456789abcdef"),
	} {
		if err := os.MkdirAll(filepath.Dir(from), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, from); err != nil {
			t.Skip(err)
		}
	}
	d := openInspected(t, c)
	if all := queues(t, d); len(all) > 0 {
		t.Errorf("a link is a queue: %+v", all)
	}
	all, err := d.Letters()
	if err != nil || len(all) != 1 || all[0].Err == nil || all[0].Records != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	done, err := d.Replay()
	if err != nil || len(done) != 1 || done[0].Err == nil || done[0].Queue != "" {
		t.Errorf("%+v, %v", done, err)
	}
	if got := content(t, letters[0]); strings.Count(got, "\n") != 3 {
		t.Errorf("the link's target is %q now", got)
	}
	if _, err := OpenDir(filepath.Join(c.Directory, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(c.Directory, "none")); !os.IsNotExist(err) {
		t.Errorf("it was made: %v", err)
	}
}

// A look at a queue while its owner writes and delivers finds no damage, and
// what it exports is in order.
func TestInspectInUse(t *testing.T) {
	c := config(t, func(c *Config) { c.MaxSize, c.Sync = 64<<20, SyncPolicy(time.Millisecond) })
	sink := new(sinktest.Memory)
	s := newSpool(t, sink, c)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 300 {
			write(t, s, "s", 10*i, 10)
		}
	}()
	d := openInspected(t, c)
	for looking := true; looking; {
		select {
		case <-done:
			looking = false
		default:
		}
		for _, q := range queues(t, d) {
			v, err := d.Verify(q.ID)
			if !q.Sound() || !q.InUse || err != nil || !v.Sound() {
				t.Errorf("%+v\n%+v, %v", q, v, err)
				looking = false
			}
			if got, lost := exported(t, d, q.ID); lost > 0 || !slices.IsSorted(got) {
				t.Errorf("%d lost, exported %.300q", lost, got)
			}
		}
	}
	<-done
	shutdown(t, s)
	wantIDs(t, ids(sink), series("s", 0, 3000))
}
