package peer_test

import (
	"testing"
	"time"

	"github.com/seed2f724858/sluice/collector/peer"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp"
	"github.com/seed2f724858/sluice/exporters/otlp/otlpgrpc"
	"github.com/seed2f724858/sluice/processors"
)

// hasty is for tests in which nobody answers. Elsewhere a short timeout would
// make duplicates on a slow machine.
const hasty = exporters.Duration(time.Second)

func overHTTP(t *testing.T, p *peer.Peer, set func(*otlp.Config)) exporters.Sink {
	t.Helper()
	cfg := otlp.DefaultConfig()
	cfg.Endpoint, cfg.Timeout = p.HTTP+"/v1/logs", exporters.Duration(patience)
	if set != nil {
		set(&cfg)
	}
	e, err := otlp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func overGRPC(t *testing.T, p *peer.Peer, set func(*otlpgrpc.Config)) exporters.Sink {
	t.Helper()
	cfg := otlpgrpc.DefaultConfig()
	cfg.Endpoint, cfg.Timeout = p.GRPC, exporters.Duration(patience)
	if set != nil {
		set(&cfg)
	}
	e, err := otlpgrpc.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Whatever the encoding, a Collector gets every record once.
func TestDelivers(t *testing.T) {
	p := peer.Start(t)
	encoded := func(encoding, compression string) func(*testing.T) exporters.Sink {
		return func(t *testing.T) exporters.Sink {
			return overHTTP(t, p, func(c *otlp.Config) { c.Encoding, c.Compression = encoding, compression })
		}
	}
	compressed := func(compression string) func(*testing.T) exporters.Sink {
		return func(t *testing.T) exporters.Sink {
			return overGRPC(t, p, func(c *otlpgrpc.Config) { c.Compression = compression })
		}
	}
	before := map[string]int{}
	for _, test := range []struct {
		name string
		sink func(*testing.T) exporters.Sink
	}{
		{"HTTP protobuf", encoded("protobuf", "none")},
		{"HTTP protobuf gzip", encoded("protobuf", "gzip")},
		{"HTTP protobuf zstd", encoded("protobuf", "zstd")},
		{"HTTP JSON", encoded("json", "none")},
		{"HTTP JSON gzip", encoded("json", "gzip")},
		{"HTTP, small requests", func(t *testing.T) exporters.Sink {
			return overHTTP(t, p, func(c *otlp.Config) { c.MaxRequestSize = 4 * exporters.KiB })
		}},
		{"gRPC", compressed("none")},
		{"gRPC gzip", compressed("gzip")},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSender(t, test.sink(t), waiting)
			s.send(3000)
			if err := s.shutdown(patience); err != nil {
				t.Fatal(err)
			}
			s.balance(nil)
			now := p.Received()
			received := map[string]int{}
			for id, times := range now {
				if times > before[id] {
					received[id] = times - before[id]
				}
			}
			before = now
			if duplicates := s.arrived(received); duplicates != 0 {
				t.Errorf("%d records arrived again", duplicates)
			}
		})
	}
}

// outage has a Collector go and come back under load. Everything arrives; what
// was on the way may arrive twice.
func outage(t *testing.T, begin, end func(*peer.Peer)) {
	for name, sink := range map[string]func(*testing.T, *peer.Peer) exporters.Sink{
		"HTTP": func(t *testing.T, p *peer.Peer) exporters.Sink {
			return overHTTP(t, p, func(c *otlp.Config) { c.Timeout = hasty })
		},
		"gRPC": func(t *testing.T, p *peer.Peer) exporters.Sink {
			return overGRPC(t, p, func(c *otlpgrpc.Config) { c.Timeout = hasty })
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := peer.Start(t)
			s := newSender(t, sink(t, p), waiting)
			for range 3 {
				s.send(1000)
				s.settle()
				stop := s.load()
				begin(p)
				s.failure()
				end(p)
				stop()
			}
			if err := s.shutdown(patience); err != nil {
				t.Error(err)
			}
			s.balance(nil)
			t.Logf("%d of %d records arrived again", s.arrived(p.Received()), s.sent)
		})
	}
}

func TestCollectorKilledAndRestarted(t *testing.T) {
	outage(t, (*peer.Peer).Kill, (*peer.Peer).Restart)
}

func TestCollectorStoppedAndContinued(t *testing.T) {
	outage(t, (*peer.Peer).Stop, (*peer.Peer).Cont)
}

func TestCollectorRefuses(t *testing.T) {
	outage(t, (*peer.Peer).Refuse, (*peer.Peer).Accept)
}

// Without a disk queue an outage that is longer than the queue in memory costs
// records. Callers go on, and what is lost is counted.
func TestDropsAreCountedWithoutDiskQueue(t *testing.T) {
	p := peer.Start(t)
	s := newSender(t, overHTTP(t, p, nil), func(c *processors.BatchConfig) {
		c.MaxQueueSize, c.OnFull = 1000, processors.DropOldest
	})
	p.Refuse()
	s.send(600)
	s.failure()
	s.send(5000)
	if b := s.books(); b.Queued+b.InFlight > 1000 || b.DroppedTotal() < 4600 {
		t.Errorf("%d waiting, %v dropped of %d", b.Queued+b.InFlight, b.Dropped, s.sent)
	}
	p.Accept()
	s.flush()
	if err := s.shutdown(patience); err != nil {
		t.Error(err)
	}
	s.balance(map[string]uint64{processors.CauseQueueFull: s.books().Dropped[processors.CauseQueueFull]})
	if duplicates := s.arrived(p.Received()); duplicates != 0 {
		t.Errorf("%d records arrived again although each refusal was told", duplicates)
	}
}

// Shutdown returns when its time is up, and what a dead Collector did not take
// is counted.
func TestShutdownWithDeadCollector(t *testing.T) {
	p := peer.Start(t)
	s := newSender(t, overHTTP(t, p, nil), nil)
	s.send(100)
	s.flush()
	p.Kill()
	s.send(200)
	s.failure()
	if err := s.shutdown(100 * time.Millisecond); err == nil {
		t.Error("no error although 200 records are lost")
	}
	s.balance(map[string]uint64{processors.CauseShutdown: 200})
	if duplicates := s.arrived(p.Received()); duplicates != 0 {
		t.Errorf("%d records arrived again", duplicates)
	}
}
