//go:build !windows

package bridge_test

import (
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/seed2f724858/sluice/bridge"
)

func TestExit(t *testing.T) {
	for _, tt := range []struct {
		child string
		lines int
		says  string
	}{
		{"exit", 1000, ""},
		{"exit, shutdown", 1000, ""},
		{"exit, wrapped", 1000, ""},
		{"exit, hanging", 0, "deadline exceeded"},
		{"exit, panicking", 0, "panic: shutdown"},
	} {
		t.Run(tt.child, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			status, stderr := run(t, dir, tt.child)
			all, _ := logged(t, dir)
			if status.ExitStatus() != 3 || len(all) != tt.lines {
				t.Errorf("status %d, %d lines\n%s", status.ExitStatus(), len(all), stderr)
			}
			if (tt.says == "") != (stderr == "") || !strings.Contains(stderr, tt.says) {
				t.Errorf("standard error %q, want %q", stderr, tt.says)
			}
		})
	}
}

func TestOnSignal(t *testing.T) {
	for _, tt := range []struct {
		child   string
		signals []syscall.Signal
		lines   int
	}{
		{"signal", []syscall.Signal{syscall.SIGTERM}, 1000},
		{"signal", []syscall.Signal{syscall.SIGINT}, 1000},
		{"signal, hanging", []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}, 0},
		{"signal, late", []syscall.Signal{syscall.SIGTERM}, 0},
	} {
		t.Run(tt.child, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			status, stderr := run(t, dir, tt.child, tt.signals...)
			last := tt.signals[len(tt.signals)-1]
			if all, _ := logged(t, dir); status.Signal() != last || len(all) != tt.lines {
				t.Errorf("signal %v, %d lines\n%s", status.Signal(), len(all), stderr)
			}
		})
	}
}

func TestOnSignalStop(t *testing.T) {
	stop := bridge.OnSignal(bridge.WithSignals(syscall.SIGUSR1), bridge.WithShutdown(func(context.Context) error {
		t.Error("called")
		return nil
	}))
	stop()
	stop()
}
