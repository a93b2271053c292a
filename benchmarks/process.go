package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// writer is a process that does a job of its own kind.
type writer struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *json.Decoder
	stderr bytes.Buffer
}

// startWriter starts a process on j. It ends with ctx.
func startWriter(ctx context.Context, j job) (*writer, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := &writer{cmd: exec.CommandContext(ctx, exe, childFlag)}
	w.cmd.Stderr = &w.stderr
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.out = json.NewDecoder(out)
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	if err := json.NewEncoder(w.in).Encode(j); err != nil {
		return nil, errors.Join(err, w.cmd.Process.Kill(), w.wait())
	}
	return w, nil
}

// wait returns when the process has ended.
func (w *writer) wait() error {
	if err := w.cmd.Wait(); err != nil {
		return fmt.Errorf("a writer: %w\n%s", err, w.stderr.Bytes())
	}
	return nil
}
