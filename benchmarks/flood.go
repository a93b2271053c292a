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
	seen := make([]bool, j.Records)
	marker := []byte(c.id)
	arrived, size := 0, int64(0)
	entries, err := os.ReadDir(j.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue // phuslu's live name is a link to its newest file
		}
		path := filepath.Join(j.Dir, e.Name())
		info, err := e.Info()
		if err != nil {
			return err
		}
		size += info.Size()
		err = eachLine(path, func(line []byte) error {
			id, err := idIn(line, marker)
			if err != nil || id < 0 || id >= len(seen) {
				return fmt.Errorf("not one of the records: %.200q", line)
			}
			if seen[id] {
				r.Duplicates++
				return nil
			}
			seen[id] = true
			arrived++
			return nil
		})
		if err != nil {
			return fmt.Errorf("%s: %s: %w", c.name, e.Name(), err)
		}
	}
	r.Delivered = float64(arrived) / float64(j.Records)
	if arrived > 0 {
		r.Bytes = float64(size) / float64(arrived)
	}
	return nil
}

func eachLine(path string, f func(line []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	for lines.Scan() {
		if err := f(lines.Bytes()); err != nil {
			return err
		}
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
