package peer_test

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/collector/peer"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp"
	"github.com/seed2f724858/sluice/exporters/otlp/otlpgrpc"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool"
)

// With a disk queue callers feel nothing of any outage: their queue in memory
// stays nearly empty, everything arrives, and in order.
func TestDiskQueueOutlastsCollector(t *testing.T) {
	for name, sink := range map[string]func(*testing.T, *peer.Peer) exporters.Sink{
		"HTTP": func(t *testing.T, p *peer.Peer) exporters.Sink {
			return overHTTP(t, p, func(c *otlp.Config) { c.Compression, c.Timeout = "gzip", hasty })
		},
		"gRPC": func(t *testing.T, p *peer.Peer) exporters.Sink {
			return overGRPC(t, p, func(c *otlpgrpc.Config) { c.Compression, c.Timeout = "gzip", hasty })
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := peer.Start(t)
			s := newSpoolingSender(t, sink(t, p), t.TempDir())
			for _, outage := range []struct{ begin, end func(*peer.Peer) }{
				{(*peer.Peer).Kill, (*peer.Peer).Restart},
				{(*peer.Peer).Stop, (*peer.Peer).Cont},
				{(*peer.Peer).Refuse, (*peer.Peer).Accept},
			} {
				s.send(1000)
				s.settle()
				stop := s.load()
				outage.begin(p)
				s.failure()
				stop()
				s.send(20_000) // more than the queue in memory holds
				outage.end(p)
			}
			s.flush()
			if err := s.shutdown(patience); err != nil {
				t.Error(err)
			}
			s.balance(nil)
			t.Logf("%d of %d records arrived again", s.arrived(p.Received()), s.sent)
			inOrder(t, p.Arrivals())
		})
	}
}

// inOrder holds that ids, where they stand first, count up.
func inOrder(t *testing.T, ids []string) {
	t.Helper()
	next := 0
	for _, id := range ids {
		switch n, err := strconv.Atoi(id); {
		case err != nil || n > next:
			t.Fatalf("%q arrived when %d had not", id, next)
		case n == next:
			next++
		}
	}
}

// A process that ends while the Collector is dead leaves its records to the
// next one.
func TestDiskQueueOutlastsProcess(t *testing.T) {
	p := peer.Start(t)
	dir := t.TempDir()
	p.Kill()
	s := newSpoolingSender(t, overHTTP(t, p, nil), dir)
	s.send(5000)
	s.failure()
	if err := s.shutdown(patience); err != nil {
		t.Fatal(err)
	}
	if b := s.books(); b.Spooled != 5000 || b.Accepted != 5000 || b.Dropped != nil {
		t.Errorf("%d of %d accepted records are on disk, dropped %v", b.Spooled, b.Accepted, b.Dropped)
	}
	p.Restart()
	next := newSpoolingSender(t, overHTTP(t, p, nil), dir)
	next.flush()
	if b := next.books(); b.Recovered != 5000 || b.Delivered != 5000 || b.Spooled != 0 {
		t.Errorf("%d recovered, %d delivered, %d on disk", b.Recovered, b.Delivered, b.Spooled)
	}
	if got := len(p.Arrivals()); got != 5000 {
		t.Errorf("%d records arrived", got)
	}
	inOrder(t, p.Arrivals())
}

// killEnv makes this binary a process to be killed: DIR|URL|FIRST ID.
const killEnv = "PEER_TEST_KILL"

// TestKilledSender is the process that TestSenderKilled kills: it writes
// without end and tells on standard output what was acknowledged.
func TestKilledSender(t *testing.T) {
	args := strings.Split(os.Getenv(killEnv), "|")
	if len(args) != 3 {
		t.Skip("run by TestSenderKilled")
	}
	cfg := otlp.DefaultConfig()
	cfg.Endpoint = args[1]
	sink, err := otlp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	queue := spool.DefaultConfig()
	queue.Directory = args[0]
	s, err := spool.New(sink, queue)
	if err != nil {
		t.Fatal(err)
	}
	// With simple in front each call returns when its record is on disk.
	simple, err := processors.NewSimple(s, processors.DefaultSimpleConfig())
	if err != nil {
		t.Fatal(err)
	}
	p, err := processors.NewPipeline(processors.DefaultConfig(), simple)
	if err != nil {
		t.Fatal(err)
	}
	logger := p.Logger(record.Scope{Name: "shop.cart"})
	id, err := strconv.Atoi(args[2])
	if err != nil {
		t.Fatal(err)
	}
	for ; ; id++ {
		r := numbered(id, time.Now())
		if err := logger.Emit(context.Background(), &r); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("acked %d\n", id)
	}
}

// A sender killed at any moment, again and again, while the Collector comes and
// goes, has delivered in the end whatever a log call had returned for.
func TestSenderKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	rounds := 20
	if os.Getenv("SLUICE_LONG") != "" {
		rounds = 200
	}
	random := rand.New(rand.NewPCG(seed(t), 0))
	p := peer.Start(t)
	dir := t.TempDir()
	alive, next := true, 0
	acked := map[string]bool{}
	for range rounds {
		if random.IntN(3) == 0 {
			if alive = !alive; alive {
				p.Restart()
			} else {
				p.Kill()
			}
		}
		for _, id := range killSender(t, fmt.Sprintf("%s|%s/v1/logs|%d", dir, p.HTTP, next), 1+random.IntN(3000)) {
			acked[strconv.Itoa(id)] = true
			next = id + 1
		}
		next++ // one more may be on disk without its acknowledgement
	}
	if !alive {
		p.Restart()
	}
	s := newSpoolingSender(t, overHTTP(t, p, nil), dir)
	s.flush()
	b := s.books()
	received := p.Received()
	lost := 0
	for id := range acked {
		if received[id] == 0 {
			lost++
		}
	}
	again := 0
	for id := range maps.Keys(received) {
		again += received[id] - 1
	}
	if lost > 0 || b.Dropped != nil || b.Spooled != 0 {
		t.Errorf("%d of %d acknowledged records did not arrive, dropped %v, %d on disk", lost, len(acked), b.Dropped, b.Spooled)
	}
	t.Logf("%d acknowledged, %d arrived, %d of them again", len(acked), len(received), again)
}

// killSender runs a sender, kills it some time after it has acknowledged so
// many records, and returns the ids of all that it has acknowledged.
func killSender(t *testing.T, args string, after int) (acked []int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledSender$")
	cmd.Env = append(os.Environ(), killEnv+"="+args)
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), "acked ")
		if !ok {
			continue
		}
		id, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err) // a line is one write, whole or not at all
		}
		if acked = append(acked, id); len(acked) == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(acked) < after {
		t.Fatalf("the sender ended by itself: %v\n%s", err, log.String())
	}
	return acked
}

// seed returns SLUICE_SEED, or a fresh one, and prints it.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := rand.Uint64()
	if s := os.Getenv("SLUICE_SEED"); s != "" {
		var err error
		if n, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal("SLUICE_SEED: ", err)
		}
	}
	t.Logf("SLUICE_SEED=%d", n)
	return n
}
