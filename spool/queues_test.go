package spool

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// What one process could not deliver the next one does, before its own records,
// the oldest first.
func TestRestarts(t *testing.T) {
	c := config(t, nil)
	down := newOutage(errDown)
	for i := range 3 {
		s := newSpool(t, down, c)
		wantBooks(t, s, 0, uint64(100*i), 0, uint64(100*i), "")
		write(t, s, "s", 100*i, 100)
		shutdown(t, s)
		wantBooks(t, s, 100, uint64(100*i), 0, uint64(100*(i+1)), "")
	}
	sink := new(sinktest.Memory)
	s := newSpool(t, sink, c)
	write(t, s, "s", 300, 100)
	flushed(t, s)
	wantIDs(t, ids(sink), series("s", 0, 400))
	wantBooks(t, s, 100, 300, 400, 0, "")
	shutdown(t, s)
	if left := files(t, c.Directory); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// A record keeps its name over restarts: a receiver can tell that it came
// twice.
func TestNamesOverRestarts(t *testing.T) {
	c := config(t, nil)
	first := newSpool(t, newOutage(errDown), c)
	write(t, first, "s", 0, 3)
	want := first.own.journal.UID(1)
	shutdown(t, first)
	sink := new(sinktest.Memory)
	s := newSpool(t, sink, c)
	flushed(t, s)
	if recs := sink.Records(); len(recs) != 3 || uid(&recs[0]) != want {
		t.Errorf("%d records, the first is called %q, want %q", len(recs), uid(&recs[0]), want)
	}
	shutdown(t, s)
}

// Spools of one directory that live at the same time leave each other alone;
// what one of them leaves behind another one looks for.
func TestNeighbours(t *testing.T) {
	c := config(t, nil)
	synctest.Test(t, func(t *testing.T) {
		down, sink := newOutage(errDown), new(sinktest.Memory)
		a := newSpool(t, down, c)
		b := newSpool(t, sink, c)
		write(t, a, "a", 0, 10)
		write(t, b, "b", 0, 10)
		time.Sleep(5 * time.Minute)
		wantIDs(t, ids(sink), series("b", 0, 10))
		wantBooks(t, b, 10, 0, 10, 0, "")
		shutdown(t, a)
		time.Sleep(time.Minute)
		wantIDs(t, ids(sink), series("b", 0, 10), series("a", 0, 10))
		wantBooks(t, b, 10, 10, 20, 0, "")
		shutdown(t, b)
	})
	if left := files(t, c.Directory); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// A queue is looked for during an outage too: it counts for the size.
func TestAdoptsDuringAnOutage(t *testing.T) {
	c := config(t, nil)
	synctest.Test(t, func(t *testing.T) {
		a, b := newSpool(t, newOutage(errDown), c), newSpool(t, newOutage(busy{24 * time.Hour}), c)
		write(t, a, "a", 0, 10)
		write(t, b, "b", 0, 10)
		shutdown(t, a)
		time.Sleep(time.Minute)
		wantBooks(t, b, 10, 10, 0, 20, "")
		shutdown(t, b)
	})
}

// A queue that cannot be read is left as it is, and told of once.
func TestLaterVersion(t *testing.T) {
	c := config(t, nil)
	first := newSpool(t, newOutage(errDown), c)
	write(t, first, "s", 0, 10)
	shutdown(t, first)
	segments, err := filepath.Glob(filepath.Join(c.Directory, "q-*", "*.seg"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	later, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, 4096} {
		header := later[at : at+64]
		binary.LittleEndian.PutUint16(header[8:], 99)
		binary.LittleEndian.PutUint32(header[60:], crc32.Checksum(header[:60], crc32.MakeTable(crc32.Castagnoli)))
	}
	if err := os.WriteFile(segments[0], later, 0o640); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		sink := new(sinktest.Memory)
		s := newSpool(t, sink, c)
		var mu sync.Mutex
		var told []string
		s.Notify(func(err error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, err.Error())
		})
		write(t, s, "own", 0, 5)
		time.Sleep(5 * time.Minute)
		wantIDs(t, ids(sink), series("own", 0, 5))
		if len(told) != 1 || !strings.Contains(told[0], "left as it is") || !strings.Contains(told[0], "later version") {
			t.Errorf("told %q", told)
		}
		wantBooks(t, s, 5, 0, 5, 0, "")
		shutdown(t, s)
	})
	if now, err := os.ReadFile(segments[0]); err != nil || string(now) != string(later) {
		t.Errorf("the queue was changed: %v", err)
	}
}

