package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	// A race-enabled sluice need not wait a second at its end.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	testscript.Main(m, map[string]func(){"sluice": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", os.Getenv("GORACE"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"numbers":   numbers,
			"once":      once,
			"await":     await,
			"collected": collected,
			"emptydir":  emptydir,
			"refuse":    refuse,
			"spooled":   spooled,
			"flip":      flip,
			"newer":     newer,
		},
	})
}

// exits CODE PROGRAM ARG… runs a program, which must end with that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// numbers N FILE writes the numbers 1 to N, one a line.
func numbers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: numbers N FILE")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), numberLines(n), 0o600))
}

func numberLines(n int) []byte {
	var b []byte
	for i := range n {
		b = append(strconv.AppendInt(b, int64(i+1), 10), '\n')
	}
	return b
}

// once N FILE checks that the JSON lines of FILE and its rotated neighbours
// hold the messages 1 to N, each exactly once.
func once(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: once N FILE")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(everyNumberOnce(n, ts.MkAbs(args[1])))
}

func everyNumberOnce(n int, path string) error {
	files, err := filepath.Glob(path + "*")
	if err != nil {
		return err
	}
	seen := make([]int, n+1)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for line := range bytes.Lines(content) {
			var rec struct{ Msg string }
			if err := json.Unmarshal(line, &rec); err != nil {
				return fmt.Errorf("%s: broken line %q: %w", file, line, err)
			}
			i, err := strconv.Atoi(rec.Msg)
			if err != nil || i < 1 || i > n {
				return fmt.Errorf("%s: unexpected message %q", file, rec.Msg)
			}
			seen[i]++
		}
	}
	if i := slices.IndexFunc(seen[1:], func(times int) bool { return times != 1 }); i >= 0 {
		return fmt.Errorf("%d stands %d times in the %d files of %s", i+1, seen[i+1], len(files), path)
	}
	return nil
}

// await REGEXP FILE waits until a line of FILE matches; FILE may come into
// being meanwhile.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await REGEXP FILE")
	}
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		content, err := os.ReadFile(ts.MkAbs(args[1]))
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
			if want.MatchString(lines.Text()) {
				return
			}
		}
	}
	ts.Fatalf("no line of %s matched %s", args[1], args[0])
}
