//go:build !race

package socket

import (
	"testing"

	"github.com/seed2f724858/sluice/exporters/sinktest"
)

func TestFramesAllocateNothing(t *testing.T) {
	recs := sinktest.Records("seq", 0, 100)
	for _, c := range []Config{
		{Format: "json", Framing: "newline", Endpoint: "tcp://localhost:1"},
		{Format: "text", Framing: "length", Endpoint: "tls://localhost:1"},
		{Format: "otlp_json", Framing: "newline", Endpoint: "tcp://localhost:1"},
		{Format: "logfmt", Framing: "newline", Endpoint: "udp://localhost:1"},
	} {
		ep, err := parseEndpoint(c.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		enc, err := c.encoder()
		if err != nil {
			t.Fatal(err)
		}
		f, out := newFormat(c, ep, enc), new(frames)
		if n := testing.AllocsPerRun(100, func() {
			if err := f.fill(out, recs); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%s to %s: %v allocations a batch, want 0", c.Format, c.Endpoint, n)
		}
	}
}

// BenchmarkWrite sends batches of 512 to a receiver that discards them.
func BenchmarkWrite(b *testing.B) {
	recs := sinktest.Records("seq", 0, 512)
	for name, open := range map[string]func(testing.TB) *Exporter{
		"tcp": func(t testing.TB) *Exporter {
			ln := listenTCP(t)
			discard(t, ln)
			return open(t, config("tcp://"+ln.Addr().String()))
		},
		"udp": func(t testing.TB) *Exporter {
			conn, endpoint := listenUDP(t)
			discardPackets(t, conn)
			return open(t, config(endpoint))
		},
	} {
		b.Run(name, func(b *testing.B) {
			e := open(b)
			b.ReportAllocs()
			for b.Loop() {
				if n, err := e.Write(b.Context(), recs); n != len(recs) || err != nil {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(recs)), "ns/record")
		})
	}
}
