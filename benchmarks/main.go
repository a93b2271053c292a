// Command benchmarks measures sluice side by side with its peers and prints
// one table, all of it from one run. Contestants take turns and each
// measurement runs in a process of its own; what is worth comparing is the
// ratios of one run, not times between runs or machines.
//
//	go run .                  a few minutes
//	go run . -full            many rounds, as published figures need them
//	go run . -only call,flood
//
// What needs a Collector (otlp, spool) builds it from the module next to this
// one.
//
// The same calls are ordinary benchmarks, for benchstat and profiles:
//
//	go test -run '^$' -bench Call -count 10 | benchstat -col /contestant -
//	go test -run '^$' -bench 'Call/contestant=sluice$' -cpuprofile cpu.out
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) (err error) {
	if len(args) == 1 && args[0] == childFlag {
		return child(os.Stdin, stdout)
	}
	o := options{}
	flags := flag.NewFlagSet("benchmarks", flag.ContinueOnError)
	only := flags.String("only", "call,with,disabled,encode,step,flood,stall,shared,otlp,append,spool,backlog", "what to measure")
	names := flags.String("contestants", "", "regular expression of the contestants that take part (default: all)")
	full := flags.Bool("full", false, "9 rounds of what else has 3, 5 of floods, 5s of stall")
	flags.IntVar(&o.rounds, "count", 3, "rounds of calls, shared files, OTLP/HTTP and disk queues")
	flags.IntVar(&o.floods, "floods", 1, "rounds of floods, backlogs and other OTLP")
	flags.IntVar(&o.stallRounds, "stalls", 3, "rounds of slow and stalled sinks")
	flags.DurationVar(&o.duration, "time", 300*time.Millisecond, "length of a call measurement")
	flags.DurationVar(&o.stall, "stall", 2*time.Second, "how long a sink is slow or stalled, and a disk queue filled")
	flags.IntVar(&o.records, "records", 1_000_000, "records of a flood, half of those of a shared file, four times those of OTLP")
	quiet := flags.Bool("quiet", false, "do not tell on standard error what runs")
	dir := flags.String("dir", "", "where log files are written (default: a temporary directory)")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	o.kinds = strings.Split(*only, ",")
	if o.contestants, err = regexp.Compile(*names); err != nil {
		return fmt.Errorf("-contestants: %w", err)
	}
	if *full {
		o.rounds, o.floods, o.stallRounds, o.stall = 9, 5, 9, 5*time.Second
	}
	progress := stderr
	if *quiet {
		progress = io.Discard
	}

	root, err := os.MkdirTemp(*dir, "benchmarks")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	if slices.Contains(o.kinds, kindOTLP) || slices.Contains(o.kinds, kindQueue) {
		if o.collector, err = buildCollector(root, progress); err != nil {
			return err
		}
	}
	if slices.Contains(o.kinds, kindAppend) {
		if o.journal, err = buildJournal(root, progress); err != nil {
			return err
		}
	}
	gs := groups(o)
	start := time.Now()
	rs, err := runAll(gs, root, progress)
	if err != nil {
		return err
	}

	var table []row
	for _, g := range gs {
		table = append(table, rows(g, rs[g.title])...)
	}
	fmt.Fprintf(stdout, "%s, %s/%s, %d CPUs; medians of %d rounds (floods %d, sinks %d), %s.\n"+
		"× SDK compares with %q (in floods with %q, in OTLP with %q, in disk queues with %q), × zap with %q.\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), o.rounds, o.floods, o.stallRounds,
		time.Since(start).Round(time.Second), baseSDK, baseSDKSimple, stockOTLPFlushed, collectorQueue, baseZap)
	printTable(stdout, table)
	fmt.Fprintln(stdout)
	printTargets(stdout, targets(o, gs, rs))
	return nil
}
