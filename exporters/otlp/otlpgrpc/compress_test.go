package otlpgrpc_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// wire keeps how requests came.
type wire struct {
	mu        sync.Mutex
	encodings []string
	ratio     float64
}

var _ stats.Handler = (*wire)(nil)

func (*wire) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*wire) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*wire) HandleConn(context.Context, stats.ConnStats)                       {}

func (w *wire) HandleRPC(_ context.Context, s stats.RPCStats) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch s := s.(type) {
	case *stats.InHeader:
		w.encodings = append(w.encodings, s.Compression)
	case *stats.InPayload:
		w.ratio = float64(s.CompressedLength) / float64(s.Length)
	}
}

func TestCompression(t *testing.T) {
	for compression, want := range map[string]string{"none": "", "gzip": "gzip"} {
		t.Run(compression, func(t *testing.T) {
			w := new(wire)
			s := serve(t, new(server), grpc.StatsHandler(w))
			c := config(s.addr)
			c.Compression = compression
			e := newExporter(t, c)
			for range 3 {
				if n, err := e.Write(t.Context(), sinktest.Records("gz", 0, 100)); n != 100 || err != nil {
					t.Fatalf("Write = %d, %v", n, err)
				}
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if !slices.Equal(w.encodings, []string{want, want, want}) {
				t.Errorf("grpc-encoding: %q, want %q", w.encodings, want)
			}
			if (w.ratio < 0.5) != (compression == "gzip") {
				t.Errorf("%.2f of the size on the wire", w.ratio)
			}
			if got := len(s.ids(t)); got != 300 {
				t.Errorf("%d records arrived, want 300", got)
			}
		})
	}
}
