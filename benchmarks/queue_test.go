package main

import (
	"testing"
	"time"
)

func TestDiskQueuesKeepWhatTheyTook(t *testing.T) {
	for _, name := range queueContestants() {
		if name == collectorQueue || name == collectorQueueHTTP {
			continue // processes of another module
		}
		j := job{Kind: kindQueue, Contestant: name, Goroutines: 2, Duration: 20 * time.Millisecond, Dir: t.TempDir()}
		r, err := j.run()
		if err != nil {
			t.Fatal(err)
		}
		if r.Sent == 0 || r.Delivered != 1 {
			t.Errorf("%s: %d records written, %v of them on disk", name, r.Sent, r.Delivered)
		}
	}
}

func TestBacklogIsDelivered(t *testing.T) {
	for _, sink := range []string{sinkForwards, sinkDecoded} {
		j := job{Kind: kindBacklog, Contestant: spoolInterval, Sink: sink, Records: 20_000, Dir: t.TempDir()}
		r, err := j.run()
		if err != nil {
			t.Fatal(err)
		}
		if exactlyOnce([]result{r}) != 1 || r.Seconds <= 0 || r.Drained <= 0 || r.Open <= 0 {
			t.Errorf("%s: %+v", sink, r)
		}
	}
}

func TestSpooledSinkGetsEverything(t *testing.T) {
	j := job{Kind: kindStall, Contestant: sluiceDirect, Sink: sinkSpooled, Duration: 5 * time.Millisecond, Dir: t.TempDir()}
	r, err := j.run()
	if err != nil {
		t.Fatal(err)
	}
	if r.Delivered != 1 {
		t.Errorf("delivered %v", r.Delivered)
	}
}

func TestReadBenchmark(t *testing.T) {
	r, err := readBenchmark("goos: linux\nBenchmarkAppend/never-2   \t 5428\t 135151 ns/op\t 568.26 MB/s\t 69 B/op\nPASS\n")
	if err != nil || r.MBPerSecond != 568.26 || r.NS != 135151 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := readBenchmark("PASS\n"); err == nil {
		t.Error("a figure without a benchmark")
	}
}
