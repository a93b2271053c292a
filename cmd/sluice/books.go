package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/seed2f724858/sluice/cmd/sluice/internal/tally"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/processors"
)

// errLost is why a command exits with 1 although it did its job.
var errLost = errors.New("records were lost")

// writeSummary prints a line for each step that did anything and for each
// exporter.
func writeSummary(w io.Writer, books processors.Stats) {
	for _, s := range books.Steps {
		if did := tally.Step(s, decimal); did != "" {
			fmt.Fprintf(w, "sluice: %s: %s\n", printable(s.Name), did)
		}
	}
	for _, e := range books.Exporters {
		fmt.Fprintf(w, "sluice: %s: %d accepted, %d delivered, %d dropped", printable(e.Name), e.Accepted, e.Delivered, e.DroppedTotal())
		if e.Recovered > 0 {
			fmt.Fprintf(w, ", %d recovered", e.Recovered)
		}
		if e.Spooled > 0 {
			fmt.Fprintf(w, ", %d spooled", e.Spooled)
		}
		if e.Detoured > 0 {
			fmt.Fprintf(w, ", %d detoured", e.Detoured)
		}
		if e.InFlight > 0 {
			fmt.Fprintf(w, ", %d cut off", e.InFlight)
		}
		fmt.Fprintln(w)
	}
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// outcome is what a command ends with: the loss, if there was one, because it
// says more than the deadline that the shutdown met; else the shutdown's error.
func outcome(shutdown error, books []processors.ExporterStats) error {
	lost := lossError(books)
	if errors.Is(shutdown, exporters.ErrUncertain) {
		return errors.Join(lost, withHint(1, shutdown, "the receiver must read all that it is sent; an exporter that gets answers, such as otlp_http, knows what has arrived"))
	}
	if lost != nil || shutdown == nil {
		return lost
	}
	var accepted, delivered, spooled uint64
	for _, e := range books {
		accepted += e.Accepted
		delivered += e.Delivered
		spooled += e.Spooled
	}
	hint := ""
	switch {
	case spooled > 0:
		hint = count(spooled, "record waits", "records wait") + " on disk: the next start delivers them"
	case delivered == accepted:
		hint = "every record that was accepted has been delivered all the same"
	}
	return withHint(1, shutdown, hint)
}

// lossHints say for a cause what to do about it.
var lossHints = map[string]string{
	processors.CauseQueueFull: "the queue was full: on_full is the policy then, max_queue_size and max_queue_bytes are its bounds",
	processors.CauseSpoolFull: "the queue on disk was full: on_full is the policy then, max_size is its bound",
	processors.CauseDamaged:   "the disk did not give back what was written: look at what the system says about it",
	processors.CauseShutdown:  "the destination did not take them in time: mend it, or wait longer with pipe --drain-timeout",
}

// lossHint returns the hint for a cause, where there may be a queue on disk.
func lossHint(cause string, spooled bool) string {
	if spooled && cause == processors.CauseError {
		return "the queue on disk did not take them: look at its disk, its max_size and its on_full"
	}
	return cmp.Or(lossHints[cause], "the destination did not take them: mend it, or send them elsewhere")
}

// lossError tells which exporters lost how many records, and why; it is nil
// when none did. Records that are in flight when the program ends may have
// arrived or not: they are no success.
func lossError(exporters []processors.ExporterStats) error {
	var lost []string
	var hint string
	for _, e := range exporters {
		if e.DroppedTotal() == 0 && e.InFlight == 0 {
			continue
		}
		var causes []string
		for _, cause := range slices.Sorted(maps.Keys(e.Dropped)) {
			causes = append(causes, fmt.Sprintf("%d %s", e.Dropped[cause], cause))
			hint = cmp.Or(hint, lossHint(cause, e.SpoolCapacity > 0))
		}
		if e.InFlight > 0 {
			causes = append(causes, fmt.Sprintf("%d cut off while they were written", e.InFlight))
			hint = cmp.Or(hint, "the destination blocks: who reads it must go on, or wait longer with pipe --drain-timeout")
		}
		why := e.Name + ": " + strings.Join(causes, ", ")
		// What fails at present is why a policy or the deadline dropped records.
		if err := cmp.Or(e.LastDropError, e.LastError); err != "" {
			why += ": " + err
		}
		lost = append(lost, why)
	}
	if lost == nil {
		return nil
	}
	return withHint(1, fmt.Errorf("%w: %s", errLost, strings.Join(lost, "; ")), hint)
}

// statsFile is what --stats writes, under the names that package admin uses.
type statsFile struct {
	Received  uint64                 `json:"received"`
	Filtered  uint64                 `json:"filtered,omitzero"`
	Steps     map[string]stepRow     `json:"steps,omitempty"`
	Exporters map[string]exporterRow `json:"exporters"`
}

type stepRow struct {
	Stopped  map[string]uint64 `json:"stopped"`
	Held     uint64            `json:"held"`
	Released uint64            `json:"released"`
	Refused  uint64            `json:"refused"`
	Added    uint64            `json:"added"`
	Changed  uint64            `json:"changed"`
}

type exporterRow struct {
	Accepted  uint64            `json:"accepted"`
	Delivered uint64            `json:"delivered"`
	Spooled   uint64            `json:"spooled"`
	Dropped   map[string]uint64 `json:"dropped"`
	Recovered uint64            `json:"recovered,omitzero"`
	Detoured  uint64            `json:"detoured,omitzero"`
	InFlight  uint64            `json:"in_flight,omitzero"`
}

// writeStats writes the books as one JSON object. Steps that did nothing are
// left out.
func writeStats(w io.Writer, received uint64, books processors.Stats) error {
	doc := statsFile{received, books.Filtered, map[string]stepRow{}, map[string]exporterRow{}}
	for _, s := range books.Steps {
		if tally.Step(s, decimal) != "" {
			doc.Steps[s.Name] = stepRow{byCause(s.Stopped), s.Held, s.Released, s.Refused, s.Added, s.Changed}
		}
	}
	for _, e := range books.Exporters {
		doc.Exporters[e.Name] = exporterRow{e.Accepted, e.Delivered, e.Spooled, byCause(e.Dropped), e.Recovered, e.Detoured, e.InFlight}
	}
	line, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// byCause returns {} for nothing, where nil would be null.
func byCause(counts map[string]uint64) map[string]uint64 {
	all := map[string]uint64{}
	maps.Copy(all, counts)
	return all
}
