package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// The contestants that append encoded records to a file. They are benchmarks
// of the disk queue's inner package, which no other module may import.
const (
	appendNever    = "queue, sync: never"
	appendInterval = "queue, sync: every 200ms"
	rawWrite       = "write(2) of the same bytes"
	rawInterval    = "write(2) of the same bytes, fdatasync every 200ms"
	appendAlways   = "queue, sync: always"
	appendGroup    = "queue, sync: always, 8 at once"
	rawSync        = "write(2) of the same bytes, fdatasync"
)

// The groups of append jobs, in a job's Sink.
const (
	lazily = "written"
	safely = "on the disk"
)

func appendContestants(sink string) []string {
	if sink == safely {
		return []string{appendAlways, appendGroup, rawSync}
	}
	return []string{appendNever, rawWrite, appendInterval, rawInterval}
}

const journalPackage = "./spool/internal/journal"

var appendBenchmarks = map[string]string{
	appendNever:    "^BenchmarkAppend$/^never$",
	appendInterval: "^BenchmarkAppend$/^every_200ms$",
	rawWrite:       "^BenchmarkRawWrite$/^never$",
	rawInterval:    "^BenchmarkRawWrite$/^every_200ms$",
	appendAlways:   "^BenchmarkAppend$/^always$",
	appendGroup:    "^BenchmarkAppend$/^always_8_at_once$",
	rawSync:        "^BenchmarkRawWrite$/^always$",
}

// buildJournal builds those benchmarks, below dir, and returns the command.
func buildJournal(dir string, progress io.Writer) (string, error) {
	fmt.Fprintln(progress, "building the disk queue's benchmarks")
	command := filepath.Join(dir, "journal.test")
	cmd := exec.Command("go", "test", "-c", "-o", command, journalPackage)
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the disk queue's benchmarks: %w\n%s", err, out)
	}
	return command, nil
}

// runAppend runs one of the benchmarks for the job's duration. Its files are
// written below the job's directory.
func runAppend(j job) (result, error) {
	pattern, ok := appendBenchmarks[j.Contestant]
	if !ok {
		return result{}, fmt.Errorf("nothing that appends is called %q", j.Contestant)
	}
	cmd := exec.Command(j.Command, "-test.run=^$", "-test.bench="+pattern, "-test.benchtime="+j.Duration.String())
	cmd.Env = append(os.Environ(), "TMPDIR="+j.Dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return result{}, fmt.Errorf("%s: %w\n%s%s", pattern, err, out, stderr.Bytes())
	}
	r, err := readBenchmark(string(out))
	if err != nil {
		return result{}, fmt.Errorf("%s: %w", pattern, err)
	}
	return r, nil
}

// readBenchmark reads the first line that a benchmark printed.
func readBenchmark(out string) (r result, err error) {
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		for i := 2; i+1 < len(fields); i += 2 { // behind name and rounds: value, unit
			v, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return result{}, err
			}
			switch fields[i+1] {
			case "MB/s":
				r.MBPerSecond = v
			case "ns/op":
				r.NS = v
			}
		}
		if r.MBPerSecond > 0 {
			return r, nil
		}
	}
	return result{}, fmt.Errorf("no MB/s in %q", out)
}

func megabytes(r result) float64 { return r.MBPerSecond }

// slowness is the time that a byte takes.
func slowness(r result) float64 { return 1 / r.MBPerSecond }

// appendDetails compares with what writes the same bytes, and syncs them as
// often.
func appendDetails(name string, rs map[string][]result) string {
	raw := map[string]string{appendNever: rawWrite, appendInterval: rawInterval, appendAlways: rawSync, appendGroup: rawSync}[name]
	if f := ratio(rs[name], rs[raw], megabytes); !math.IsNaN(f) {
		return fmt.Sprintf("%.2f × %s", f, raw)
	}
	return ""
}
