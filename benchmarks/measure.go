package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// The kinds of measurement.
const (
	kindCall     = "call"
	kindWith     = "with"
	kindDisabled = "disabled"
	kindFlood    = "flood"
	kindStall    = "stall"
	kindEncode   = "encode"
	kindStep     = "step"
	kindShared   = "shared"
	kindOTLP     = "otlp"
	kindQueue    = "spool"
	kindAppend   = "append"
	kindWriter   = "writer" // one of the processes of a shared job
	kindBacklog  = "backlog"
	kindDrain    = "drain" // the second process of a backlog job
)

// job is one measurement of one contestant. Each runs in a process of its own,
// so that memory, CPU time and the garbage collector's state are its own.
type job struct {
	Kind       string
	Contestant string
	Goroutines int
	// Dir is where files are written.
	Dir string
	// Duration is how long to measure; for a stall, how long the sink stands.
	Duration time.Duration
	// Records is how many records a flood or all writers of a file send. A
	// writer's ids begin with First.
	Records, First int
	// Sink is the sink's behaviour in a stall or backlog job, the transport in
	// an otlp job.
	Sink string
	// Command is the Collector of an otlp or spool job, and the benchmarks of an
	// append job. HTTP and GRPC are the Collector's URLs.
	Command, HTTP, GRPC string
}

// result is what a job found; which fields are set depends on its kind.
type result struct {
	// NS is the wall time in nanoseconds for one call, Allocs the
	// allocations of the whole process for one call.
	NS, Allocs float64
	// Seconds and CPU (user and system) are a flood's, from the first call
	// until everything was delivered; RSS is the peak in bytes.
	Seconds, CPU float64
	RSS          int64
	// P50, P99 and P999 are percentiles of one call in nanoseconds.
	P50, P99, P999 float64
	// Delivered is the share of the records that arrived exactly once.
	Delivered float64
	// Duplicates counts records that arrived again, Bytes the bytes for each
	// record that arrived.
	Duplicates int
	Bytes      float64
	// Sent counts the records that writers of one file, or of a disk queue, were
	// told are written, Broken the lines in the files that are no record's, Largest is the size of
	// the largest file in bytes.
	Sent, Broken int
	Largest      int64
	// Drained is the seconds in which a backlog was delivered, Open those from
	// opening its queue until the first record.
	Drained, Open float64
	// MBPerSecond is what was appended each second, in millions of bytes.
	MBPerSecond float64
}

func (j job) run() (result, error) {
	switch j.Kind {
	case kindCall, kindWith, kindDisabled:
		return runCalls(j)
	case kindFlood:
		return runFlood(j)
	case kindStall:
		return runStall(j)
	case kindEncode:
		return runEncode(j)
	case kindStep:
		return runStep(j)
	case kindShared:
		return runShared(j)
	case kindOTLP:
		return runOTLP(j)
	case kindQueue:
		return runQueue(j)
	case kindBacklog:
		return runBacklog(j)
	}
	return result{}, fmt.Errorf("unknown measurement %q", j.Kind)
}

// childFlag makes the command do the job on its standard input.
const childFlag = "-child"

func child(in io.Reader, out io.Writer) error {
	var j job
	stdin := json.NewDecoder(in)
	if err := stdin.Decode(&j); err != nil {
		return fmt.Errorf("read job: %w", err)
	}
	switch j.Kind {
	case kindWriter:
		return runWriter(j, io.MultiReader(stdin.Buffered(), in), out)
	case kindDrain:
		return runDrain(j, out)
	}
	r, err := j.run()
	if err != nil {
		return fmt.Errorf("%s of %s: %w", j.Kind, j.Contestant, err)
	}
	return json.NewEncoder(out).Encode(r)
}

// spawn does the job in a process of its own, with a directory of its own
// below root.
func spawn(j job, root string) (_ result, err error) {
	if j.Dir, err = os.MkdirTemp(root, "run"); err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(j.Dir)) }()
	switch j.Kind {
	case kindOTLP:
		return sendOTLP(j)
	case kindQueue:
		return fillQueue(j)
	case kindAppend:
		return runAppend(j)
	}
	return measure(j)
}

// measure does the job in a process of its own.
func measure(j job) (result, error) {
	exe, err := os.Executable()
	if err != nil {
		return result{}, err
	}
	in, err := json.Marshal(j)
	if err != nil {
		return result{}, err
	}
	var out, stderr bytes.Buffer
	cmd := exec.Command(exe, childFlag)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &stderr
	if err := cmd.Run(); err != nil {
		return result{}, fmt.Errorf("%s of %s: %w\n%s", j.Kind, j.Contestant, err, stderr.Bytes())
	}
	var r result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return result{}, fmt.Errorf("%s of %s: read result: %w", j.Kind, j.Contestant, err)
	}
	switch j.Kind {
	case kindFlood:
		err = readBack(j, &r)
	case kindShared:
		err = readShared(j, &r)
	}
	return r, err
}
