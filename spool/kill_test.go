package spool

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// childEnv makes the test binary a process that writes to a queue until it is
// killed: "directory, series, sync".
const childEnv = "SPOOL_TEST_CHILD"

// TestChild is what other tests kill. It prints how many records were taken,
// and delivers to a file what it can.
func TestChild(t *testing.T) {
	args := strings.Split(os.Getenv(childEnv), ",")
	if len(args) != 3 {
		t.Skip("run by other tests, in a process of its own")
	}
	out, err := os.OpenFile(filepath.Join(args[0], "arrived"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	var sync SyncPolicy
	if err := sync.UnmarshalText([]byte(args[2])); err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig()
	c.Directory, c.Sync = filepath.Join(args[0], "spool"), sync
	s, err := New(&appending{out: out}, c)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; {
		taken, err := s.Write(context.Background(), sinktest.Records(args[1], n, 1+rand.IntN(20)))
		n += taken
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("taken", n)
	}
}

// appending is a destination that works every other time.
type appending struct {
	sinktest.Memory
	out   *os.File
	calls int
}

func (a *appending) Write(_ context.Context, recs []record.Record) (int, error) {
	if a.calls++; a.calls%2 == 0 {
		return 0, errDown
	}
	var lines []byte
	n := (len(recs) + 1) / 2
	for i := range recs[:n] {
		lines = append(append(lines, recs[i].Body.AsString()...), '\n')
	}
	if _, err := a.out.Write(lines); err != nil {
		return 0, err
	}
	return n, errDown
}

// What a process that was killed had taken is delivered by one that lives on,
// in order.
func TestKill(t *testing.T) {
	rounds := 3
	if os.Getenv("SLUICE_LONG") != "" {
		rounds = 50
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for _, policy := range []string{"always", "every 50ms", "never"} {
		t.Run(policy, func(t *testing.T) {
			for range rounds {
				kill(t, policy, rnd)
			}
		})
	}
}

func kill(t *testing.T, policy string, rnd *rand.Rand) {
	dir := t.TempDir()
	names := []string{"a", "b"}
	taken := make([]int, len(names))
	children := make([]*exec.Cmd, len(names))
	scans := make([]*bufio.Scanner, len(names))
	for i, name := range names {
		cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
		cmd.Env = append(os.Environ(), childEnv+"="+strings.Join([]string{dir, name, policy}, ","))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		children[i], scans[i] = cmd, bufio.NewScanner(out)
	}
	for i, cmd := range children {
		after := 1 + rnd.IntN(100) // lines
		for scans[i].Scan() {
			if _, err := fmt.Sscanf(scans[i].Text(), "taken %d", &taken[i]); err != nil {
				continue
			}
			if after--; after == 0 {
				_ = cmd.Process.Kill()
			}
		}
		_ = cmd.Wait() // it was killed
	}
	arrived, err := os.ReadFile(filepath.Join(dir, "arrived"))
	if err != nil {
		t.Fatal(err)
	}
	sink := new(sinktest.Memory)
	c := DefaultConfig()
	c.Directory = filepath.Join(dir, "spool")
	s := newSpool(t, sink, c)
	flushed(t, s)
	shutdown(t, s)
	all := append(strings.Fields(string(arrived)), ids(sink)...)
	for i, name := range names {
		var got []string
		for _, id := range all {
			if strings.HasPrefix(id, "id-"+name+"-") && !slices.Contains(got[max(0, len(got)-5000):], id) {
				got = append(got, id)
			}
		}
		// It may have stored more than it could tell.
		if len(got) < taken[i] || taken[i] == 0 || !slices.Equal(got, series(name, 0, len(got))) {
			t.Errorf("%s: %d records arrived, %d were taken, or in another order", name, len(got), taken[i])
		}
	}
	if st := s.Spooled(); st.Dropped != nil || st.Waiting != 0 {
		t.Errorf("%+v", st)
	}
	if left := files(t, c.Directory); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
