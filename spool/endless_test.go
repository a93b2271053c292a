package spool

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// holeless is a file system that does not tell of holes.
type holeless struct{ disk.FS }

func (h holeless) Open(name string) (disk.File, error) {
	f, err := h.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return struct{ disk.File }{f}, nil
}

// announced tells of each Write.
type announced struct {
	sinktest.Memory
	came chan int
}

func (a *announced) Write(ctx context.Context, recs []record.Record) (int, error) {
	n, err := a.Memory.Write(ctx, recs)
	a.came <- n
	return n, err
}

// endlessOrphan leaves a queue of ten records whose file is said to have
// terabytes, which takes minutes to read.
func endlessOrphan(t *testing.T, c Config) disk.FS {
	t.Helper()
	s := newSpool(t, newOutage(errDown), c)
	write(t, s, "s", 0, 10)
	shutdown(t, s)
	segments, err := filepath.Glob(filepath.Join(c.Directory, "q-*", "*.seg"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	if err := os.Truncate(segments[0], 4<<40); err != nil {
		t.Skip("this file system has no files of that size: ", err)
	}
	dir, err := disk.OpenDir(c.Directory)
	if err != nil {
		t.Fatal(err)
	}
	return holeless{dir}
}

// What reads such a file holds up neither a start, nor a flush or a shutdown
// that somebody has no time for.
func TestEndlessSegment(t *testing.T) {
	c := config(t, func(c *Config) { c.OnFull = Block })
	dir := endlessOrphan(t, c)
	sink := &announced{came: make(chan int, 100)}
	s, err := open(sink, c, dir)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < 10; {
		n += <-sink.came
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.ForceFlush(ctx); err == nil {
		t.Error("a flush has read all of it")
	}
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	balanced(t, s.Spooled())
	wantIDs(t, ids(&sink.Memory), series("s", 0, 10))
}

// Nor does it keep records from being taken.
func TestRoomBesideEndlessSegment(t *testing.T) {
	c := config(t, nil)
	dir := endlessOrphan(t, c)
	down := newOutage(errDown)
	tried := make(chan struct{})
	var once sync.Once
	refuse := down.OnWrite
	down.OnWrite = func(ctx context.Context, call int, recs []record.Record) (int, error) {
		once.Do(func() { close(tried) })
		return refuse(ctx, call, recs)
	}
	s, err := open(down, c, dir)
	if err != nil {
		t.Fatal(err)
	}
	<-tried // else they are evicted, as the queue is full
	write(t, s, "s", 10, 5)
	down.end()
	shutdown(t, s)
	wantIDs(t, ids(&down.Memory), series("s", 0, 15))
}
