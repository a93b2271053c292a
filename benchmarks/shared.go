package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/DeRuina/timberjack"
	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters/file"
	"github.com/seed2f724858/sluice/record"
)

const (
	// sharedFileSize is the size in MiB at which the one file of several
	// processes rotates.
	sharedFileSize = 16
	// sharedBatch is how many records a write gets: a batch processor's.
	sharedBatch = 512
)

// sharedContestant is one way in which processes write one file. All of them
// write the same lines with the same encoder, without a pipeline in front, so
// that what differs is how the file is written.
type sharedContestant struct {
	name      string
	processes int
	// portion divides the records, for those that would take too long.
	portion int
	open    func(dir string) (batchWriter, error)
}

// batchWriter writes batches. write returns how many records it was told have
// been written.
type batchWriter struct {
	write func(recs []record.Record) (int, error)
	close func() error
}

// The contestants with one file.
const (
	unshared1 = "sluice, 1 process, not shared"
	shared1   = "sluice, 1 process, shared"
	shared8   = "sluice, 8 processes, shared"
	locked8   = "a lock for each line, 8 processes"
)

func sharedContestants() []sharedContestant {
	return []sharedContestant{
		{unshared1, 1, 1, openFile(false)},
		{shared1, 1, 1, openFile(true)},
		{shared8, 8, 1, openFile(true)},
		{locked8, 8, 16, openLocked},
		{"lumberjack, 4 processes", 4, 4, func(dir string) (batchWriter, error) {
			return careless(lumberjackIn(dir, sharedFileSize))
		}},
		{"timberjack, 4 processes", 4, 4, func(dir string) (batchWriter, error) {
			return careless(&timberjack.Logger{Filename: filepath.Join(dir, "app.jsonl"), MaxSize: sharedFileSize})
		}},
	}
}

func sharedNamed(name string) (sharedContestant, error) {
	for _, c := range sharedContestants() {
		if c.name == name {
			return c, nil
		}
	}
	return sharedContestant{}, fmt.Errorf("no contestant with one file is called %q", name)
}

func openFile(shared bool) func(dir string) (batchWriter, error) {
	return func(dir string) (batchWriter, error) {
		cfg := fileConfig(dir, sharedFileSize)
		cfg.Shared = shared
		cfg.Include = []encode.Field{} // no pid: the same lines as all others
		e, err := file.New(cfg)
		if err != nil {
			return batchWriter{}, err
		}
		ctx := context.Background()
		return batchWriter{
			write: func(recs []record.Record) (int, error) { return e.Write(ctx, recs) },
			close: func() error { return e.Shutdown(ctx) },
		}, nil
	}
}

// openLocked writes as programs do that guard a file against each other with a
// lock for each line.
func openLocked(dir string) (batchWriter, error) {
	w, err := newLockedFile(filepath.Join(dir, "app.jsonl"), sharedFileSize<<20)
	if err != nil {
		return batchWriter{}, err
	}
	return lineByLine(w, func(err error) error { return err })
}

// careless goes on after an error, as loggers in front of w do. The line is
// not counted as written.
func careless(w io.WriteCloser) (batchWriter, error) {
	return lineByLine(w, func(error) error { return nil })
}

// lineByLine writes each line by itself; failed tells whether to go on.
func lineByLine(w io.WriteCloser, failed func(error) error) (batchWriter, error) {
	enc, err := encode.New("json", encode.Options{})
	if err != nil {
		return batchWriter{}, errors.Join(err, w.Close())
	}
	var line []byte
	return batchWriter{
		write: func(recs []record.Record) (n int, err error) {
			for i := range recs {
				line = enc.Append(line[:0], &recs[i])
				if _, err := w.Write(line); err == nil {
					n++
				} else if err := failed(err); err != nil {
					return n, err
				}
			}
			return n, nil
		},
		close: w.Close,
	}, nil
}

// runShared has the contestant's processes write one file, all from the same
// moment on, and waits until each says that everything is written.
func runShared(j job) (r result, err error) {
	c, err := sharedNamed(j.Contestant)
	if err != nil {
		return result{}, err
	}
	j.Records /= c.portion
	ctx, cancel := context.WithCancel(context.Background())
	writers := make([]*writer, 0, c.processes)
	defer func() {
		if err != nil {
			cancel() // ends those that still write
		}
		for _, w := range writers {
			err = errors.Join(err, w.wait())
		}
		cancel()
	}()
	for i := range c.processes {
		part := j
		part.Kind = kindWriter
		part.First = i * j.Records / c.processes
		part.Records = (i+1)*j.Records/c.processes - part.First
		w, err := startWriter(ctx, part)
		if err != nil {
			return result{}, err
		}
		writers = append(writers, w)
	}
	for _, w := range writers {
		var ready bool
		if err := w.out.Decode(&ready); err != nil {
			return result{}, fmt.Errorf("a writer does not start: %w", err)
		}
	}
	start := time.Now()
	for _, w := range writers {
		if err := w.in.Close(); err != nil {
			return result{}, err
		}
	}
	for _, w := range writers {
		var part result
		if err := w.out.Decode(&part); err != nil {
			return result{}, fmt.Errorf("a writer did not finish: %w", err)
		}
		r.Sent += part.Sent
		r.CPU += part.CPU
	}
	r.Seconds = time.Since(start).Seconds()
	return r, nil
}

// runWriter is one of the processes. It reports that it is ready, begins when
// nothing more comes in, and reports again when everything is written.
func runWriter(j job, in io.Reader, out io.Writer) (err error) {
	c, err := sharedNamed(j.Contestant)
	if err != nil {
		return err
	}
	w, err := c.open(j.Dir)
	if err != nil {
		return err
	}
	recs := prebuilt(sharedBatch)
	report := json.NewEncoder(out)
	if err := report.Encode(true); err != nil {
		return errors.Join(err, w.close())
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return errors.Join(err, w.close())
	}
	var r result
	cpu := cpuSeconds()
	for id := j.First; id < j.First+j.Records; id += len(recs) {
		recs = recs[:min(len(recs), j.First+j.Records-id)]
		for i := range recs {
			recs[i].Attributes[1] = attribute.Int(keyID, id+i)
		}
		n, err := w.write(recs)
		if err != nil {
			return errors.Join(err, w.close())
		}
		r.Sent += n
	}
	if err := w.close(); err != nil {
		return err
	}
	r.CPU = cpuSeconds() - cpu
	return report.Encode(r)
}

// readShared reads the files that the writers left. A line counts if it is
// whole.
func readShared(j job, r *result) error {
	c, err := sharedNamed(j.Contestant)
	if err != nil {
		return err
	}
	marker := []byte(jsonID)
	return readDir(j, j.Records/c.portion, r, func(line []byte) (int, error) {
		if !json.Valid(line) {
			return 0, errors.New("the line is no JSON")
		}
		return idIn(line, marker)
	})
}
