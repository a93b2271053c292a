package spool

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// order is what a child process is told in the variable orderEnv.
type order struct {
	// Dir holds the queue in spool, the list of what Write has acknowledged,
	// and what was delivered.
	Dir    string
	Series []string // one goroutine writes each
	Sync   string
	// Writes is how many each does; 0 is without end.
	Writes int
	// Steady has the destination work always, else it fails every other time.
	Steady bool
}

const orderEnv = "SPOOL_TEST_ORDER"

func (o *order) path(name string) string { return filepath.Join(o.Dir, name) }

func (o *order) config() (Config, error) {
	c := DefaultConfig()
	c.Directory, c.MaxSize = o.path("spool"), 64*exporters.MiB
	return c, c.Sync.UnmarshalText([]byte(o.Sync))
}

// child runs this test binary as a process that does what o says.
func (o *order) child(t testing.TB, wrap ...string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	args := append(wrap, os.Args[0], "-test.run=^TestFaultChild$")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), orderEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	return cmd
}

// TestFaultChild is what the children run. It says "open" and a line for each Write
// that was acknowledged, after that stands in a list that is synced.
func TestFaultChild(t *testing.T) {
	var o order
	if err := json.Unmarshal([]byte(os.Getenv(orderEnv)), &o); err != nil {
		t.Skip("run by other tests, in a process of its own")
	}
	c, err := o.config()
	if err != nil {
		t.Fatal(err)
	}
	arrived, acked := appendTo(t, o.path("arrived")), appendTo(t, o.path("acked"))
	s, err := New(&lines{out: arrived, steady: o.Steady}, c)
	if err != nil {
		t.Fatal(err)
	}
	s.Notify(func(err error) {
		if err != nil && !errors.Is(err, errDown) {
			fmt.Printf("told %q\n", err)
		}
	})
	fmt.Println("open")
	var mu sync.Mutex
	var writers sync.WaitGroup
	for _, series := range o.Series {
		writers.Go(func() {
			for done, i := 0, 0; o.Writes == 0 || i < o.Writes; i++ {
				n, err := s.Write(context.Background(), sinktest.Records(series, done, 1+rand.IntN(30)))
				if err != nil {
					fmt.Printf("failed %q\n", err)
					continue
				}
				var list []byte
				for id := done; id < done+n; id++ {
					list = fmt.Appendf(list, "\n%s\n", sinktest.ID(series, id))
				}
				done += n
				mu.Lock()
				_, err = acked.Write(list)
				if err == nil {
					err = acked.Sync()
				}
				mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
				fmt.Println("acked", done)
			}
		})
	}
	writers.Wait()
	if err := s.Shutdown(context.Background()); err != nil {
		fmt.Printf("failed %q\n", err)
	}
}

func appendTo(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// lines is a destination that writes "id uid" lines to a file.
type lines struct {
	sinktest.Memory // for what it does not do
	out             *os.File
	steady          bool
	calls           int
}

func (l *lines) Write(_ context.Context, recs []record.Record) (int, error) {
	var err error
	if l.calls++; !l.steady && l.calls%2 == 0 {
		recs, err = recs[:len(recs)/2], errDown
	}
	var p []byte
	for i := range recs {
		// A line that a kill has cut ends where the next begins.
		p = fmt.Appendf(p, "\n%s %s\n", recs[i].Body.AsString(), uid(&recs[i]))
	}
	if _, failed := l.out.Write(p); failed != nil {
		return 0, failed
	}
	return len(recs), err
}

var arrivedPattern = regexp.MustCompile(`(?m)^(id-[a-z]+-\d{6}\.) ([0-9a-f]{16}-[0-9a-f]{16})$`)

// delivery is what has come out, wherever.
type delivery struct{ id, uid string }

func arrivals(t testing.TB, path string) (all []delivery) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range arrivedPattern.FindAllStringSubmatch(string(text), -1) {
		all = append(all, delivery{m[1], m[2]})
	}
	return all
}

