package otlp

import (
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// Making a request allocates nothing once the memory is there.
func TestRequestsAreMadeWithoutAllocating(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget")
	}
	recs := sinktest.Records("alloc", 0, 512)
	for _, compression := range []string{"none", "gzip", "zstd"} {
		t.Run(compression, func(t *testing.T) {
			var p packer
			if err := p.init(compression); err != nil {
				t.Fatal(err)
			}
			enc := encode.OTLPProto()
			var b buffers
			pack := func() {
				b.plain, _ = enc.AppendUpTo(b.plain[:0], recs, math.MaxInt)
				var err error
				if b.packed, err = p.pack(b.packed[:0], b.plain, p.compression()); err != nil {
					t.Error(err)
				}
			}
			for range 2 * runtime.GOMAXPROCS(0) { // zstd has a state for each
				pack()
			}
			if n := testing.AllocsPerRun(20, pack); n > 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// BenchmarkWrite sends 512 records a time to a server that takes them.
func BenchmarkWrite(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	recs := sinktest.Records("bench", 0, 512)
	for _, c := range []struct{ name, encoding, compression string }{
		{"protobuf", "protobuf", "none"},
		{"gzip", "protobuf", "gzip"},
		{"zstd", "protobuf", "zstd"},
		{"json", "json", "none"},
	} {
		b.Run(c.name, func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.Endpoint, cfg.Encoding, cfg.Compression = server.URL, c.encoding, c.compression
			e, err := New(cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = e.Shutdown(context.Background()) }()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Write(b.Context(), recs); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(recs)), "ns/record")
		})
	}
}

// BenchmarkPack compresses a request of 512 records.
func BenchmarkPack(b *testing.B) {
	plain, _ := encode.OTLPProto().AppendUpTo(nil, sinktest.Records("bench", 0, 512), math.MaxInt)
	for _, name := range []string{"gzip", "zstd"} {
		b.Run(name, func(b *testing.B) {
			var p packer
			if err := p.init(name); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(plain)))
			var packed []byte
			for b.Loop() {
				packed, _ = p.pack(packed[:0], plain, p.compression())
			}
			b.ReportMetric(float64(len(plain))/float64(len(packed)), "ratio")
		})
	}
}
