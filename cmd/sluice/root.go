package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.opentelemetry.io/otel"
)

// stdio are the streams of one invocation. Exporters that write to the
// terminal open the process's own streams.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// run executes one command line and returns the process's exit code: 0 done
// and nothing lost, 1 records were lost or a check failed, 2 bad usage or
// configuration.
func run(args []string, std stdio) (code int) {
	defer func() {
		// GOTRACEBACK asks for Go's own report, stack included.
		if os.Getenv("GOTRACEBACK") != "" {
			return
		}
		if v := recover(); v != nil {
			report(std.err, withHint(1, fmt.Errorf("internal error: %v", v),
				"this is a defect of sluice: please report it with what the same command prints under GOTRACEBACK=all"))
			code = 1
		}
	}()
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintf(std.err, "sluice: %s\n", printable(strings.TrimPrefix(line, "sluice: ")))
		}
	}))
	root := newRoot(std)
	root.SetArgs(args)
	if err := root.Execute(); err != nil {
		report(std.err, err)
		return exitCode(err)
	}
	return 0
}

func newRoot(std stdio) *cobra.Command {
	root := &cobra.Command{
		Use:   "sluice",
		Short: "Carry log records to files, terminals and other destinations",
		Long: `Sluice carries log records from programs to files, terminals and other
destinations, each with its own level, without blocking the program and without
losing anything silently.`,
		Example: `  sluice demo                                   see it work, no set-up
  my-service | sluice pipe                      read any program's lines comfortably
  my-service | sluice pipe --config sluice.yaml send them where the file says
  sluice validate sluice.yaml                   check a configuration file
  sluice spool ls /var/spool/shop               see what waits in the queues on disk`,
		Version:                    versionLine(),
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return unknownCommand(cmd, args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(helpCommand())
	root.AddCommand(demoCommand(std), pipeCommand(std), validateCommand(std), spoolCommand(std), versionCommand())
	return root
}

// helpCommand replaces cobra's, which takes an unknown topic for success.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show the help of a command",
		Example: "  sluice help pipe",
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd.Root(), strings.Join(args, " "))
			}
			return topic.Help()
		},
	}
}

func unknownCommand(parent *cobra.Command, name string) error {
	hint := parent.CommandPath() + " --help lists the commands"
	if near := parent.SuggestionsFor(name); len(near) > 0 {
		hint = fmt.Sprintf("did you mean %q?", parent.CommandPath()+" "+near[0])
	}
	return withHint(2, fmt.Errorf("unknown command %q", name), hint)
}

// noArgs refuses arguments with a hint that fits a filter of stdin.
func noArgs(hint string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return withHint(2, fmt.Errorf("%s takes no argument, but got %q", cmd.CommandPath(), args[0]), hint)
	}
}

// flagError turns what the flag parser says into usage errors with a hint.
func flagError(cmd *cobra.Command, err error) error {
	hint := cmd.CommandPath() + " --help lists the flags"
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if near := nearestFlag(cmd, unknown.GetSpecifiedName()); near != "" {
			hint = fmt.Sprintf("did you mean \"--%s\"?", near)
		}
	} else if _, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		hint = "give the flag its value behind a space or \"=\"; " + hint
	}
	return withHint(2, err, hint)
}

// nearestFlag asks cobra's own search for the flag with the nearest name.
func nearestFlag(cmd *cobra.Command, name string) string {
	flags := &cobra.Command{SuggestionsMinimumDistance: 2}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		flags.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	if near := flags.SuggestionsFor(name); len(near) > 0 {
		return near[0]
	}
	return ""
}
