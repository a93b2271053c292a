package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// floodFileSize is the size in MiB at which files rotate: small, so that a
// flood rotates several times.
const floodFileSize = 32

// maxLine bounds a line in bytes: writers that overwrite each other leave files
// without an end of line.
const maxLine = 64 << 20

// runFlood sends j.Records records as fast as the contestant takes them and
// waits until it says that all are delivered.
func runFlood(j job) (result, error) {
	c, err := contestantNamed(j.Contestant)
	if err != nil {
		return result{}, err
	}
	s, err := c.open(j.Dir, floodFileSize)
	if err != nil {
		return result{}, err
	}
	return flood(j, s)
}

// flood measures s from its first call until it is closed.
func flood(j job, s *session) (result, error) {
	cpu := cpuSeconds()
	start := time.Now()
	var wg sync.WaitGroup
	for g := range j.Goroutines {
		from, to := g*j.Records/j.Goroutines, (g+1)*j.Records/j.Goroutines
		wg.Go(func() { s.call(from, to-from) })
	}
	wg.Wait()
	if err := s.close(); err != nil {
		return result{}, err
	}
	return result{
		Seconds: time.Since(start).Seconds(),
		CPU:     cpuSeconds() - cpu,
		RSS:     peakRSS(),
	}, nil
}

// readBack reads every file that a flood left and looks for each id.
func readBack(j job, r *result) error {
	c, err := contestantNamed(j.Contestant)
	if err != nil {
		return err
	}
	marker := []byte(c.id)
	err = readDir(j, j.Records, r, func(line []byte) (int, error) { return idIn(line, marker) })
	if err == nil && r.Broken > 0 {
		err = fmt.Errorf("%d lines are not one of the records", r.Broken)
	}
	return err
}

// readDir reads every file in the job's directory and looks for each of the
// ids below ids.
func readDir(j job, ids int, r *result, idOf func(line []byte) (int, error)) error {
	seen := make([]bool, ids)
	arrived, size := 0, int64(0)
	entries, err := os.ReadDir(j.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue // phuslu's live name is a link to its newest file
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		size += info.Size()
		r.Largest = max(r.Largest, info.Size())
		err = eachLine(filepath.Join(j.Dir, e.Name()), func(line []byte) {
			switch id, err := idOf(line); {
			case err != nil || id < 0 || id >= len(seen):
				r.Broken++
			case seen[id]:
				r.Duplicates++
			default:
				seen[id] = true
				arrived++
			}
		})
		if err != nil {
			return fmt.Errorf("%s: %s: %w", j.Contestant, e.Name(), err)
		}
	}
	sent := ids
	if j.Kind == kindShared {
		sent = r.Sent
	}
	r.Delivered = float64(arrived) / float64(sent)
	if arrived > 0 {
		r.Bytes = float64(size) / float64(arrived)
	}
	return nil
}

func eachLine(path string, f func(line []byte)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		f(lines.Bytes())
	}
	return lines.Err()
}

func idIn(line, marker []byte) (int, error) {
	_, rest, _ := bytes.Cut(line, marker)
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	if !bytes.HasSuffix(line, []byte("}")) {
		return 0, fmt.Errorf("the line has no end")
	}
	return strconv.Atoi(string(rest[:end]))
}
