package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed2f724858/sluice/spool"
)

func spoolReplayCommand(std stdio) *cobra.Command {
	return spoolSubcommand(&cobra.Command{
		Use:   "replay DIR",
		Short: "Put the dead letters back into queues",
		Long: `Puts the dead letters, records that a destination refused for good, back into
queues: a process that uses the directory delivers them within 30 s, or as soon as
the next one starts. Mend first what made the destination refuse them; what it
refuses again becomes a dead letter again. Queues need no replay: they are
delivered anyway.

Processes may go on to use the directory. However a replay ends, by a kill or
a power cut too, no letter is lost or replayed twice; the next replay carries
on. (One that is written just when its file is taken may come twice, under one
log.record.uid.) It needs as much room on the disk as the letters take, and the
user whose the queues are. A file with lines that are no dead letters is left as
it is, and so is a last line that was cut off; the exit code is 1 then.`,
		Example: `  sluice spool export --dead-letter -o text /var/spool/shop
  sluice spool replay /var/spool/shop`,
		RunE: func(_ *cobra.Command, args []string) error { return runSpoolReplay(std, args[0]) },
	})
}

func runSpoolReplay(std stdio, path string) error {
	dir, err := openSpool(path)
	if err != nil {
		return err
	}
	done, err := dir.Replay()
	errs := []error{replayError(err)}
	var total uint64
	for _, r := range done {
		total += r.Records
		if r.Queue != "" {
			fmt.Fprintf(std.out, "%s: %s in queue %s now\n", printable(r.File), count(r.Records, "record", "records"), r.Queue)
		}
		if r.Err != nil {
			hint := "mend that, then replay again: no letter is lost"
			if errors.Is(r.Err, spool.ErrIncomplete) {
				hint = "look what that line still tells, then remove the file that has it: all others were replayed"
			}
			errs = append(errs, withHint(1, fmt.Errorf("dead letters %s: %w", r.File, r.Err), hint))
		}
	}
	if len(done) == 0 && err == nil {
		fmt.Fprintf(std.out, "no dead letters in %s\n", printable(path))
	}
	if total > 0 {
		fmt.Fprintf(std.out, "%s will be delivered by a process that uses the directory: within 30 s, or as soon as one starts\n", count(total, "record", "records"))
	}
	return errors.Join(errs...)
}

func replayError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, spool.ErrReplaying):
		return withHint(1, err, "wait until it is done; this one then does what is left")
	case errors.Is(err, spool.ErrNotOwner):
		return withHint(1, err, "run this as the user of the service: sudo -u USER sluice spool replay DIR")
	}
	return withHint(1, err, "the user who runs this must be able to write to the directory")
}
