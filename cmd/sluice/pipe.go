package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/seed2f724858/sluice/cmd/sluice/internal/ingest"
	"github.com/seed2f724858/sluice/config"
	"github.com/seed2f724858/sluice/config/all"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/processors"
)

// terminalConfig is what pipe runs without --config.
//
//go:embed terminal.yaml
var terminalConfig []byte

// pipeOptions are the flags of pipe.
type pipeOptions struct {
	config, logger, input, levels, stats string
	drainTimeout                         exporters.Duration
}

func pipeCommand(std stdio) *cobra.Command {
	var o pipeOptions
	cmd := &cobra.Command{
		Use:   "pipe",
		Short: "Send each line of standard input through the pipeline",
		Long: `Each line of standard input becomes a record and goes where the configuration
says; without one it is shown readably on standard output. A line in JSON or
logfmt gives its message, level, time, logger, trace and attributes; any other
line is the message of an INFO record. No line is lost: those over 1 MiB are cut
into marked parts. SLUICE_LEVELS chooses by level: info,app.db=debug. Secrets
are redacted unless the file has a redact of its own or says redact: false
under distribution: sluice.

When a queue is full pipe reads more slowly instead of dropping, unless the
file says on_full. At the end of the input it waits for the queues, up to
--drain-timeout, and tells on standard error what became of the records. The
exit code is 1 if an exporter dropped any; what steps such as filter stop is
not lost, nor what then stays in a spool: the next start delivers it.

SIGTERM and SIGINT end the input and drain; a second one gives up on what is
still queued. SIGHUP has files opened anew whose path names another file now.
When the reader of standard output goes away, the other exporters go on; without
--config there are none, and the input ends.`,
		Example: `  my-service 2>&1 | sluice pipe
  my-service | sluice pipe --config sluice.yaml --stats stats.json
  seq 1000000 | sluice pipe --config sluice.yaml
  python app.py 2>&1 | sluice pipe --levels python --logger app`,
		Args: noArgs("pipe reads standard input: my-service | sluice pipe"),
		RunE: func(cmd *cobra.Command, _ []string) error { return runPipe(cmd.Context(), std, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.config, "config", "", "configuration `FILE`; without it records are shown on standard output")
	f.StringVar(&o.logger, "logger", "stdin", "logger `NAME` of lines that name none")
	f.StringVar(&o.input, "input", "auto", "`FORMAT` of the lines: "+strings.Join(ingest.Formats, ", "))
	f.StringVar(&o.levels, "levels", "", "`python`: read numeric levels as Python's logging writes them, not as pino")
	f.StringVar(&o.stats, "stats", "", "write the books as JSON to `FILE` at the end")
	f.TextVar(&o.drainTimeout, "drain-timeout", exporters.Duration(30*time.Second), "how long to wait for the queues at the end, as `TIME` such as 10s or unlimited")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
	_ = cmd.MarkFlagFilename("stats")
	_ = cmd.RegisterFlagCompletionFunc("input", cobra.FixedCompletions(ingest.Formats, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("levels", cobra.FixedCompletions([]string{"python"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("logger", cobra.NoFileCompletions)
	return cmd
}

// endOfFeed is how long the last line may take once the pipeline is shut down,
// and queues on disk to close after the deadline.
const endOfFeed = time.Second

func runPipe(ctx context.Context, std stdio, o pipeOptions) error {
	feed, err := o.feed()
	if err != nil {
		return err
	}
	doc, err := o.document()
	if err != nil {
		return err
	}
	stats, err := openStats(o.stats)
	if err != nil {
		return err
	}
	rt, err := doc.Start(ctx)
	if err != nil {
		return errors.Join(configError(err, "a destination that cannot be opened must be mended or taken out; SLUICE_LEVELS reads like info,shop.db=debug"), stats.Close())
	}
	if f, ok := std.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintln(std.err, "sluice: reading lines from the terminal; Ctrl-D ends them")
	}

	sig, stop := watchSignals(ctx, o.config == "")
	defer stop()
	go func() {
		for range sig.reopen {
			if err := rt.Reopen(); err != nil {
				fmt.Fprintln(std.err, "sluice: reopen:", err)
			}
		}
	}()
	in := ingest.NewInput(sig.end, std.in)
	fed := make(chan error, 1)
	go func() { fed <- feed.Run(in, rt.Pipeline()) }()

	var inputErr error
	running := true
	select {
	case inputErr = <-fed:
		running = false
	case <-sig.end.Done():
	}
	drain, cancel := context.WithTimeout(sig.hurry, o.drainTimeout.Std())
	defer cancel()
	if running {
		// The last lines are still to be read, or a full queue holds one up.
		select {
		case inputErr = <-fed:
			running = false
		case <-drain.Done():
		}
	}
	if !running {
		var cancel context.CancelFunc
		drain, cancel = drainSpools(drain, sig.hurry, rt)
		defer cancel()
	}
	err = rt.Shutdown(drain)
	in.Close()
	if running {
		// A synchronous exporter may be stuck in a write that nothing ends.
		select {
		case inputErr = <-fed:
		case <-time.After(endOfFeed):
		}
	}
	if inputErr != nil {
		inputErr = withHint(1, fmt.Errorf("read standard input: %w", inputErr), "what came before went through the pipeline")
	}

	books := rt.Stats()
	writeSummary(std.err, books)
	statsErr := writeStats(stats, feed.Received(), books)
	statsErr = errors.Join(statsErr, stats.Close())
	if statsErr != nil {
		statsErr = withHint(1, fmt.Errorf("write statistics: %w", statsErr), "the records themselves are not concerned")
	}
	return errors.Join(outcome(err, books.Exporters), inputErr, statsErr)
}

// drainSpools waits for the queues on disk, which Shutdown gives up on as soon
// as their exporter fails: what they keep is not lost. It returns what bounds
// the Shutdown, which has to close them after the deadline too.
func drainSpools(drain, hurry context.Context, rt *config.Runtime) (context.Context, context.CancelFunc) {
	spools := slices.ContainsFunc(rt.Stats().Exporters, func(e processors.ExporterStats) bool { return e.SpoolCapacity > 0 })
	if !spools {
		return drain, func() {}
	}
	for again(drain, rt.ForceFlush(drain)) {
	}
	if drain.Err() == nil {
		return drain, func() {}
	}
	return context.WithTimeout(hurry, endOfFeed)
}

// again reports whether a flush is to be tried once more, and waits before that,
// as long as the destination asks for: records are on disk that it has not taken.
func again(drain context.Context, err error) bool {
	if _, stored := errors.AsType[*exporters.StoredError](err); !stored {
		return false
	}
	pause := time.Second
	if ra, ok := errors.AsType[exporters.RetryAfterer](err); ok {
		pause = max(pause, ra.RetryAfter())
	}
	select {
	case <-time.After(pause):
		return true
	case <-drain.Done():
		return false
	}
}

// feed returns what turns lines into records.
func (o pipeOptions) feed() (*ingest.Feed, error) {
	if o.levels != "" && o.levels != "python" {
		return nil, withHint(2, fmt.Errorf("unknown --levels %q", o.levels), "the only value is \"python\", for numeric levels; which levels pass is set by SLUICE_LEVELS=info,app.db=debug")
	}
	if o.drainTimeout < 0 {
		return nil, withHint(2, fmt.Errorf("--drain-timeout %v is negative", o.drainTimeout), "give a time such as 10s, 0s or unlimited")
	}
	feed, err := ingest.NewFeed(ingest.Config{Format: o.input, Logger: o.logger, PythonLevels: o.levels == "python"})
	if err != nil {
		return nil, withHint(2, fmt.Errorf("--input: %w", err), "one of "+strings.Join(ingest.Formats, ", "))
	}
	return feed, nil
}

func (o pipeOptions) document() (*config.Document, error) {
	var doc *config.Document
	var err error
	if o.config == "" {
		doc, err = config.Parse("terminal.yaml", terminalConfig, config.OnFullBlock())
	} else {
		doc, err = config.Load(o.config, append(all.Options(), config.OnFullBlock())...)
	}
	if err != nil {
		return nil, configError(err, "--config names a configuration file; \"sluice demo\" writes one to start from")
	}
	return doc, nil
}

// openStats opens the file early: that it cannot be written must not show only
// when the work is done.
func openStats(path string) (io.WriteCloser, error) {
	if path == "" {
		return discard{}, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return nil, withHint(2, fmt.Errorf("--stats: %w", err), "give a path that you may write to")
	}
	return f, nil
}

// discard stands for the statistics that nobody asked for.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }
