//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is a sluice that runs as a process of its own.
type program struct {
	*exec.Cmd
	stdin  io.WriteCloser
	stderr bytes.Buffer
}

// start runs sluice with the test's standard input kept open.
func start(t *testing.T, stdout io.Writer, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	p := &program{Cmd: exec.CommandContext(ctx, "sluice", args...)}
	p.Stdout, p.Stderr = stdout, &p.stderr
	var err error
	if p.stdin, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *program) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (p *program) wantExit(t *testing.T, code int) {
	t.Helper()
	if err := p.Wait(); p.ProcessState == nil || p.ProcessState.ExitCode() != code {
		t.Fatalf("ended with %v, want exit code %d; stderr:\n%s", err, code, p.stderr.String())
	}
}

func (p *program) wantStderr(t *testing.T, want string) {
	t.Helper()
	if !strings.Contains(p.stderr.String(), want) {
		t.Errorf("stderr lacks %q:\n%s", want, p.stderr.String())
	}
}

// fileConfig writes a configuration with a rotating file and returns its path
// and the log file's.
func fileConfig(t *testing.T, maxSize string) (config, logs string) {
	t.Helper()
	dir := t.TempDir()
	config, logs = filepath.Join(dir, "sluice.yaml"), filepath.Join(dir, "app.jsonl")
	text := fmt.Sprintf(`file_format: "1.0"
logger_provider:
  processors:
    - async:
        exporter:
          file:
            path: %s
            rotation: {max_size: %s, naming: numbered}
            retention: {max_files: 1000}
`, logs, maxSize)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config, logs
}

func awaitFile(t *testing.T, path, content string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(content)) {
			return
		}
	}
	t.Fatalf("%s never held %q", path, content)
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
	if _, err := p.stdin.Write([]byte("2\n")); err != nil {
		t.Fatal(err)
	}
	if err := p.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	p.wantExit(t, 0)
	if err := everyNumberOnce(2, logs); err != nil {
		t.Error(err)
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

// The acceptance of the whole: a million lines, each exactly once.
func TestPipeMillionLines(t *testing.T) {
	if os.Getenv("SLUICE_LONG") == "" {
		t.Skip("set SLUICE_LONG=1 for a million lines")
	}
	const n = 1_000_000
	config, logs := fileConfig(t, "10MiB")
	p := start(t, nil, "pipe", "--config", config)
	begun := time.Now()
	if _, err := p.stdin.Write(numberLines(n)); err != nil {
		t.Fatal(err)
	}
	if err := p.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	p.wantExit(t, 0)
	t.Logf("%d lines in %v, %v of CPU", n, time.Since(begun), p.ProcessState.UserTime()+p.ProcessState.SystemTime())
	p.wantStderr(t, fmt.Sprintf("sluice: file: %d accepted, %d delivered, 0 dropped\n", n, n))
	if err := everyNumberOnce(n, logs); err != nil {
		t.Error(err)
	}
}
