package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed2f724858/sluice/processors"
)

// The hint beside an error of the shutdown promises no more than the books do.
func TestOutcomeHints(t *testing.T) {
	failed := errors.New("does not end")
	for name, test := range map[string]struct {
		shutdown error
		books    processors.ExporterStats
		want     string
	}{
		"all delivered": {failed, processors.ExporterStats{Accepted: 3, Delivered: 3}, "error: does not end\nhint: every record that was accepted has been delivered all the same\n"},
		"on disk":       {failed, processors.ExporterStats{Accepted: 3, Delivered: 2, Spooled: 1}, "error: does not end\nhint: 1 record waits on disk: the next start delivers them\n"},
		"neither":       {failed, processors.ExporterStats{Accepted: 3, Delivered: 2}, "error: does not end\n"},
		"no error":      {nil, processors.ExporterStats{Accepted: 3, Delivered: 3}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			if err := outcome(test.shutdown, []processors.ExporterStats{test.books}); err != nil {
				report(&got, err)
			}
			if got.String() != test.want {
				t.Errorf("told %q, want %q", got.String(), test.want)
			}
		})
	}
}

// What a receiver has not read is told of, though the kernel has taken it and a
// queue on disk has let go of it: nobody can say that it is delivered.
func TestPipeToReceiverThatNeverReads(t *testing.T) {
	const n = 200
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Skip("no Unix sockets here:", err)
	}
	defer ln.Close()
	config := writeConfig(t, fmt.Sprintf("{spool: {directory: %q, exporter: {socket: {endpoint: %q}}}}", filepath.Join(t.TempDir(), "queue"), "unix://"+ln.Addr().String()))
	p := start(t, io.Discard, "pipe", "--config", config)
	p.feed(t, string(numberLines(n)))
	p.wantExit(t, 1)
	p.wantStderr(t, fmt.Sprintf("of %d records written before, those may be lost that the receiver had not read yet", n))
	p.wantStderr(t, "hint: the receiver must read all that it is sent")
	if strings.Contains(p.stderr.String(), "all the same") {
		t.Errorf("standard error promises too much: %s", p.stderr.String())
	}
}
