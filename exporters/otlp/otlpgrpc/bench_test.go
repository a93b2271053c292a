package otlpgrpc_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// BenchmarkWrite sends 512 records a Write to a server that reads and forgets
// them.
func BenchmarkWrite(b *testing.B) {
	for _, compression := range []string{"none", "gzip"} {
		b.Run(compression, func(b *testing.B) {
			s := grpc.NewServer(grpc.ForceServerCodecV2(blind{}))
			s.RegisterService(&grpc.ServiceDesc{
				ServiceName: "opentelemetry.proto.collector.logs.v1.LogsService",
				HandlerType: (*any)(nil),
				Methods: []grpc.MethodDesc{{MethodName: "Export", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
					return nil, decode(nil)
				}}},
			}, nil)
			l := listen(b, "127.0.0.1:0")
			go func() { _ = s.Serve(l) }()
			defer s.Stop()
			c := config(l.Addr().String())
			c.Compression = compression
			e := newExporter(b, c)
			recs := sinktest.Records("bench", 0, 512)
			b.ReportAllocs()
			for b.Loop() {
				if n, err := e.Write(b.Context(), recs); n != len(recs) || err != nil {
					b.Fatalf("Write = %d, %v", n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(recs)), "ns/record")
		})
	}
}

// blind is a codec that looks at nothing.
type blind struct{}

var _ encoding.CodecV2 = blind{}

func (blind) Marshal(any) (mem.BufferSlice, error) { return nil, nil }
func (blind) Unmarshal(mem.BufferSlice, any) error { return nil }
func (blind) Name() string                         { return "proto" }
