package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// callFileSize is the size in MiB at which files rotate.
	callFileSize = 100
	// chunk is how many calls a goroutine makes between looks at the clock.
	chunk = 1000
)

// runCalls measures calls made without a pause for j.Duration. An asynchronous
// contestant's queue is full for most of that time, so that its figure is what
// a call costs including delivery, not the cost of filling a queue.
func runCalls(j job) (result, error) {
	c, err := contestantNamed(j.Contestant)
	if err != nil {
		return result{}, err
	}
	s, err := c.open(j.Dir, callFileSize)
	if err != nil {
		return result{}, err
	}
	f := s.call
	switch j.Kind {
	case kindWith:
		f = s.with
	case kindDisabled:
		f = func(_, n int) { s.disabled(n) }
	}
	return timed(j.Goroutines, j.Duration, f), s.close()
}

// timed warms f up (pools, files, pages not yet touched) and measures it.
func timed(goroutines int, d time.Duration, f func(from, n int)) result {
	fanOut(goroutines, d/5, chunk, f)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, elapsed := fanOut(goroutines, d, chunk, f)
	runtime.ReadMemStats(&after)
	return result{
		NS:     float64(elapsed) / float64(n),
		Allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
	}
}

// fanOut calls f from several goroutines for d, for so many calls at a time,
// and returns how many calls they made together and the wall time.
func fanOut(goroutines int, d time.Duration, chunk int, f func(from, n int)) (int64, time.Duration) {
	var wg sync.WaitGroup
	var calls atomic.Int64
	start := time.Now()
	for range goroutines {
		wg.Go(func() {
			n := 0
			for time.Since(start) < d {
				f(n, chunk)
				n += chunk
			}
			calls.Add(int64(n))
		})
	}
	wg.Wait()
	return calls.Load(), time.Since(start)
}
