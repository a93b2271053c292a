package main

import (
	"fmt"
	"os"
	"testing"
)

// Writers of one file are processes: this binary, asked to be one.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == childFlag {
		if err := child(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestSharedFile(t *testing.T) {
	if !canShare {
		t.Skip("processes cannot share a file here")
	}
	for _, c := range sharedContestants() {
		t.Run(c.name, func(t *testing.T) {
			// Too few lines to rotate: peers keep them all.
			j := job{Kind: kindShared, Contestant: c.name, Records: 1000 * c.processes * c.portion, Dir: t.TempDir()}
			r, err := j.run()
			if err != nil {
				t.Fatal(err)
			}
			if err := readShared(j, &r); err != nil {
				t.Fatal(err)
			}
			if want := 1000 * c.processes; r.Sent != want {
				t.Errorf("%d records written, want %d", r.Sent, want)
			}
			switch c.name {
			case unshared1, shared1, shared8, locked8:
				if exactlyOnce([]result{r}) != 1 {
					t.Errorf("delivered %v, %d twice, %d lines broken", r.Delivered, r.Duplicates, r.Broken)
				}
			}
		})
	}
}
