package spool

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool/internal/disk"
)

// maxLetter bounds a line of a file of dead letters, in bytes: the memory that
// one takes.
const maxLetter = 64 << 20

// lettersName is what a queue's file of dead letters is called.
func lettersName(id string) string { return id + ".jsonl" }

// isLetters reports whether a file in the directory of dead letters is one of
// those.
func isLetters(name string) bool {
	id, ok := strings.CutSuffix(strings.TrimSuffix(name, ".1"), ".jsonl")
	return ok && isID(id)
}

func isID(s string) bool {
	return len(s) == 16 && strings.Trim(s, "0123456789abcdef") == ""
}

// LettersInfo is what is known of a file of dead letters.
type LettersInfo struct {
	// File is its name in the directory dead-letter.
	File  string
	Bytes int64
	// Records counts the letters; those in one file are of one process.
	Records uint64
	// Problems say which lines are none, with their offsets, among them
	// [ErrIncomplete]; not as long as the queue that the file is named after is
	// in use, and the line perhaps being written.
	Problems []error
	// Err is why the file cannot be read.
	Err error
}

// Sound reports whether nothing was found wrong.
func (l *LettersInfo) Sound() bool { return l.Err == nil && len(l.Problems) == 0 }

// maxProblems bounds what is told of one file.
const maxProblems = 1000

// Letters reads the files of dead letters: the records that an exporter would
// not take, and that no process delivers.
func (d *Dir) Letters() ([]LettersInfo, error) {
	return d.letters(nil)
}

// DeadLetters calls yield with each record that stands in files of dead
// letters, its reason included, as the attribute sluice.dead_letter.reason.
// Records are borrowed as in [Dir.Records].
func (d *Dir) DeadLetters(yield func(*record.Record) error) ([]LettersInfo, error) {
	return d.letters(yield)
}

func (d *Dir) letters(yield func(*record.Record) error) ([]LettersInfo, error) {
	entries, err := d.lettersEntries()
	if err != nil {
		return nil, err
	}
	var all []LettersInfo
	for _, e := range entries {
		l := LettersInfo{File: e.Name, Bytes: e.Size}
		var stop error
		if !e.Regular {
			l.Err = errors.New("is no regular file")
		} else {
			l.Err = readLetters(d.fs, deadLetterDir+"/"+e.Name, func(r *record.Record) error {
				l.Records++
				if yield != nil {
					stop = yield(r)
				}
				return stop
			}, func(problem error) error {
				torn := errors.Is(problem, ErrIncomplete) && d.isWritten(e.Name)
				if !torn && len(l.Problems) < maxProblems {
					l.Problems = append(l.Problems, problem)
				}
				return nil
			})
		}
		if stop != nil {
			return all, stop
		}
		if errors.Is(l.Err, fs.ErrNotExist) {
			continue // replayed or rotated meanwhile
		}
		all = append(all, l)
	}
	return all, nil
}

// lettersEntries lists the files of dead letters, those included that a replay
// has taken and not put into a queue.
func (d *Dir) lettersEntries() ([]disk.Entry, error) {
	entries, err := d.fs.ReadDir(deadLetterDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("spool: dead letters: %w", err)
	}
	var all []disk.Entry
	for _, e := range entries {
		if queue, taken := parseTaken(e.Name); isLetters(e.Name) || taken && d.isStaged(queue) {
			all = append(all, e)
		}
	}
	return all, nil
}

// ErrIncomplete says that the last line of a file of dead letters was cut off,
// by the end of its process or of the system, or by hand.
var ErrIncomplete = errors.New("the last line is incomplete")

// tornLine is [ErrIncomplete] with the offset of the line.
type tornLine struct{ at int64 }

func (t *tornLine) Error() string {
	return fmt.Sprintf("%v: the one at offset %d", ErrIncomplete, t.at)
}
func (t *tornLine) Unwrap() error { return ErrIncomplete }

// isWritten reports whether a file of dead letters may be appended to at this
// moment: the queue it is named after is in use.
func (d *Dir) isWritten(file string) bool {
	id, _, _ := strings.Cut(file, ".")
	locked, err := d.locked("q-" + id + "/lock")
	return locked && err == nil
}

// errTooLong says that a line is longer than maxLetter.
var errTooLong = fmt.Errorf("a line is longer than %d bytes", maxLetter)

// readLetters calls yield with each dead letter of a file, and bad for lines
// that are none; both end it with an error. What stands behind the last line
// feed counts if it is complete, and is bad as a [*tornLine] if not.
func readLetters(fsys disk.FS, name string, yield func(*record.Record) error, bad func(error) error) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // which was only read
	size, err := f.Size()
	if err != nil {
		return err
	}
	// No time is made up for a letter that has none.
	dec, err := decode.New("otlp_json", decode.Options{Now: func() time.Time { return time.Time{} }})
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(io.NewSectionReader(f, 0, size))
	lines.Buffer(nil, maxLetter)
	lines.Split(wholeLines)
	at := int64(0)
	for lines.Scan() {
		line, ended := bytes.CutSuffix(lines.Bytes(), []byte{'\n'})
		if isLetter(dec, line) {
			dec.Decode(decode.Line{Text: line}, func(r *record.Record, _ string) {
				if err == nil {
					err = yield(r)
				}
			})
		} else if ended {
			err = bad(fmt.Errorf("the line at offset %d is no dead letter", at))
		} else {
			err = bad(&tornLine{at})
		}
		if err != nil {
			return err
		}
		at += int64(len(lines.Bytes()))
	}
	err = lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = errTooLong
	}
	if err != nil {
		return fmt.Errorf("at offset %d: %w", at, err)
	}
	return nil
}

// countLines counts the lines of a file.
func countLines(fsys disk.FS, name string) (n uint64, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // which was only read
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	buf := make([]byte, 64<<10)
	for at := int64(0); at < size; {
		k, err := f.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		n += uint64(bytes.Count(buf[:k], []byte{'\n'}))
		if at += int64(k); err != nil && at < size {
			return n, err
		}
	}
	return n, nil
}

// wholeLines is [bufio.ScanLines] that leaves the line feed.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// isLetter reports whether a line holds records with a reason, and no others: a
// decoder would make a record of any line.
func isLetter(dec *decode.Decoder, line []byte) bool {
	n, sound := 0, true
	dec.Decode(decode.Line{Text: line}, func(r *record.Record, _ string) {
		n++
		if _, ok := r.Attr(reasonKey); !ok {
			sound = false
		}
	})
	return n > 0 && sound
}
