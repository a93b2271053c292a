package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool/internal/disk"
	"github.com/seed2f724858/sluice/spool/internal/journal"
)

var (
	// ErrReplaying says that another process replays dead letters.
	ErrReplaying = errors.New("another process replays dead letters here at the moment")
	// ErrNotOwner says that what was made here would belong to another user
	// than the queues, and so be of no use to their processes.
	ErrNotOwner = errors.New("the dead letters belong to another user")
)

// Replayed is what became of a file of dead letters.
type Replayed struct {
	// File is its name in the directory dead-letter.
	File string
	// Queue is the id of the queue in which its records are now, "" if there
	// were none.
	Queue   string
	Records uint64
	// Err is what went wrong. Without a Queue the letters are where they were,
	// or in a file of another name. With [ErrIncomplete], all but the last line
	// are in the Queue, and that is in a file named after it; a file with no
	// other line stays where it is.
	Err error
}

// replaySegment is how large the files of a queue of dead letters grow, in
// bytes: when a full queue has to make room it gives up one at a time.
const replaySegment = 1 << 20

// Replay puts all dead letters back into queues, one for each file and without
// their reason: a process that uses the directory takes them over like those of
// ended processes, within 30 s, or as soon as the next one starts. A letter
// keeps its log.record.uid.
//
// Whatever happens meanwhile, a kill or a power cut included, a letter is either
// in its file or in a queue, or, until the next Replay, in a file that is being
// replayed. The processes that write dead letters may go on; only a letter that
// is being written when its file is taken may come twice, under one
// log.record.uid. A file with a line that is no letter is left alone, but for
// one with [ErrIncomplete].
func (d *Dir) Replay() ([]Replayed, error) {
	entries, err := d.fs.ReadDir(deadLetterDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && d.path != "" && len(entries) > 0 {
		err = canReplay(d.path)
	}
	if err != nil {
		return nil, fmt.Errorf("spool: dead letters: %w", err)
	}
	lock, err := d.fs.Lock(replayLock)
	if errors.Is(err, disk.ErrLocked) {
		err = ErrReplaying
	}
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	all, err := d.replayAll()
	if err != nil {
		err = fmt.Errorf("spool: replay: %w", err)
	}
	return all, errors.Join(err, lock.Unlock(true))
}

func (d *Dir) replayAll() (all []Replayed, err error) {
	if err := d.cleanUp(); err != nil {
		return nil, fmt.Errorf("end an earlier one: %w", err)
	}
	entries, err := d.fs.ReadDir(deadLetterDir)
	if err != nil {
		return nil, err
	}
	// The older half of a process's letters before the newer one.
	slices.SortStableFunc(entries, func(a, b disk.Entry) int { return lettersOrder(a.Name, b.Name) })
	for _, e := range entries {
		if !isLetters(e.Name) {
			continue
		}
		done := Replayed{File: e.Name}
		if done.Err = d.replay(&done); errors.Is(done.Err, errMoved) {
			continue
		}
		all = append(all, done)
	}
	return all, nil
}

// errMoved says that the file is not there any more: its owner began a new one.
var errMoved = errors.New("the file was moved")

// replay moves the letters of one file into a queue. The queue is made first,
// under a name that nobody takes it by, and named last: that is the moment from
// which it counts, and the file does not.
func (d *Dir) replay(done *Replayed) error {
	// Before anything is moved: a file with other lines stays where it is.
	name := deadLetterDir + "/" + done.File
	letters := 0
	torn, err := wholeLetters(d.fs, name, func(*record.Record) error {
		letters++
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return errMoved
	}
	if err != nil {
		return err
	}
	if torn != nil && letters == 0 {
		if d.isWritten(done.File) {
			return errMoved // or soon complete
		}
		return torn
	}
	j, err := journal.Create(journal.Options{FS: staging{d.fs}, SegmentSize: replaySegment, Sync: journal.Always})
	if err != nil {
		return err
	}
	taken := takenName(done.File, j.ID())
	err = d.fs.Rename(name, deadLetterDir+"/"+taken)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.Join(errMoved, j.Close(), d.discard(j.ID()))
	}
	if err == nil {
		err = d.fs.SyncDir(deadLetterDir)
	}
	if err == nil {
		done.Records, torn, err = d.fill(j, taken)
	}
	err = errors.Join(err, j.Close())
	if err == nil && torn != nil {
		torn, err = d.keepRest(taken, torn, j.ID())
	}
	if err == nil && done.Records > 0 {
		err = d.fs.Rename(stagedName(j.ID()), "q-"+j.ID())
	}
	if err != nil {
		done.Records = 0
		return errors.Join(err, d.giveBack(taken, j.ID()))
	}
	if done.Records == 0 {
		return errors.Join(d.discard(j.ID()), d.remove(taken))
	}
	done.Queue = j.ID()
	if err := d.fs.SyncDir("."); err != nil {
		return fmt.Errorf("the queue is there, but a power cut may undo that: %w", err)
	}
	if err := d.remove(taken); err != nil {
		return fmt.Errorf("the queue is there, and the next replay removes %q: %w", taken, err)
	}
	if torn != nil {
		return fmt.Errorf("%w; what there is of it is kept in %s", torn, lettersName(j.ID()))
	}
	return nil
}

// wholeLetters is readLetters for a file without other lines, but perhaps a torn
// one at its end, which it returns.
func wholeLetters(fsys disk.FS, name string, yield func(*record.Record) error) (torn *tornLine, err error) {
	err = readLetters(fsys, name, yield, func(problem error) error {
		if t, ok := errors.AsType[*tornLine](problem); ok {
			torn = t
			return nil
		}
		return problem
	})
	return torn, err
}

// keepRest copies the torn line at the end of letters that were taken into a file
// named after their queue, where it is found next time. Giving the letters back
// replaces it. It returns nil for a line that is whole by now: its owner has
// written it, will see that the file was taken, and write it into another one.
func (d *Dir) keepRest(taken string, torn *tornLine, queue string) (*tornLine, error) {
	f, err := d.fs.Open(deadLetterDir + "/" + taken)
	if err != nil {
		return nil, err
	}
	rest, err := io.ReadAll(io.NewSectionReader(f, torn.at, maxLetter))
	_ = f.Close() // which was only read
	if err != nil || len(rest) == 0 || bytes.HasSuffix(rest, []byte{'\n'}) {
		return nil, err
	}
	kept, err := d.fs.Create(deadLetterDir + "/" + lettersName(queue))
	if err != nil {
		return nil, err
	}
	_, err = kept.WriteAt(rest, 0)
	if err == nil {
		err = kept.Sync()
	}
	if err = errors.Join(err, kept.Close()); err == nil {
		err = d.fs.SyncDir(deadLetterDir)
	}
	return torn, err
}

// fill puts the letters of a file into a queue.
func (d *Dir) fill(j *journal.Journal, file string) (n uint64, torn *tornLine, err error) {
	var batch journal.Batch
	var known origins
	enc := encode.OTLPProto()
	store := func() error {
		_, err := j.Append(&batch)
		batch.Reset()
		return err
	}
	torn, err = wholeLetters(d.fs, deadLetterDir+"/"+file, func(r *record.Record) error {
		r.Attributes = slices.DeleteFunc(r.Attributes, func(kv attribute.KeyValue) bool { return kv.Key == reasonKey })
		_, ownUID := r.Attr(semconv.LogRecordUIDKey)
		err := batch.Add(known.of(enc, r.Origin), severityOf(r), ownUID, func(dst []byte) []byte { return enc.AppendLog(dst, r) })
		if err == nil && batch.Bytes() >= maxChunk {
			err = store()
		}
		n++
		return err
	})
	if err == nil {
		err = store()
	}
	return n, torn, err
}
