//go:build !windows

package bridge_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestRecoverEndsTheProcess(t *testing.T) {
	dir := t.TempDir()
	status, stderr := run(t, dir, "recover")
	if status.ExitStatus() != 2 || !strings.Contains(stderr, "panic: boom\n\tand more") || !strings.Contains(stderr, "bridge_test.explode") {
		t.Errorf("status %d, standard error:\n%s", status.ExitStatus(), stderr)
	}
	all, fatal := logged(t, dir)
	if len(all) != 2 || len(fatal) != 1 {
		t.Fatalf("%d records, %d fatal", len(all), len(fatal))
	}
	f := fatal[0]
	if f.Msg != "panic: boom\nand more" || f.Type != "*errors.errorString" || f.Message != "boom\nand more" ||
		f.TraceID != "01000000000000000000000000000000" || f.Request != "r-1" {
		t.Errorf("%+v", f)
	}
	if first, rest, _ := strings.Cut(f.Stack, "\n"); !strings.HasSuffix(first, "bridge_test.explode(...)") ||
		strings.Contains(rest, "bridge.Recover") || strings.Contains(rest, "gopanic") {
		t.Errorf("stack:\n%s", f.Stack)
	}
}

// What a Recover has delivered is not logged again by the next start; what it
// has not, is.
func TestRecoverAndCapture(t *testing.T) {
	for _, tt := range []struct {
		child string
		want  []string
	}{
		{"recover, captured", []string{"panic: boom\nand more"}},
		{"recover, hanging", []string{"earlier process crashed: panic: boom"}},
		{"recover, then another", []string{"panic: boom\nand more", "earlier process crashed: panic: on the way out"}},
	} {
		t.Run(tt.child, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if status, stderr := run(t, dir, tt.child); status.ExitStatus() != 2 || !strings.Contains(stderr, "panic: boom") {
				t.Fatalf("status %d\n%s", status.ExitStatus(), stderr)
			}
			for range 2 {
				if status, stderr := run(t, dir, "next"); status != 0 {
					t.Fatalf("status %d\n%s", status, stderr)
				}
			}
			_, fatal := logged(t, dir)
			var got []string
			for _, l := range fatal {
				got = append(got, l.Msg)
			}
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("logged %q, want %q", got, tt.want)
			}
			if names := crashFiles(t, dir); names != nil {
				t.Errorf("files are left: %q", names)
			}
		})
	}
}

func TestCaptureCrashesOfGoroutines(t *testing.T) {
	for _, tt := range []struct{ child, title, typ, message, frame string }{
		{"goroutine", "panic: boom", "panic", "boom\nand more", "bridge_test.explode()"},
		{"main", "panic: boom", "panic", "boom\nand more", "bridge_test.explode()"},
		{"concurrent map writes", "fatal error in internal/runtime/maps.fatal", "fatal error", "in internal/runtime/maps.fatal", "bridge_test.init.func"},
	} {
		t.Run(tt.child, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			status, stderr := run(t, dir, tt.child)
			if status.ExitStatus() != 2 {
				t.Fatalf("status %d\n%s", status.ExitStatus(), stderr)
			}
			names := crashFiles(t, dir)
			if len(names) != 1 {
				t.Fatalf("files %q", names)
			}
			info, err := os.Stat(names[0])
			if err != nil {
				t.Fatal(err)
			}
			dirInfo, _ := os.Stat(filepath.Dir(names[0]))
			if info.Mode() != 0o600 || dirInfo.Mode().Perm()&^0o750 != 0 {
				t.Errorf("modes %v, %v", info.Mode(), dirInfo.Mode())
			}

			// A logger that hangs costs the record nothing but time.
			if status, stderr := run(t, dir, "next, hanging"); status != 0 || !strings.Contains(stderr, "deadline exceeded") {
				t.Errorf("status %d\n%s", status, stderr)
			}
			for range 2 {
				if status, stderr := run(t, dir, "next"); status != 0 || stderr != "" {
					t.Fatalf("status %d\n%s", status, stderr)
				}
			}
			_, fatal := logged(t, dir)
			if len(fatal) != 1 {
				t.Fatalf("%d fatal records", len(fatal))
			}
			f := fatal[0]
			if f.Msg != "earlier process crashed: "+tt.title || f.Type != tt.typ || f.Message != tt.message ||
				!f.Time.Equal(info.ModTime()) || !strings.HasSuffix(names[0], "-"+strconv.Itoa(f.PID)+".txt") {
				t.Errorf("%+v of %s", f, names[0])
			}
			if !strings.HasPrefix(f.Stack, "goroutine ") || !strings.Contains(f.Stack, tt.frame) {
				t.Errorf("stack:\n%s", f.Stack)
			}
			if names := crashFiles(t, dir); names != nil {
				t.Errorf("files are left: %q", names)
			}
		})
	}
}

// A process that is killed has not crashed.
func TestCaptureCrashesKilled(t *testing.T) {
	dir := t.TempDir()
	if status, _ := run(t, dir, "wait", syscall.SIGKILL); status.Signal() != syscall.SIGKILL {
		t.Fatalf("status %v", status)
	}
	if n := len(crashFiles(t, dir)); n != 1 {
		t.Fatalf("%d files", n)
	}
	run(t, dir, "next")
	if all, _ := logged(t, dir); len(all) != 0 {
		t.Errorf("invented: %+v", all)
	}
	if names := crashFiles(t, dir); names != nil {
		t.Errorf("files are left: %q", names)
	}
}