func deliveries(m *sinktest.Memory) (all []delivery) {
	for _, r := range m.Records() {
		if id := sinktest.IDs([]byte(r.Body.AsString())); len(id) == 1 {
			all = append(all, delivery{id[0], uid(&r)})
		}
	}
	return all
}

// wantDelivered checks that everything acknowledged has come, each series in its
// order, under one name each. It returns how often a record came again.
func wantDelivered(t testing.TB, acked []string, got []delivery) (duplicates int) {
	t.Helper()
	uids, ids, last := make(map[string]string), make(map[string]string), make(map[string]string)
	for _, d := range got {
		if known, again := uids[d.id]; again {
			duplicates++
			if known != d.uid {
				t.Errorf("%s came as %s and as %s", d.id, known, d.uid)
			}
			continue
		}
		if other := ids[d.uid]; other != "" {
			t.Errorf("%s and %s came as %s", other, d.id, d.uid)
		}
		uids[d.id], ids[d.uid] = d.uid, d.id
		series := d.id[:strings.LastIndexByte(d.id, '-')]
		if d.id < last[series] {
			t.Errorf("%s came after %s", d.id, last[series])
		}
		last[series] = d.id
	}
	var lost []string
	for _, id := range acked {
		if uids[id] == "" {
			lost = append(lost, id)
		}
	}
	if len(lost) > 0 {
		t.Errorf("%d of %d records that were acknowledged are lost: %.10q", len(lost), len(acked), lost)
	}
	return duplicates
}

func ackedIn(t testing.TB, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sinktest.IDs(text)
}

// takeOver delivers what ended processes have left.
func takeOver(t testing.TB, o *order) (*sinktest.Memory, exporters.SpoolStats) {
	t.Helper()
	c, err := o.config()
	if err != nil {
		t.Fatal(err)
	}
	sink := new(sinktest.Memory)
	s := newSpool(t, sink, c)
	flushed(t, s)
	shutdown(t, s)
	return sink, s.Spooled()
}

func faultSeed(t testing.TB) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SLUICE_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SLUICE_SEED: %v", err)
		}
	}
	t.Logf("SLUICE_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// A process is killed again and again, at any moment, while it writes from
// several goroutines and delivers what its predecessors have left. Everything
// that Write has acknowledged is delivered.
func TestKillRounds(t *testing.T) {
	rnd := faultSeed(t)
	rounds := 20
	if os.Getenv("SLUICE_LONG") != "" {
		rounds = 200
	}
	o := order{Dir: t.TempDir()}
	for round := range rounds {
		o.Sync = []string{"always", "every 20ms", "never"}[round%3]
		o.Series = nil
		for w := range 3 {
			o.Series = append(o.Series, "k"+string([]byte{'a' + byte(round/26), 'a' + byte(round%26), 'a' + byte(w)}))
		}
		cmd := o.child(t)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// From before it has opened its queue to when it has many segments.
		after := rnd.IntN(200) - 3
		killed := false
		for scan := bufio.NewScanner(out); ; after-- {
			if after <= 0 && !killed {
				time.Sleep(rand.N(5 * time.Millisecond))
				_ = cmd.Process.Kill()
				killed = true
			}
			if !scan.Scan() {
				break
			}
			if failed, ok := strings.CutPrefix(scan.Text(), "failed "); ok {
				t.Errorf("Write: %s", failed)
			}
		}
		if err := cmd.Wait(); !killed {
			t.Fatalf("the process ended by itself: %v", err)
		}
	}
	sink, st := takeOver(t, &o)
	acked := ackedIn(t, o.path("acked"))
	got := slices.Concat(arrivals(t, o.path("arrived")), deliveries(sink))
	again := wantDelivered(t, acked, got)
	t.Logf("%d acknowledged, %d delivered, %d of them again", len(acked), len(got), again)
	if len(acked) == 0 || st.Dropped != nil || st.Waiting != 0 {
		t.Errorf("%d acknowledged, %+v", len(acked), st)
	}
	// What comes again was on its way at a kill.
	if again > rounds*maxRecords {
		t.Errorf("%d duplicates", again)
	}
	if left := files(t, o.path("spool")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
