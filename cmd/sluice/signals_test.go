//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func (p *program) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func TestPipeDrainsOnSignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			config, logs := fileConfig(t, "64KiB")
			p := start(t, nil, "pipe", "--config", config)
			if _, err := p.stdin.Write(numberLines(1000)); err != nil {
				t.Fatal(err)
			}
			// The program runs and its standard input stays open, without
			// anything to read.
			awaitFile(t, logs, `"msg":"1000"`)
			if _, err := p.stdin.Write([]byte("1001\n1002\n1003")); err != nil {
				t.Fatal(err)
			}
			p.signal(t, sig)
			p.wantExit(t, 0)
			p.wantStderr(t, "sluice: file: 1003 accepted, 1003 delivered, 0 dropped\n")
			if err := everyNumberOnce(1003, logs); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPipeSurvivesHangup(t *testing.T) {
	config, logs := fileConfig(t, "64KiB")
	p := start(t, nil, "pipe", "--config", config)
	if _, err := p.stdin.Write([]byte("1\n")); err != nil {
		t.Fatal(err)
	}
	awaitFile(t, logs, `"msg":"1"`)
	p.signal(t, syscall.SIGHUP)
	p.feed(t, "2\n")
	p.wantExit(t, 0)
	if err := everyNumberOnce(2, logs); err != nil {
		t.Error(err)
	}
}

// SIGHUP has a file that was moved made anew, also one that waits for it.
func TestPipeReopensOnHangup(t *testing.T) {
	dir := t.TempDir()
	config, logs := filepath.Join(dir, "sluice.yaml"), filepath.Join(dir, "app.jsonl")
	text := fmt.Sprintf("file_format: \"1.1\"\nlogger_provider:\n  processors:\n    - async: {exporter: {retry: {exporter: {file: {path: %q, reopen: false}}}}}\n", logs)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, nil, "pipe", "--config", config)
	feed := func(s string) {
		t.Helper()
		if _, err := io.WriteString(p.stdin, s); err != nil {
			t.Fatal(err)
		}
	}
	feed("1\n")
	awaitFile(t, logs, `"msg":"1"`)
	old := logs + ".old"
	if err := os.Rename(logs, old); err != nil {
		t.Fatal(err)
	}
	feed("2\n")
	awaitFile(t, old, `"msg":"2"`)
	p.signal(t, syscall.SIGHUP)
	awaitFile(t, logs, "")
	p.feed(t, "3\n")
	p.wantExit(t, 0)
	if b, err := os.ReadFile(logs); err != nil || !bytes.Contains(b, []byte(`"msg":"3"`)) {
		t.Errorf("the new file holds %q, %v", b, err)
	}
}

// A destination that takes nothing holds the drain up; the second signal ends
// that, and what was queued is counted as lost.
func TestPipeSecondSignalHurries(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := start(t, w, "pipe", "--drain-timeout", "unlimited")
	_ = w.Close()
	// Far more than pipes and queues hold: the program blocks, then so does
	// this writer.
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		_, _ = p.stdin.Write(numberLines(1_000_000))
	}()
	if _, err := io.ReadFull(r, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGTERM)
	p.signal(t, syscall.SIGINT)
	p.wantExit(t, 1)
	<-wrote
	p.wantStderr(t, "sluice: terminal: ")
	p.wantStderr(t, "error: records were lost: terminal: ")
	p.wantStderr(t, " shutdown")
}

// A destination that nobody reads never lets go of what it is given: the
// program ends all the same, and claims neither success nor delivery.
func TestPipeEndsWithABlockedDestination(t *testing.T) {
	for _, processor := range []string{"async", "simple"} {
		t.Run(processor, func(t *testing.T) {
			dir := t.TempDir()
			config, stats := filepath.Join(dir, "sluice.yaml"), filepath.Join(dir, "stats.json")
			if err := os.WriteFile(config, []byte(`file_format: "1.0"
logger_provider:
  processors:
    - `+processor+`: {exporter: {terminal: {format: text}}}
`), 0o600); err != nil {
				t.Fatal(err)
			}
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			p := start(t, w, "pipe", "--config", config, "--stats", stats, "--drain-timeout", "unlimited")
			_ = w.Close()
			// One record that no pipe holds.
			if _, err := p.stdin.Write(append(bytes.Repeat([]byte("x"), 1<<19), '\n')); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(r, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			p.signal(t, syscall.SIGTERM)
			p.signal(t, syscall.SIGINT)
			p.wantExit(t, 1)
			p.wantStderr(t, "sluice: terminal: 1 accepted, 0 delivered, 0 dropped, 1 cut off\n")
			p.wantStderr(t, "error: records were lost: terminal: 1 cut off while they were written")
			if content, err := os.ReadFile(stats); err != nil || !bytes.Contains(content, []byte(`"in_flight":1`)) {
				t.Errorf("statistics: %s, %v", content, err)
			}
		})
	}
}

// The acceptance of the whole: a million lines, each exactly once.
func TestPipeMillionLines(t *testing.T) {
	if os.Getenv("SLUICE_LONG") == "" {
		t.Skip("set SLUICE_LONG=1 for a million lines")
	}
	const n = 1_000_000
	config, logs := fileConfig(t, "10MiB")
	p := start(t, nil, "pipe", "--config", config)
	begun := time.Now()
	p.feed(t, string(numberLines(n)))
	p.wantExit(t, 0)
	t.Logf("%d lines in %v, %v of CPU", n, time.Since(begun), p.ProcessState.UserTime()+p.ProcessState.SystemTime())
	p.wantStderr(t, fmt.Sprintf("sluice: file: %d accepted, %d delivered, 0 dropped\n", n, n))
	if err := everyNumberOnce(n, logs); err != nil {
		t.Error(err)
	}
}
