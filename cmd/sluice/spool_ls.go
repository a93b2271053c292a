package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed2f724858/sluice/cmd/sluice/internal/table"
	"github.com/seed2f724858/sluice/spool"
)

// spoolListing is what ls and verify print with --json.
type spoolListing struct {
	Queues  []queueRow   `json:"queues"`
	Letters []lettersRow `json:"dead_letters"`
}

type queueRow struct {
	ID       string    `json:"id"`
	InUse    bool      `json:"in_use"`
	Waiting  uint64    `json:"waiting"`
	Segments int       `json:"segments"`
	Bytes    int64     `json:"bytes"`
	Oldest   time.Time `json:"oldest,omitzero"`
	Newest   time.Time `json:"newest,omitzero"`
	// Only verify knows these two.
	Records     *uint64  `json:"records,omitempty"`
	OriginsLost *uint64  `json:"origins_lost,omitempty"`
	Damaged     uint64   `json:"damaged"`
	Problems    []string `json:"problems,omitempty"`
	Error       string   `json:"error,omitempty"`
}

type lettersRow struct {
	File     string   `json:"file"`
	Records  uint64   `json:"records"`
	Bytes    int64    `json:"bytes"`
	Problems []string `json:"problems,omitempty"`
	Error    string   `json:"error,omitempty"`
}

func listing(queues []spool.QueueInfo, letters []spool.LettersInfo) spoolListing {
	l := spoolListing{[]queueRow{}, []lettersRow{}}
	for _, q := range queues {
		row := queueRow{
			ID: q.ID, InUse: q.InUse, Waiting: q.Waiting, Segments: q.Segments, Bytes: q.Bytes,
			Oldest: q.Oldest.UTC(), Newest: q.Newest.UTC(), Damaged: q.Damaged, Problems: texts(q.Problems), Error: text(q.Err),
		}
		if q.Verified {
			row.Records, row.OriginsLost = &q.Records, &q.OriginsLost
		}
		l.Queues = append(l.Queues, row)
	}
	for _, f := range letters {
		l.Letters = append(l.Letters, lettersRow{f.File, f.Records, f.Bytes, texts(f.Problems), text(f.Err)})
	}
	return l
}

func texts(errs []error) (all []string) {
	for _, err := range errs {
		all = append(all, text(err))
	}
	return all
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func spoolListCommand(std stdio) *cobra.Command {
	var asJSON bool
	cmd := spoolSubcommand(&cobra.Command{
		Use:   "ls DIR",
		Short: "List the queues and the dead letters",
		Long: `Lists the queues in a directory: whether a process has them, how many records
wait in each, and from when these are; then the files of dead letters, which
replay sends once more. A queue that is not in use is delivered by the next
process that starts with this directory, or within 30 s by one that runs.

It reads both ends of each queue; damage in between is what verify looks for.
The exit code is 1 if one cannot be read.`,
		Example: `  sluice spool ls /var/spool/shop
  sluice spool ls --json /var/spool/shop`,
		RunE: func(_ *cobra.Command, args []string) error { return runSpoolList(std, args[0], asJSON) },
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func runSpoolList(std stdio, path string, asJSON bool) error {
	dir, err := openSpool(path)
	if err != nil {
		return err
	}
	queues, err := chosenQueues(dir, nil)
	if err != nil {
		return err
	}
	letters, err := dir.Letters()
	if err != nil {
		return withHint(1, err, lettersHint(err))
	}
	if asJSON {
		err = writeJSON(std.out, listing(queues, letters))
	} else {
		err = writeListing(std.out, path, queues, letters)
	}
	errs := []error{err}
	for _, q := range queues {
		for _, p := range q.Problems {
			fmt.Fprintf(std.err, "note: queue %s: %s\n", q.ID, printable(p.Error()))
		}
		if q.Err != nil {
			errs = append(errs, withHint(1, fmt.Errorf("queue %s: %w", q.ID, q.Err), errorHint(q.Err)))
		}
	}
	for _, l := range letters {
		if len(l.Problems) > 0 {
			fmt.Fprintf(std.err, "note: dead letters %s: %s\n", printable(l.File), printable(l.Problems[0].Error()))
		}
		if l.Err != nil {
			errs = append(errs, withHint(1, fmt.Errorf("dead letters %s: %w", l.File, l.Err), lettersHint(l.Err)))
		}
	}
	return errors.Join(errs...)
}

func writeListing(w io.Writer, path string, queues []spool.QueueInfo, letters []spool.LettersInfo) error {
	if len(queues) == 0 && len(letters) == 0 {
		_, err := fmt.Fprintf(w, "no queues and no dead letters in %s\n", printable(path))
		return err
	}
	if len(queues) > 0 {
		t := table.New("queue", "in use", ">waiting", ">files", ">bytes", "oldest record", "newest record")
		for _, q := range queues {
			if q.Err != nil {
				t.Row(q.ID, yesNo(q.InUse), "?", "?", "?")
				continue
			}
			t.Row(q.ID, yesNo(q.InUse), table.Count(q.Waiting), table.Count(uint64(q.Segments)), table.Count(uint64(q.Bytes)), moment(q.Oldest), moment(q.Newest))
		}
		if _, err := t.WriteTo(w); err != nil {
			return err
		}
	}
	if len(letters) == 0 {
		return nil
	}
	if len(queues) > 0 {
		fmt.Fprintln(w)
	}
	t := table.New("dead letters", ">records", ">bytes")
	for _, l := range letters {
		t.Row(printable(l.File), table.Count(l.Records), table.Count(uint64(l.Bytes)))
	}
	_, err := t.WriteTo(w)
	return err
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
