package main

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/seed2f724858/sluice/spool"
)

// refuse starts a collector, at $COLLECTOR, that will never take a record.
func refuse(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: refuse")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not like this", http.StatusBadRequest)
	}))
	ts.Defer(server.Close)
	ts.Setenv("COLLECTOR", server.URL)
}

// spooled N DIR waits until N records wait in the queues of DIR.
func spooled(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: spooled N DIR")
	}
	n, err := strconv.ParseUint(args[0], 10, 64)
	ts.Check(err)
	var waiting uint64
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		dir, err := spool.OpenDir(ts.MkAbs(args[1]))
		if err != nil {
			continue // it is still to be made
		}
		queues, err := dir.Queues()
		ts.Check(err)
		waiting = 0
		for _, q := range queues {
			waiting += q.Waiting
		}
		if waiting == n {
			return
		}
	}
	ts.Fatalf("%d records wait, want %d", waiting, n)
}

// flip TEXT GLOB changes the first letter of TEXT in a file.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip TEXT GLOB")
	}
	edit(ts, args[1], func(content []byte) {
		at := bytes.Index(content, []byte(args[0]))
		if at < 0 {
			ts.Fatalf("%q is not there", args[0])
		}
		content[at] ^= 1
	})
}

// newer GLOB makes a queue's segment one of a later version.
func newer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: newer GLOB")
	}
	edit(ts, args[0], func(content []byte) {
		for _, at := range []int{0, 4096} { // see spool/FORMAT.md
			header := content[at : at+64]
			binary.LittleEndian.PutUint16(header[8:], 2)
			binary.LittleEndian.PutUint32(header[60:], crc32.Checksum(header[:60], crc32.MakeTable(crc32.Castagnoli)))
		}
	})
}

func edit(ts *testscript.TestScript, glob string, change func([]byte)) {
	paths, err := filepath.Glob(ts.MkAbs(glob))
	ts.Check(err)
	if len(paths) != 1 {
		ts.Fatalf("%s stands for %q", glob, paths)
	}
	content, err := os.ReadFile(paths[0])
	ts.Check(err)
	change(content)
	ts.Check(os.WriteFile(paths[0], content, 0o600))
}

// A service whose collector has refused its records gets them back from a
// replay while it runs, and delivers them.
func TestReplayWhileRunning(t *testing.T) {
	if os.Getenv("SLUICE_LONG") == "" {
		t.Skip("set SLUICE_LONG=1 to wait half a minute until the process looks for queues")
	}
	c := newCollector(t, 0)
	var mended atomic.Bool
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !mended.Load() {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	queue := filepath.Join(t.TempDir(), "queue")
	config := writeConfig(t, "{spool: {directory: "+queue+", exporter: {otlp_http: {endpoint: "+front.URL+"/v1/logs}}}}")
	p := start(t, nil, "pipe", "--config", config)
	if _, err := p.stdin.Write(numberLines(100)); err != nil {
		t.Fatal(err)
	}
	dir := awaitLetters(t, queue, 100)
	mended.Store(true)
	done, err := dir.Replay()
	if err != nil || len(done) != 1 || done[0].Err != nil || done[0].Records < 100 {
		t.Fatalf("%+v, %v", done, err)
	}
	for deadline := time.Now().Add(50 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		c.mu.Lock()
		n := len(c.seen)
		c.mu.Unlock()
		if n >= 100 {
			break
		}
	}
	p.feed(t, "")
	_ = p.Wait() // it has lost records, as far as it knows
	for i := range 100 {
		if n := c.seen[strconv.Itoa(i+1)]; n != 1 {
			t.Fatalf("line %d arrived %d times", i+1, n)
		}
	}
}

// awaitLetters waits until n records are dead letters.
func awaitLetters(t *testing.T, path string, n uint64) *spool.Dir {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		dir, err := spool.OpenDir(path)
		if err != nil {
			continue
		}
		if letters, err := dir.Letters(); err == nil && len(letters) > 0 && letters[0].Records >= n {
			return dir
		}
	}
	t.Fatal("there are no dead letters")
	return nil
}
