package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/spf13/cobra"

	"github.com/seed2f724858/sluice/spool"
)

func spoolCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "spool",
		Short: "Look into the queues on disk, and replay their dead letters",
		Long: `Looks into the directory of a spool exporter: what waits there, whether it is
damaged, what its records are. Looking takes no lock and changes nothing, so it
may be done while processes write to the queues and deliver from them.

Nothing needs to be repaired by hand: damaged records are passed over and
counted, and queues of processes that have ended are taken over by those that
run, or the next. Only dead letters, which a destination refused for good, wait
for a decision: replay sends them once more.`,
		Example: `  sluice spool ls /var/spool/shop
  sluice spool verify /var/spool/shop
  sluice spool export /var/spool/shop -o text
  sluice spool replay /var/spool/shop`,
		SuggestionsMinimumDistance: 2,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return unknownCommand(cmd, args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(spoolListCommand(std), spoolVerifyCommand(std), spoolExportCommand(std), spoolReplayCommand(std))
	return cmd
}

// spoolSubcommand is what those that take DIR have in common.
func spoolSubcommand(cmd *cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		hint := "name one directory of a spool exporter: " + cmd.CommandPath() + " DIR"
		switch len(args) {
		case 0:
			return withHint(2, errors.New("no directory given"), hint)
		case 1:
			return nil
		}
		return withHint(2, fmt.Errorf("%s takes one directory, but got %q too", cmd.CommandPath(), args[1]), hint)
	}
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return cmd
}

func openSpool(path string) (*spool.Dir, error) {
	dir, err := spool.OpenDir(path)
	if err != nil {
		return nil, withHint(2, err, "give the directory that the configuration names under spool: directory")
	}
	return dir, nil
}

// queueFlag adds --queue, which chooses by id.
func queueFlag(cmd *cobra.Command, ids *[]string) {
	cmd.Flags().StringArrayVar(ids, "queue", nil, "only the queue of this `ID`; may be given several times")
	_ = cmd.RegisterFlagCompletionFunc("queue", func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		var known []string
		if len(args) == 1 {
			if dir, err := spool.OpenDir(args[0]); err == nil {
				queues, _ := dir.Queues()
				for _, q := range queues {
					known = append(known, q.ID)
				}
			}
		}
		return known, cobra.ShellCompDirectiveNoFileComp
	})
}

// chosenQueues lists the queues of --queue, or all, the oldest records first.
func chosenQueues(dir *spool.Dir, ids []string) ([]spool.QueueInfo, error) {
	queues, err := dir.Queues()
	if err != nil {
		return nil, withHint(1, err, "the user who runs this must be able to read the directory")
	}
	for _, id := range ids {
		if !slices.ContainsFunc(queues, func(q spool.QueueInfo) bool { return q.ID == id }) {
			return nil, withHint(2, fmt.Errorf("there is no queue %q", id), "sluice spool ls DIR lists them; one that is empty is removed")
		}
	}
	queues = slices.DeleteFunc(queues, func(q spool.QueueInfo) bool { return ids != nil && !slices.Contains(ids, q.ID) })
	slices.SortStableFunc(queues, func(a, b spool.QueueInfo) int { return a.Oldest.Compare(b.Oldest) })
	return queues, nil
}

// errorHint says what to do about a queue that cannot be read.
func errorHint(err error) string {
	if errors.Is(err, spool.ErrVersion) {
		return "use the version of sluice that has written it; others leave it as it is"
	}
	if errors.Is(err, fs.ErrPermission) {
		return "the user who runs this must be able to read the files of the queue"
	}
	return "the disk may be failing: the system's log tells more"
}

// lettersHint says what to do about dead letters that cannot be read.
func lettersHint(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "the user who runs this must be able to read the dead letters"
	}
	return "move what is no file of dead letters out of the way; replay leaves it alone until then"
}

// count writes a number of things.
func count(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return decimal(n) + " " + many
}

func writeJSON(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}
