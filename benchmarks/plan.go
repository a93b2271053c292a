package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"
)

// group is one measurement of several contestants, to be compared with each
// other.
type group struct {
	title       string
	job         job // without a contestant
	contestants []string
	rounds      int
}

// options are what the flags set.
type options struct {
	kinds                       []string
	contestants                 *regexp.Regexp
	rounds, floods, stallRounds int
	duration, stall             time.Duration
	records                     int
	collector, journal          string // commands that are built first
}

// groups lists the measurements in the order of the table.
func groups(o options) []group {
	var all, writers []string
	for _, c := range contestants() {
		all = append(all, c.name)
		if c.id != "" {
			writers = append(writers, c.name)
		}
	}
	var gs []group
	add := func(g group) {
		g.contestants = slices.DeleteFunc(slices.Clone(g.contestants), func(name string) bool {
			return !o.contestants.MatchString(name)
		})
		if slices.Contains(o.kinds, g.job.Kind) && len(g.contestants) > 0 {
			gs = append(gs, g)
		}
	}
	for _, n := range []int{1, 2, 8} {
		add(group{"call, " + goroutines(n) + ", ns",
			job{Kind: kindCall, Goroutines: n, Duration: o.duration}, all, o.rounds})
	}
	add(group{"call with 4 of 5 bound by With, ns",
		job{Kind: kindWith, Goroutines: 1, Duration: o.duration}, all, o.rounds})
	add(group{"disabled call, ns",
		job{Kind: kindDisabled, Goroutines: 1, Duration: o.duration}, all, o.rounds})
	add(group{"encoding to JSON, ns",
		job{Kind: kindEncode, Goroutines: 1, Duration: o.duration}, []string{encodeSluice, encodeZap}, o.rounds})
	add(group{"one step, ns",
		job{Kind: kindStep, Goroutines: 1, Duration: o.duration}, stepContestants(), o.rounds})
	for _, n := range []int{1, 8} {
		add(group{"flood, " + goroutines(n) + ", records/s",
			job{Kind: kindFlood, Goroutines: n, Records: o.records}, writers, o.floods})
	}
	for _, sink := range []string{sinkFree, sinkSlow, sinkStalled} {
		add(group{"sink " + sink + ", p99.9 of a call, ns",
			job{Kind: kindStall, Sink: sink, Duration: o.stall}, []string{sluiceDirect, baseSDK}, o.stallRounds})
	}
	add(group{"sink " + sinkSpooled + ", p99.9 of a call, ns",
		job{Kind: kindStall, Sink: sinkSpooled, Duration: o.stall}, []string{sluiceDirect}, o.stallRounds})
	if canShare {
		var names []string
		for _, c := range sharedContestants() {
			names = append(names, c.name)
		}
		add(group{"one file, several processes, records/s", job{Kind: kindShared, Records: 2 * o.records}, names, o.rounds})
	}
	names := []string{}
	for _, c := range otlpContestants() {
		names = append(names, c.name)
	}
	for _, transport := range []string{overHTTP, overHTTPGzip, overGRPC} {
		rounds := o.rounds
		if transport != overHTTP {
			rounds = o.floods
		}
		add(group{"OTLP/" + transport + ", records a CPU second",
			job{Kind: kindOTLP, Sink: transport, Goroutines: 1, Records: otlpRecords(o), Command: o.collector}, names, rounds})
	}
	for _, sink := range []string{lazily, safely} {
		add(group{"appending encoded records, " + sink + ", MB/s",
			job{Kind: kindAppend, Sink: sink, Duration: o.stall / 4, Command: o.journal}, appendContestants(sink), o.rounds})
	}
	add(group{"disk queue, " + goroutines(8) + ", records/s",
		job{Kind: kindQueue, Goroutines: 8, Duration: o.stall, Command: o.collector}, queueContestants(), o.rounds})
	for _, sink := range []string{sinkForwards, sinkDecoded} {
		add(group{"backlog of 1 GiB, " + sink + ", drained records/s",
			job{Kind: kindBacklog, Sink: sink, Records: backlog}, []string{spoolInterval}, o.floods})
	}
	return gs
}

// otlpRecords is how many records a Collector is sent: one that shares the
// machine with the sender takes its time.
func otlpRecords(o options) int { return o.records / 4 }

// results holds a list of rounds for each contestant of each group; the n-th
// results of one group ran one after the other.
type results map[string]map[string][]result

func goroutines(n int) string {
	if n == 1 {
		return "1 goroutine"
	}
	return fmt.Sprintf("%d goroutines", n)
}

// runAll runs every group. Within a group the contestants take turns, and
// another one begins each round, so that what else the machine does hits all.
// Groups over the same kind of sink alternate as well.
func runAll(gs []group, dir string, progress io.Writer) (results, error) {
	rs := results{}
	for _, g := range gs {
		rs[g.title] = map[string][]result{}
	}
	for len(gs) > 0 {
		same := 1
		for same < len(gs) && gs[0].job.Kind == kindStall && gs[same].job.Kind == kindStall {
			same++
		}
		for round := range gs[0].rounds {
			for _, g := range rotated(gs[:same], round) {
				for _, name := range rotated(g.contestants, round) {
					j := g.job
					j.Contestant = name
					fmt.Fprintf(progress, "round %d of %d: %s: %s\n", round+1, g.rounds, g.title, name)
					r, err := spawn(j, dir)
					if err != nil {
						return nil, err
					}
					rs[g.title][name] = append(rs[g.title][name], r)
				}
			}
		}
		gs = gs[same:]
	}
	return rs, nil
}

func rotated[T any](s []T, by int) []T {
	by %= len(s)
	return append(slices.Clone(s[by:]), s[:by]...)
}
