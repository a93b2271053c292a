package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/seed2f724858/sluice/cmd/sluice/internal/demo"
	"github.com/seed2f724858/sluice/exporters"
)

// maxRate is far beyond what a loopback server can be asked.
const maxRate = 1_000_000

func demoCommand(std stdio) *cobra.Command {
	var (
		dir      string
		duration exporters.Duration
		rate     int
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: a sample service, live, without any set-up",
		Long: `Runs a small instrumented web shop inside this process. Its records go through
one pipeline to a readable terminal (INFO and up), to a rotating JSON file
(DEBUG and up), by OTLP to a collector inside this process, too (DEBUG and up),
and to a second file that holds each ERROR behind what its request did before.
Secrets in them are redacted. The collector is down for a while: what is for it
waits in a queue on disk, DIR/spool, and reaches it afterwards. The
configuration is written to DIR/sluice.yaml and read from there; log files are
appended to. At the end tables show what each destination accepted, delivered
and dropped, and what happened to records on the way; what the collector got is
counted, and kept in DIR/collector.jsonl.

Ctrl-C ends the demo early: what is queued is still written. A second Ctrl-C
gives up on that: what is in the queue on disk then goes out in the next demo.
The exit code is 1 if a record was lost.`,
		Example: `  sluice demo
  sluice demo --duration 1m --rate 20000 --dir /tmp/logs`,
		Args: noArgs("the directory goes behind a flag: sluice demo --dir DIR"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if rate < 1 || rate > maxRate {
				return withHint(2, fmt.Errorf("--rate %d is out of range", rate), fmt.Sprintf("records a second, 1 to %d", maxRate))
			}
			if duration <= 0 {
				return withHint(2, fmt.Errorf("--duration %v is out of range", duration), "give a time such as 5s or 1m")
			}
			if dir == "" {
				return withHint(2, errors.New("--dir is empty"), "give a directory, or leave the flag out for \"logs\"")
			}
			sig, stop := watchSignals(cmd.Context(), true)
			defer stop()
			books, err := demo.Run(sig.end, sig.hurry, demo.Config{
				Dir:      dir,
				Duration: duration.Std(),
				Rate:     rate,
				Out:      std.out,
				Color:    colored(std.out),
				Command:  invocation(),
			})
			if errors.Is(err, demo.ErrMissing) {
				return withHint(1, err, "this is a defect of sluice: please report it")
			}
			if setup, ok := errors.AsType[*demo.SetupError](err); ok {
				return configError(setup.Err, setup.Hint)
			}
			return outcome(err, books)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "logs", "directory `DIR` of the configuration, the log files and the queue")
	cmd.Flags().TextVar(&duration, "duration", exporters.Duration(5e9), "how long the service runs, as `TIME` such as 5s, 1m")
	cmd.Flags().IntVar(&rate, "rate", 2000, "number `N` of records a second")
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}

// colored reports whether w is a terminal that likes colours
// (https://no-color.org).
func colored(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// invocation is how the reader called this program.
func invocation() string {
	if exe, err := os.Executable(); err == nil && strings.Contains(filepath.ToSlash(exe), "/go-build") {
		return "go run ./cmd/sluice"
	}
	return "sluice"
}