// Damage costs the records that it is in.
func TestDamage(t *testing.T) {
	c := config(t, nil)
	first := newSpool(t, newOutage(errDown), c)
	write(t, first, "s", 0, 10)
	shutdown(t, first)
	segments, _ := filepath.Glob(filepath.Join(c.Directory, "q-*", "*.seg"))
	data, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(data), sinktest.ID("s", 4))
	data[at]++
	if err := os.WriteFile(segments[0], data, 0o640); err != nil {
		t.Fatal(err)
	}
	sink := new(sinktest.Memory)
	s := newSpool(t, sink, c)
	flushed(t, s)
	wantIDs(t, ids(sink), series("s", 0, 4), series("s", 5, 10))
	shutdown(t, s)
	st := s.Spooled()
	if st.Recovered != 10 || st.Dropped["damaged"] != 1 || st.Waiting != 0 || st.LastDrop.IsZero() {
		t.Errorf("%+v", st)
	}
	if notice := sink.Records()[sink.Len()-1]; notice.EventName != "sluice.dropped" || notice.Body.AsString() != "sluice: 1 record dropped (damaged 1)" {
		t.Errorf("the last record is %v", notice.Body)
	}
}

// digest holds records until it is flushed.
type digest struct {
	sinktest.Memory
	mu   sync.Mutex
	held []record.Record
}

func (d *digest) Write(_ context.Context, recs []record.Record) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range recs {
		d.held = append(d.held, recs[i].Clone())
	}
	return len(recs), nil
}

func (d *digest) Held() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.held)
}

// send delivers the first n of what is held.
func (d *digest) send(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, _ = d.Memory.Write(context.Background(), d.held[:n])
	d.held = d.held[n:]
}

func (d *digest) ForceFlush(context.Context) error {
	d.send(d.Held())
	return nil
}

func (d *digest) Shutdown(ctx context.Context) error {
	d.send(d.Held())
	return d.Memory.Shutdown(ctx)
}

var _ exporters.Holder = (*digest)(nil)

// What the exporter holds stays on disk.
func TestHolder(t *testing.T) {
	c := config(t, nil)
	synctest.Test(t, func(t *testing.T) {
		d := new(digest)
		s := newSpool(t, d, c)
		write(t, s, "s", 0, 10)
		time.Sleep(time.Minute)
		if d.Held() != 10 {
			t.Fatalf("the exporter holds %d records", d.Held())
		}
		wantBooks(t, s, 10, 0, 0, 10, "")
		d.send(4)
		time.Sleep(2 * time.Second)
		wantBooks(t, s, 10, 0, 4, 6, "")
		if acked := s.own.journal.Stats().Acked; acked != 5 {
			t.Errorf("the cursor is at %d, want 5", acked)
		}
		write(t, s, "s", 10, 10)
		flushed(t, s)
		wantBooks(t, s, 20, 0, 20, 0, "")
		write(t, s, "s", 20, 10)
		shutdown(t, s)
		wantBooks(t, s, 30, 0, 30, 0, "")
		wantIDs(t, ids(&d.Memory), series("s", 0, 30))
	})
	if left := files(t, c.Directory); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// What the exporter held when the process died comes again, also what an
// earlier queue held.
func TestHolderDies(t *testing.T) {
	c := config(t, nil)
	first := newSpool(t, newOutage(errDown), c)
	write(t, first, "s", 0, 10)
	shutdown(t, first)
	synctest.Test(t, func(t *testing.T) {
		lost := new(digest)
		s := newSpool(t, &mute{lost}, c)
		write(t, s, "s", 10, 10)
		time.Sleep(time.Minute)
		if lost.Held() != 20 {
			t.Errorf("the exporter holds %d records, want 20", lost.Held())
		}
		lost.send(15)
		time.Sleep(2 * time.Second)
		wantBooks(t, s, 10, 10, 15, 5, "")
		shutdown(t, s)
		wantBooks(t, s, 10, 10, 15, 5, "")
	})
	sink := new(sinktest.Memory)
	s := newSpool(t, sink, c)
	flushed(t, s)
	wantIDs(t, ids(sink), series("s", 15, 20))
	shutdown(t, s)
}

// mute is a digest that cannot send what it holds at its end.
type mute struct{ *digest }

func (m *mute) ForceFlush(context.Context) error { return errDown }
func (m *mute) Shutdown(context.Context) error   { return nil }

func TestFlushFailsWithTheExporter(t *testing.T) {
	s := newSpool(t, &mute{new(digest)}, config(t, nil))
	write(t, s, "s", 0, 1)
	if err := s.ForceFlush(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("ForceFlush: %v, want the exporter's error", err)
	}
	shutdown(t, s)
}
