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

// feed writes the input and ends it.
func (p *program) feed(t *testing.T, input string) {
	t.Helper()
	if _, err := io.WriteString(p.stdin, input); err != nil {
		t.Fatal(err)
	}
	if err := p.stdin.Close(); err != nil {
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
