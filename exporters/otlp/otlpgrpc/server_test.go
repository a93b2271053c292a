package otlpgrpc_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp/otlpgrpc"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// hang bounds what must not block; reached only when a test fails.
const hang = 30 * time.Second

// server is gRPC's own server with a LogsService. Its messages are parsed by
// the generated code; a LogsData has the bytes of a request.
type server struct {
	*grpc.Server
	addr string
	// respond, if it is set, decides on a request.
	respond func(ctx context.Context, in *logspb.LogsData) (proto.Message, error)

	mu       sync.Mutex
	taken    []*logspb.LogsData // those answered without an error
	calls    int
	metadata []metadata.MD
}

// serve starts a server on a loopback port.
func serve(t testing.TB, s *server, options ...grpc.ServerOption) *server {
	t.Helper()
	return serveOn(t, listen(t, "127.0.0.1:0"), s, options...)
}

func listen(t testing.TB, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func serveOn(t testing.TB, l net.Listener, s *server, options ...grpc.ServerOption) *server {
	t.Helper()
	s.addr = l.Addr().String()
	s.Server = grpc.NewServer(options...)
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "opentelemetry.proto.collector.logs.v1.LogsService",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Export", Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			in := new(logspb.LogsData)
			if err := decode(in); err != nil {
				return nil, err
			}
			return s.export(ctx, in)
		}}},
	}, nil)
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() {
		s.Stop()
		wg.Wait()
	})
	return s
}

func (s *server) export(ctx context.Context, in *logspb.LogsData) (any, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	s.mu.Lock()
	s.calls++
	s.metadata = append(s.metadata, md)
	s.mu.Unlock()
	var out proto.Message = new(emptypb.Empty)
	if s.respond != nil {
		var err error
		if out, err = s.respond(ctx, in); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	s.taken = append(s.taken, in)
	s.mu.Unlock()
	return out, nil
}

// ids returns the ids of the records taken, in order.
func (s *server) ids(t testing.TB) []string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []byte
	for _, in := range s.taken {
		b, err := proto.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return sinktest.IDs(out)
}

func (s *server) requests() (calls, taken int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls, len(s.taken)
}

// lastMetadata returns that of the latest call.
func (s *server) lastMetadata(t testing.TB) metadata.MD {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.metadata) == 0 {
		t.Fatal("no call arrived")
	}
	return s.metadata[len(s.metadata)-1]
}

// partial returns an ExportLogsServiceResponse. The generated one is in a
// package that links an HTTP gateway; an empty message carries its fields just
// as well.
func partial(t testing.TB, rejected int64, message string) proto.Message {
	t.Helper()
	var p []byte
	p = protowire.AppendTag(p, 1, protowire.VarintType)
	p = protowire.AppendVarint(p, uint64(rejected))
	p = protowire.AppendTag(p, 2, protowire.BytesType)
	p = protowire.AppendString(p, message)
	return raw(protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), p))
}

func raw(b []byte) proto.Message {
	m := new(emptypb.Empty)
	m.ProtoReflect().SetUnknown(b)
	return m
}

// config returns settings for a server without TLS.
func config(addr string) otlpgrpc.Config {
	c := otlpgrpc.DefaultConfig()
	c.Endpoint = "http://" + addr
	return c
}

// newExporter returns an Exporter that is shut down at the end.
func newExporter(t testing.TB, c otlpgrpc.Config) *otlpgrpc.Exporter {
	t.Helper()
	e, err := otlpgrpc.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), hang)
		defer cancel()
		if err := e.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return e
}

// write writes one record and wants it delivered.
func write(t testing.TB, s exporters.Sink, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	recs := sinktest.Records(id, 0, 1)
	if n, err := s.Write(ctx, recs); n != 1 || err != nil {
		t.Fatalf("Write = %d, %v; want 1, nil", n, err)
	}
}
