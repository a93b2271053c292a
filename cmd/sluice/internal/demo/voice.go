package demo

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/seed2f724858/sluice/cmd/sluice/internal/table"
	"github.com/seed2f724858/sluice/cmd/sluice/internal/tally"
	"github.com/seed2f724858/sluice/processors"
)

// voice is what the demo says itself, around the records.
type voice struct {
	w     io.Writer
	color bool
}

func (v voice) heading(s string) {
	if v.color {
		s = "\x1b[1m" + s + "\x1b[0m"
	}
	fmt.Fprintf(v.w, "\n%s\n", s)
}

func (v voice) intro(cfg Config, f files, kept string) {
	v.heading("sluice demo")
	fmt.Fprintf(v.w, `  For %v a small web shop runs inside this process. It logs about %s
  records a second through log/slog and has its bad moments: a slow payment, a
  refused card, a bank that is down, a panic, a password in a log line. The
  collector that it sends to is down for a while.

    INFO and up   → this terminal, for people
    DEBUG and up  → %s, JSON for machines, rotated at 512 KiB
    DEBUG and up  → a collector, by OTLP over a queue on disk, %s
    each ERROR    → %s, behind what its request did before

  %s sets all of this up. Ctrl-C ends it early.
`, cfg.Duration, table.Count(uint64(cfg.Rate)), f.log, f.spool, f.incidents, f.config)
	if kept != "" {
		fmt.Fprintf(v.w, "  Your changed configuration is now %s.\n", kept)
	}
	fmt.Fprintln(v.w)
}

// news is told between the records.
func (v voice) news(format string, args ...any) {
	line := "── " + fmt.Sprintf(format, args...)
	if v.color {
		line = "\x1b[1m" + line + "\x1b[0m"
	}
	fmt.Fprintln(v.w, line)
}

func (v voice) down(spool string) {
	v.news("The collector is down: it hangs up on whoever calls. What is for it goes to %s; nobody waits.", spool)
}

func (v voice) back(waiting uint64, spool string) {
	if waiting == 0 {
		v.news("The collector is back: nothing waits for it.")
		return
	}
	v.news("The collector is back: %s wait for it in %s.", records(waiting), spool)
}

func (v voice) drained(waited uint64) {
	v.news("The queue has drained: the collector has all %s that had waited.", records(waited))
}

func records(n uint64) string {
	if n == 1 {
		return "1 record"
	}
	return table.Count(n) + " records"
}

func (v voice) books(exporters []processors.ExporterStats, f files, waited uint64) {
	v.heading("Where the records went")
	where := map[string]string{"terminal": "above", "file": f.log, "incidents": f.incidents}
	if n := f.backups(); n > 0 {
		where["file"] += fmt.Sprintf(" and %d rotated files beside it", n)
	}
	where[collectorBranch] = f.collected
	if waited > 0 {
		where[collectorBranch] += fmt.Sprintf("; %s had waited in %s", table.Count(waited), f.spool)
	}
	t := table.New("destination", ">accepted", ">delivered", ">dropped", "where to look")
	for _, e := range exporters {
		t.Row(e.Name, table.Count(e.Accepted), table.Count(e.Delivered), table.Count(e.DroppedTotal()), where[e.Name])
	}
	_, _ = t.WriteTo(v.w)
}

// collected tells what the collector itself counts, beside the books of the
// branch to it.
func (v voice) collected(e processors.ExporterStats, f files, arrived, again uint64) {
	repeats := "each came once"
	if again > 0 {
		repeats = table.Count(again) + " came again"
	}
	fmt.Fprintf(v.w, "\n  The collector itself counts %s by their ids (log.record.uid); %s.\n", records(arrived), repeats)
	if e.Recovered > 0 {
		fmt.Fprintf(v.w, "  %s had been left in %s by an earlier run.\n", records(e.Recovered), f.spool)
	}
	if e.Spooled > 0 {
		fmt.Fprintf(v.w, "  %s still wait in %s, for the next run.\n", records(e.Spooled), f.spool)
	}
}

// steps shows what the steps in front of the destinations did.
func (v voice) steps(steps []processors.StepStats, f files) {
	v.heading("What happened on the way")
	where := map[string]string{
		"redact":          "grep -h REDACTED " + f.log + "*",
		"flight_recorder": f.incidents,
	}
	t := table.New("step", "records", "where to look")
	for _, s := range steps {
		t.Row(s.Name, cmp.Or(tally.Step(s, table.Count), "none concerned"), where[s.Name])
	}
	_, _ = t.WriteTo(v.w)
}

// backups counts the rotated files.
func (f files) backups() int {
	entries, err := os.ReadDir(filepath.Dir(f.log))
	if err != nil {
		return 0
	}
	n := 0
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(f.log)+".") {
			n++
		}
	}
	return n
}

func (v voice) next(command string, f files, panicTrace string) {
	v.heading("Try next")
	try := func(what, line string) { fmt.Fprintf(v.w, "  # %s\n  %s\n", what, line) }
	try("the newest records, as JSON", "tail -n 3 "+f.log)
	if panicTrace != "" {
		try("what the request with the panic did before it", fmt.Sprintf("grep %s %s", panicTrace, f.incidents))
	}
	try("the configuration behind this", "less "+f.config)
	try("what the collector got", "tail -n 3 "+f.collected)
	try("your own lines the same way; for the collector they wait until the next demo", "seq 5 | "+command+" pipe --drain-timeout 1s --config "+f.config)
	try("less of it: DEBUG from the database alone", "SLUICE_LEVELS=info,shop.db=debug "+command+" demo")
}
