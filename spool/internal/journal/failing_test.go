package journal

import (
	"errors"
	"runtime"
	"syscall"
	"testing"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// A full disk takes nothing, loses nothing, and takes records again when there
// is room.
func TestFullDisk(t *testing.T) {
	for name, sync := range everySync {
		t.Run(name, func(t *testing.T) {
			for _, part := range []int{0, 1, 33, 150} {
				for _, truncates := range []bool{true, false} {
					m := newMemory()
					j := create(t, options(t, m, sync))
					fill(t, j, origin("a"), 10, 3, 50)
					full := true
					m.fault = func(op, name string, size int) (int, error) {
						switch {
						case !full || op == "sync":
							return size, nil
						case op == "truncate" && truncates:
							return size, nil
						case op == "write":
							return min(part, size), syscall.ENOSPC
						default:
							return 0, syscall.ENOSPC
						}
					}
					var b Batch
					for range 4 {
						add(t, &b, origin("b"), 9, body(0, 50))
					}
					for range 3 {
						if _, err := j.Append(&b); !errors.Is(err, syscall.ENOSPC) {
							t.Fatal(err)
						}
					}
					if s := j.Stats(); s.Waiting != 10 || s.WriteErrors == 0 || s.LastError == nil {
						t.Fatalf("%+v", s)
					}
					full = false
					fill(t, j, origin("a"), 10, 3, 50)
					if err := j.Sync(); err != nil {
						t.Fatal(err)
					}
					if s := j.Stats(); s.LastError != nil {
						t.Fatalf("%+v", s)
					}
					c := m.killed()
					k := reopen(t, options(t, c, sync), j.ID())
					wantRun(t, drain(t, k, 50), 1, 21)
					wantRun(t, drain(t, j, 50), 1, 21)
					if s := j.Stats(); s.Damaged != 0 {
						t.Fatalf("%+v", s)
					}
					closeQueue(t, j)
					closeQueue(t, k)
					wantGone(t, m)
				}
			}
		})
	}
}

// A failed sync is never repeated on its file: what it may have lost is written
// to a new one, under the same numbers, before Append returns.
func TestFailedSync(t *testing.T) {
	m := newMemory()
	j := create(t, options(t, m, Always))
	fill(t, j, origin("a"), 10, 3, 50)
	syncs := map[*memoryFile]int{}
	m.fault = func(op, name string, size int) (int, error) {
		if f := m.files[name]; op == "sync" && f != nil {
			if syncs[f]++; len(syncs) == 1 {
				f.data = f.data[:len(f.data)-100] // the kernel has dropped the pages
				return 0, syscall.EIO
			}
		}
		return size, nil
	}
	fill(t, j, origin("b"), 10, 10, 50)
	for f, n := range syncs {
		if n != 1 {
			t.Errorf("%s was synced %d times", f.name, n)
		}
	}
	if s := j.Stats(); s.SyncErrors != 1 || s.Segments != 2 || s.Waiting != 20 || s.LastError != nil {
		t.Fatalf("%+v", s)
	}
	m.fault = nil
	c := m.killed()
	k := reopen(t, options(t, c, Always), j.ID())
	wantRun(t, drain(t, k, 50), 1, 21)
	wantRun(t, drain(t, j, 50), 1, 21)
	if s := k.Stats(); s.Damaged != 0 {
		t.Fatalf("%+v", s)
	}
}

// With a background sync the records wait in memory until the disk works again.
func TestFailedSyncLater(t *testing.T) {
	m := newMemory()
	j := create(t, options(t, m, Sync(1e15)))
	fill(t, j, origin("a"), 10, 3, 50)
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	fill(t, j, origin("b"), 10, 3, 50)
	broken := true
	m.fault = func(op, name string, size int) (int, error) {
		if broken {
			if f := m.files[name]; op == "sync" && f != nil && len(f.data) > firstFrame+1000 {
				clear(f.data[firstFrame+1000:])
			}
			return 0, syscall.EIO
		}
		return size, nil
	}
	if err := j.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	var b Batch
	add(t, &b, nil, 9, body(0, 0))
	if _, err := j.Append(&b); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	if len(m.locks) != 1 { // the memory's Unlock fails, too, and leaves it
		t.Fatal(m.locks)
	}
	clear(m.locks)
	broken = false
	fill(t, j, origin("c"), 5, 5, 50)
	wantRun(t, drain(t, reopen(t, options(t, m.killed(), Always), j.ID()), 50), 1, 26)
	wantRun(t, drain(t, j, 50), 1, 26)
	closeQueue(t, j)
	wantGone(t, m)
}

// With sync always, records that cannot be stored anywhere are not stored: their
// Append says so, and their numbers go to others.
func TestFailedSyncTakenBack(t *testing.T) {
	m := newMemory()
	j := create(t, options(t, m, Always))
	fill(t, j, origin("a"), 10, 3, 50)
	broken := true
	m.fault = func(op, name string, size int) (int, error) {
		if broken && op != "write" && op != "unlock" {
			return 0, syscall.EIO
		}
		return size, nil
	}
	var b Batch
	add(t, &b, nil, 9, []byte("never stored"))
	for range 2 {
		if _, err := j.Append(&b); !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
	}
	if s := j.Stats(); s.Next != 11 || s.Waiting != 10 {
		t.Fatalf("%+v", s)
	}
	broken = false
	fill(t, j, origin("a"), 10, 3, 50)
	wantRun(t, drain(t, reopen(t, options(t, m.killed(), Always), j.ID()), 50), 1, 21)
	wantRun(t, drain(t, j, 50), 1, 21)
}

// A disk that our own files have filled gets room by delivery and eviction,
// though neither the cursor nor anything new can be written.
func TestFullDiskGetsRoom(t *testing.T) {
	for name, free := range map[string]func(*testing.T, *Journal){
		"delivery": func(t *testing.T, j *Journal) {
			items, err := j.Reader().Next(200, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if more, err := j.Reader().Next(200, 1<<20); err != nil {
					t.Fatal(err)
				} else if len(more) > 0 {
					items = more
				}
			}
			if err := j.Ack(items[len(items)-1].Seq); err != nil {
				t.Fatal(err)
			}
		},
		"eviction": func(t *testing.T, j *Journal) {
			if n, _, err := j.Evict(EvictAll); err != nil || n == 0 {
				t.Fatal(n, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			o := options(t, m, Always)
			o.SegmentSize = firstFrame + 8<<10
			j := create(t, o)
			fill(t, j, origin("a"), 200, 10, 100)
			before := j.Stats()
			m.fault = func(op, name string, size int) (int, error) {
				if segments := m.count(); (op == "write" || op == "create") && segments >= before.Segments {
					return 0, syscall.ENOSPC
				}
				return size, nil
			}
			free(t, j)
			after := j.Stats()
			if after.Segments >= before.Segments || after.Bytes >= before.Bytes {
				t.Fatalf("%+v, then %+v", before, after)
			}
			k := reopen(t, on(o, m.killed()), j.ID())
			if s := k.Stats(); s.Waiting != after.Waiting {
				t.Fatalf("%+v, reopened %+v", after, s)
			}
			drain(t, k, 100)
			if s := k.Stats(); s.Damaged != 0 {
				t.Fatalf("%+v", s)
			}
		})
	}
}

// hooked calls onSync in place of syncing a file.
type hooked struct {
	*memory
	onSync func(name string) error
}

func (h *hooked) Create(name string) (disk.File, error) {
	f, err := h.memory.Create(name)
	return &hookedFile{f, h, name}, err
}

type hookedFile struct {
	disk.File
	h    *hooked
	name string
}

func (f *hookedFile) Sync() error {
	if f.h.onSync == nil {
		return nil
	}
	return f.h.onSync(f.name)
}

// What was appended while a sync was failing is written anew as well.
func TestAppendDuringFailingSync(t *testing.T) {
	for name, mode := range map[string]Sync{"every": Sync(1e15), "always": Always} {
		t.Run(name, func(t *testing.T) {
			h := &hooked{memory: newMemory()}
			j := create(t, options(t, h, mode))
			for range 2 { // what only one sync has covered is written anew
				fill(t, j, origin("a"), 5, 5, 50)
				if err := j.Sync(); err != nil {
					t.Fatal(err)
				}
			}
			var during Batch
			for seq := uint64(11); seq <= 15; seq++ {
				add(t, &during, origin("b"), 9, body(seq, 50))
			}
			var after Batch
			for seq := uint64(16); seq <= 20; seq++ {
				add(t, &after, origin("c"), 9, body(seq, 50))
			}
			stored := make(chan error, 1)
			h.onSync = func(string) error {
				h.onSync = nil
				go func() {
					_, err := j.Append(&after)
					stored <- err
				}()
				for j.Stats().Next < 21 {
					runtime.Gosched()
				}
				return syscall.EIO
			}
			if _, err := j.Append(&during); err != nil {
				t.Fatal(err)
			}
			if err := j.Sync(); err != nil {
				t.Fatal(err)
			}
			if err := <-stored; err != nil {
				t.Fatal(err)
			}
			if s := j.Stats(); s.SyncErrors != 1 || s.Segments != 2 {
				t.Fatalf("%+v", s)
			}
			c := h.killed()
			clear(c.files[c.segments(t, j.ID())[0]].data[firstFrame+1000:]) // what the kernel has dropped
			k := reopen(t, options(t, c, Always), j.ID())
			wantRun(t, drain(t, k, 50), 1, 21)
			if s := k.Stats(); s.Damaged != 0 || s.OriginsLost != 0 {
				t.Fatalf("%+v", s)
			}
		})
	}
}
