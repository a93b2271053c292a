package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"

	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// Open opens a queue that another process has left, to read it to its end:
// Append fails. What the queue holds is settled by its cursor; records found
// damaged later are lost and counted, and never keep it from being opened.
//
// The error is [ErrLocked] while the process lives that has made it or another
// reads it, [ErrVersion] for one that only a later version can read,
// [io/fs.ErrNotExist] for none.
func Open(o Options, id string) (*Journal, error) { return open(o, id, false) }

// View opens a queue, whoever owns it, to read what it holds at this moment. It
// takes no lock and changes nothing. What its owner settles or evicts meanwhile
// may be missing.
func View(fsys disk.FS, id string) (*Journal, error) {
	return open(Options{FS: fsys}, id, true)
}

func open(o Options, id string, viewed bool) (*Journal, error) {
	n, err := parseID(id)
	if err != nil {
		return nil, err
	}
	j := newJournal(o, n)
	j.viewed = viewed
	if !viewed {
		if j.lock, err = o.FS.Lock(j.dir + "/" + lockName); err != nil {
			return nil, fmt.Errorf("journal: open %s: %w", j.dir, err)
		}
	}
	if err := j.load(); err != nil {
		if j.lock != nil {
			err = errors.Join(err, j.lock.Unlock(false))
		}
		return nil, fmt.Errorf("journal: open %s: %w", j.dir, err)
	}
	if !viewed && j.sync != Never {
		j.syncLeft()
	}
	j.reportUntold()
	return j, nil
}

// load finds the segments and the cursor.
func (j *Journal) load() error {
	// What an owner appends meanwhile is not missing: this is from before.
	c, err := readCursor(j.fs, j.dir, j.id)
	if errors.Is(err, ErrVersion) {
		return err
	}
	if err != nil {
		j.tell(fmt.Errorf("the cursor cannot be read, so records are handed out again: %w", err))
	}
	entries, err := j.fs.ReadDir(j.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name == cursorName || e.Name == lockName {
			continue
		}
		if temp := strings.TrimSuffix(e.Name, tempSuffix); temp != e.Name && e.Regular && isOurs(temp) {
			if !j.viewed {
				_ = j.fs.Remove(j.dir + "/" + e.Name) // what a crash left half made
			}
			continue
		}
		first, ok := parseSegmentName(e.Name)
		if !ok || !e.Regular {
			j.tell(fmt.Errorf("%q is none of the queue's files: it is left alone", e.Name))
			continue
		}
		seg, err := j.loadSegment(first)
		switch {
		case err == nil:
			j.segments = append(j.segments, seg)
		case errors.Is(err, errDamaged):
			j.tell(fmt.Errorf("segment %q has no header that is whole: what was in it is lost", e.Name))
		case errors.Is(err, errForeign):
			j.foreign = append(j.foreign, e.Name)
			j.tell(fmt.Errorf("segment %q: %w: it is left alone", e.Name, err))
		case errors.Is(err, fs.ErrNotExist):
		default:
			return fmt.Errorf("segment %q: %w", e.Name, err)
		}
	}
	if j.viewed {
		// Neither is what it settles: this is from after.
		if later, err := readCursor(j.fs, j.dir, j.id); err == nil {
			c.acked = max(c.acked, later.acked)
		}
	}
	return j.count(c)
}

// syncLeft syncs what the process that has ended may not have synced any more:
// else a power cut could still take it, however much later that comes. If it
// fails nothing can be done about that, and what is there is delivered.
func (j *Journal) syncLeft() {
	var err error
	for _, seg := range j.segments[max(0, len(j.segments)-1-maxRetired):] {
		err = errors.Join(err, j.fs.SyncFile(j.dir+"/"+segmentName(seg.first)))
	}
	if err = errors.Join(err, j.fs.SyncDir(j.dir)); err == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stats.SyncErrors++
	j.tell(fmt.Errorf("what an ended process has left cannot be synced: %w", err))
}

func isOurs(name string) bool {
	_, segment := parseSegmentName(name)
	return segment || name == cursorName || name == probeName
}

func (j *Journal) loadSegment(first uint64) (*segment, error) {
	f, err := j.fs.Open(j.dir + "/" + segmentName(first))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // which was only read
	h, err := readSegmentHeader(f)
	if err != nil {
		return nil, err
	}
	if h.queue != j.id || h.first != first {
		return nil, errForeign
	}
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	return &segment{segmentHeader: h, seed: seed(h.salt), limit: size, written: size}, nil
}

// count settles the books of what was found.
func (j *Journal) count(c position) error {
	j.acked, j.next = c.acked, c.next
	n := len(j.segments)
	if n > 0 {
		if j.acked == 0 {
			j.acked = j.segments[0].first
		}
		last := j.segments[n-1]
		for i, seg := range j.segments[:n-1] {
			seg.end = j.segments[i+1].first
		}
		t, err := j.tally(last, math.MaxUint64)
		if err != nil {
			return err
		}
		last.unsure = t.partial
		// A compacted segment has the records it says, found or not.
		j.next = max(j.next, t.last+1, last.first+uint64(last.records))
	}
	j.acked = max(j.acked, firstSeq)
	j.next = max(j.next, j.acked)
	if n > 0 {
		j.segments[n-1].end = j.next
	}
	j.visible, j.durable = j.next, j.next
	j.cursor.counter.Store(c.counter)
	j.reader.pos, j.reader.counted = j.acked, j.acked
	return j.countWaiting()
}

func (j *Journal) countWaiting() error {
	if len(j.segments) == 0 {
		j.stats.Waiting = j.next - j.acked
		return nil
	}
	if first := j.segments[0].first; first > j.acked {
		j.stats.Waiting = first - j.acked
	}
	for _, seg := range j.segments {
		switch {
		case seg.end <= j.acked:
		case !seg.compacted:
			j.stats.Waiting += seg.end - max(seg.first, j.acked)
		default:
			var t tally
			if j.acked > seg.first {
				var err error
				if t, err = j.tally(seg, j.acked); err != nil {
					return err
				}
			}
			j.stats.Waiting += uint64(seg.records) - min(t.before, uint64(seg.records))
		}
	}
	return nil
}

// tally is what a segment's frame headers tell.
type tally struct {
	last   uint64 // the highest sequence number, or the one before the first
	before uint64 // how many records come before a given one
	// partial says that there may be more, which shows when somebody reads it.
	partial bool
}

func (j *Journal) tally(seg *segment, before uint64) (t tally, err error) {
	t.last = seg.first - 1
	f, err := j.openSegment(seg)
	if j.viewed && errors.Is(err, fs.ErrNotExist) {
		return t, nil // its owner has removed it meanwhile
	}
	if err != nil {
		return t, err
	}
	defer func() { _ = f.Close() }() // which was only read
	s := newScanner(f, seg.seed)
	for {
		fr, got, err := s.next(seg.limit)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return t, nil // cut meanwhile
		}
		if err != nil {
			if !j.viewed && !j.probe() {
				return t, err
			}
			t.partial = true
			s.skipBlock()
			continue
		}
		if got == atLimit {
			return t, nil
		}
		if s.spent > largeSegment {
			t.partial = true
			return t, nil
		}
		if got == gotNothing {
			continue
		}
		if !seg.holds(&fr) {
			continue
		}
		t.last = max(t.last, fr.seq)
		if fr.seq < before {
			t.before++
		}
	}
}
