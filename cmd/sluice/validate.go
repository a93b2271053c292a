package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed2f724858/sluice/config"
	"github.com/seed2f724858/sluice/config/all"
)

// optionsInGo gives a program the exporters that this one has.
const optionsInGo = "sluice.WithConfigOptions(all.Options()...)"

func validateCommand(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE…",
		Short: "Check configuration files",
		Long: `Checks configuration files: the format, unknown keys, bad values, patterns, what
contradicts itself, and paths that cannot be written. Every problem is told with
file, line and column, and what to do about it. The exit code is 2 if a file has
a problem. What is valid, but has no effect or is probably not what was meant,
is noted.`,
		Example: `  sluice validate sluice.yaml
  sluice validate conf/*.yaml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return withHint(2, errors.New("no file given"), "name the files to check: sluice validate sluice.yaml")
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var invalid []error
			for _, file := range args {
				doc, err := config.Load(file, all.Options()...)
				if err == nil {
					err = doc.Check()
				}
				if err != nil {
					invalid = append(invalid, configError(err, "give the path of a readable file"))
					continue
				}
				fmt.Fprintf(std.out, "%s: ok\n", printable(file))
				for _, path := range doc.Ignored() {
					fmt.Fprintf(std.err, "note: %s: %s is read, but has no effect\n", printable(file), printable(path))
				}
				for _, warning := range doc.Warnings() {
					fmt.Fprintf(std.err, "note: %s\n", printable(warning.Error()))
				}
				if _, err := config.Load(file); err != nil {
					fmt.Fprintf(std.err, "note: %s: programs in Go need package config/all for it: %s\n", printable(file), optionsInGo)
				}
			}
			return errors.Join(invalid...)
		},
	}
}
