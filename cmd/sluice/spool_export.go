package main

import (
	"bufio"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool"
)

// exportFormats are those with one line a record.
var exportFormats = []string{"otlp_json", "json", "logfmt", "text"}

type spoolExport struct {
	format      string
	ids         []string
	deadLetters bool
}

func spoolExportCommand(std stdio) *cobra.Command {
	var o spoolExport
	cmd := spoolSubcommand(&cobra.Command{
		Use:   "export DIR",
		Short: "Print the records that wait, or the dead letters",
		Long: `Prints the records that wait in the queues, one a line, the queue with the
oldest first. They stay where they are. Each has the attribute log.record.uid,
under which its destination gets it. With --dead-letter it prints the records
that a destination refused for good, with the attribute
sluice.dead_letter.reason.

Damaged records are left out and counted on standard error; the exit code is 1
then.`,
		Example: `  sluice spool export /var/spool/shop > waiting.jsonl
  sluice spool export -o text --queue 5f0c1d2e3a4b5968 /var/spool/shop
  sluice spool export --dead-letter -o json /var/spool/shop`,
		RunE: func(_ *cobra.Command, args []string) error { return o.run(std, args[0]) },
	})
	f := cmd.Flags()
	f.StringVarP(&o.format, "output", "o", exportFormats[0], "`FORMAT` of the lines: "+strings.Join(exportFormats, ", "))
	f.BoolVar(&o.deadLetters, "dead-letter", false, "print the dead letters instead")
	queueFlag(cmd, &o.ids)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(exportFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o spoolExport) run(std stdio, path string) error {
	if !slices.Contains(exportFormats, o.format) {
		return withHint(2, fmt.Errorf("unknown --output %q", o.format), "one of "+strings.Join(exportFormats, ", "))
	}
	if o.deadLetters && o.ids != nil {
		return withHint(2, errors.New("--queue does not go with --dead-letter"), "dead letters are exported all together; each tells its queue in log.record.uid")
	}
	enc, err := encode.New(o.format, encode.Options{})
	if err != nil {
		return withHint(2, err, "")
	}
	dir, err := openSpool(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(std.out, 64<<10)
	var line []byte
	write := func(r *record.Record) error {
		line = enc.Append(line[:0], r)
		_, err := out.Write(line)
		return err
	}
	if o.deadLetters {
		err = exportLetters(dir, write)
	} else {
		err = exportQueues(dir, o.ids, write)
	}
	if failed := out.Flush(); failed != nil {
		return withHint(1, fmt.Errorf("write standard output: %w", failed), "the records are where they were")
	}
	return err
}

func exportQueues(dir *spool.Dir, ids []string, write func(*record.Record) error) error {
	queues, err := chosenQueues(dir, ids)
	if err != nil {
		return err
	}
	var errs []error
	for _, q := range queues {
		lost, err := dir.Records(q.ID, write)
		if lost > 0 {
			errs = append(errs, withHint(1, fmt.Errorf("queue %s: %s lost to damage", q.ID, count(lost, "record is", "records are")), "sluice spool verify tells where"))
		}
		if err != nil {
			errs = append(errs, withHint(1, fmt.Errorf("queue %s: %w", q.ID, err), errorHint(err)))
		}
	}
	return errors.Join(errs...)
}

func exportLetters(dir *spool.Dir, write func(*record.Record) error) error {
	letters, err := dir.DeadLetters(write)
	if err != nil {
		return err
	}
	return verdict(nil, letters)
}
