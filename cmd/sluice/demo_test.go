package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/rogpeppe/go-internal/testscript"
)

// collected DIR checks that the demo's collector has every record of the log
// file there, as it stands in that and once, each with an id of its own.
func collected(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: collected DIR")
	}
	ts.Check(everyRecordCollected(ts.MkAbs(args[0])))
}

var uidAtEnd = regexp.MustCompile(`,"log\.record\.uid":"([^"]+)"}$`)

func everyRecordCollected(dir string) error {
	logged, err := linesOf(filepath.Join(dir, "shop.jsonl*"))
	if err != nil {
		return err
	}
	got, err := linesOf(filepath.Join(dir, "collector.jsonl*"))
	if err != nil {
		return err
	}
	missing, ids := map[string]int{}, map[string]bool{}
	for _, line := range logged {
		missing[line]++
	}
	for _, line := range got {
		id := uidAtEnd.FindStringSubmatch(line)
		if id == nil || ids[id[1]] {
			return fmt.Errorf("the collector has a record without an id of its own: %s", line)
		}
		ids[id[1]] = true
		missing[uidAtEnd.ReplaceAllString(line, "}")]--
	}
	for line, n := range missing {
		if n != 0 {
			return fmt.Errorf("the collector has %d records, the log file %d; this one %d times less: %s", len(got), len(logged), n, line)
		}
	}
	if len(got) == 0 {
		return fmt.Errorf("the collector has no records")
	}
	return nil
}

// linesOf returns the lines of the files that the pattern matches.
func linesOf(pattern string) (all []string, err error) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(content) {
			all = append(all, string(bytes.TrimSuffix(line, []byte("\n"))))
		}
	}
	return all, nil
}

// emptydir DIR checks that there is nothing in a directory.
func emptydir(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: emptydir DIR")
	}
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(entries) > 0 {
		ts.Fatalf("%s holds %v", args[0], entries)
	}
}
