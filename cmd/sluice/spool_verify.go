package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/seed2f724858/sluice/spool"
)

func spoolVerifyCommand(std stdio) *cobra.Command {
	var asJSON bool
	var ids []string
	cmd := spoolSubcommand(&cobra.Command{
		Use:   "verify DIR",
		Short: "Read everything, and tell what is damaged",
		Long: `Reads every record in the queues and every dead letter, and tells what is
damaged, with file and offset. It changes nothing. What a process is writing
at that moment is no damage. The exit code is 1 if anything is damaged, or cannot
be read.

There is nothing to repair: who delivers the queue passes damaged records over
and counts them as dropped.`,
		Example: `  sluice spool verify /var/spool/shop
  sluice spool verify --json /var/spool/shop
  sluice spool verify --queue 5f0c1d2e3a4b5968 /var/spool/shop`,
		RunE: func(_ *cobra.Command, args []string) error { return runSpoolVerify(std, args[0], ids, asJSON) },
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	queueFlag(cmd, &ids)
	return cmd
}

func runSpoolVerify(std stdio, path string, ids []string, asJSON bool) error {
	dir, err := openSpool(path)
	if err != nil {
		return err
	}
	chosen, err := chosenQueues(dir, ids)
	if err != nil {
		return err
	}
	var queues []spool.QueueInfo
	for _, q := range chosen {
		verified, err := dir.Verify(q.ID)
		if errors.Is(err, fs.ErrNotExist) {
			continue // delivered meanwhile
		}
		if err != nil {
			return err
		}
		verified.Oldest, verified.Newest = q.Oldest, q.Newest
		queues = append(queues, verified)
	}
	var letters []spool.LettersInfo
	if ids == nil {
		if letters, err = dir.Letters(); err != nil {
			return withHint(1, err, lettersHint(err))
		}
	}
	if asJSON {
		err = writeJSON(std.out, listing(queues, letters))
	} else {
		err = writeVerdict(std.out, path, queues, letters)
	}
	return errors.Join(err, verdict(queues, letters))
}

// maxShown bounds the problems that are shown of one file or queue.
const maxShown = 20

func writeVerdict(w io.Writer, path string, queues []spool.QueueInfo, letters []spool.LettersInfo) error {
	if len(queues) == 0 && len(letters) == 0 {
		_, err := fmt.Fprintf(w, "no queues and no dead letters in %s\n", printable(path))
		return err
	}
	var err error
	print := func(format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintf(w, format, args...)
		}
	}
	problems := func(all []error) {
		for i, p := range all {
			if i == maxShown {
				print("  and %d more places\n", len(all)-i)
				break
			}
			print("  %s\n", printable(p.Error()))
		}
	}
	for _, q := range queues {
		switch {
		case q.Err != nil:
			print("queue %s: cannot be read: %s\n", q.ID, printable(q.Err.Error()))
		case q.Sound():
			print("queue %s: ok, %s, %d waiting\n", q.ID, count(q.Records, "record", "records"), q.Waiting)
		default:
			print("queue %s: damaged: %s lost", q.ID, count(q.Damaged, "record", "records"))
			if q.OriginsLost > 0 {
				print(", %d without resource and scope", q.OriginsLost)
			}
			print(", %d can be read, %d waiting\n", q.Records, q.Waiting)
		}
		problems(q.Problems)
	}
	for _, l := range letters {
		switch {
		case l.Err != nil:
			print("dead letters %s: cannot be read: %s\n", printable(l.File), printable(l.Err.Error()))
		case l.Sound():
			print("dead letters %s: ok, %s\n", printable(l.File), count(l.Records, "record", "records"))
		default:
			print("dead letters %s: damaged, %s can be read\n", printable(l.File), count(l.Records, "record", "records"))
		}
		problems(l.Problems)
	}
	return err
}

// verdict sums up what is wrong, as an error.
func verdict(queues []spool.QueueInfo, letters []spool.LettersInfo) error {
	var errs []error
	for _, q := range queues {
		switch {
		case q.Err != nil:
			errs = append(errs, withHint(1, fmt.Errorf("queue %s: %w", q.ID, q.Err), errorHint(q.Err)))
		case q.Damaged > 0:
			errs = append(errs, withHint(1, fmt.Errorf("queue %s: %s lost to damage", q.ID, count(q.Damaged, "record is", "records are")), "nothing needs repair: who delivers the queue passes them over and counts them"))
		case !q.Sound():
			errs = append(errs, withHint(1, fmt.Errorf("queue %s is damaged, though no record is lost", q.ID), "nothing needs repair"))
		}
	}
	for _, l := range letters {
		switch {
		case l.Err != nil:
			errs = append(errs, withHint(1, fmt.Errorf("dead letters %s: %w", l.File, l.Err), lettersHint(l.Err)))
		case !l.Sound():
			errs = append(errs, withHint(1, fmt.Errorf("dead letters %s: %s", l.File, count(uint64(len(l.Problems)), "line is none", "lines are none")), "take such lines out of the file: until then replay leaves it alone, or the last line if that alone is cut off"))
		}
	}
	return errors.Join(errs...)
}
