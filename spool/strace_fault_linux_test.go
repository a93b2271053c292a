package spool

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What strace tells of a call, and of one that another thread has interrupted.
var (
	callPattern    = regexp.MustCompile(`^(\d+) +(\w+)\((.*)`)
	resumedPattern = regexp.MustCompile(`^(\d+) +<\.\.\. \w+ resumed>(.*)`)
	pathPattern    = regexp.MustCompile(`<([^<>]*)>`)
)

// syncsTriedAgain returns the files of which a sync has failed, and those that
// were synced again nevertheless.
func syncsTriedAgain(trace string) (failed, again []string) {
	lost := make(map[string]bool)
	begun := make(map[string]string) // by thread
	for line := range strings.Lines(trace) {
		if m := resumedPattern.FindStringSubmatch(line); m != nil {
			line = begun[m[1]] + m[2]
		}
		m := callPattern.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if call, unfinished := strings.CutSuffix(strings.TrimSpace(line), "<unfinished ...>"); unfinished {
			begun[m[1]] = call
			continue
		}
		switch paths := pathPattern.FindAllStringSubmatch(m[3], -1); {
		case len(paths) == 0:
		case m[2] == "openat" && strings.Contains(m[3], "O_EXCL"):
			// Another file, which gets its name when it is complete.
			made := paths[len(paths)-1][1]
			delete(lost, made)
			delete(lost, strings.TrimSuffix(made, ".tmp"))
		case m[2] == "fdatasync":
			path := paths[0][1]
			if lost[path] {
				again = append(again, path)
			}
			if strings.Contains(m[3], "(INJECTED)") {
				lost[path] = true
				failed = append(failed, path)
			}
		}
	}
	return failed, again
}

// A sync that fails is never tried again on the same file: what it was for is
// written to a new one, and told of. Nothing that was acknowledged is lost,
// whichever sync it is.
func TestFailingSyncs(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip(err)
	}
	if out, err := exec.Command("strace", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skipf("strace: %v %s", err, out)
	}
	rounds := 1
	if os.Getenv("SLUICE_LONG") != "" {
		rounds = 20
	}
	rnd := faultSeed(t)
	for _, policy := range []string{"always", "every 5ms"} {
		t.Run(policy, func(t *testing.T) {
			struck := 0
			for range rounds {
				// The first one makes the queue.
				struck += failSync(t, policy, 2+rnd.IntN(4))
			}
			if struck == 0 {
				t.Error("no sync has failed")
			}
		})
	}
}

// failSync has the n-th sync of each thread fail, and returns how many there were.
func failSync(t *testing.T, policy string, nth int) int {
	t.Helper()
	o := order{Dir: t.TempDir(), Sync: policy, Series: []string{"sa", "sb"}, Writes: 100}
	trace := o.path("trace")
	cmd := o.child(t, "strace", "-f", "-y", "-o", trace, "-e", "trace=fdatasync,openat",
		"-e", fmt.Sprintf("inject=fdatasync:error=EIO:when=%d", nth))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	failed, tried := syncsTriedAgain(string(text))
	if len(failed) == 0 {
		return 0
	}
	if len(tried) > 0 {
		t.Errorf("synced again after a sync of them had failed: %q", tried)
	}
	if !strings.Contains(string(out), "told ") && !strings.Contains(string(out), "failed ") {
		t.Errorf("nothing was told of the failed syncs of %q:\n%s", failed, out)
	}
	sink, st := takeOver(t, &o)
	acked := ackedIn(t, o.path("acked"))
	got := slices.Concat(arrivals(t, o.path("arrived")), deliveries(sink))
	again := wantDelivered(t, acked, got)
	if len(acked) < 100 || again > 0 || st.Dropped != nil {
		t.Errorf("%d acknowledged, %d delivered, %d of them again, %+v", len(acked), len(got), again, st)
	}
	t.Logf("%d syncs have failed: %d acknowledged, %d delivered", len(failed), len(acked), len(got))
	return len(failed)
}
