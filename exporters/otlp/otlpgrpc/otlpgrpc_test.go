package otlpgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp/otlpgrpc"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

func TestMain(m *testing.M) {
	if endpoint := os.Getenv(childVariable); endpoint != "" {
		child(endpoint)
		return
	}
	goleak.VerifyTestMain(m)
}

func TestConformance(t *testing.T) {
	for _, compression := range []string{"none", "gzip"} {
		t.Run(compression, func(t *testing.T) {
			sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
				// A hostile record of 10 MB is sent alone.
				s := serve(t, new(server), grpc.MaxRecvMsgSize(64<<20))
				c := config(s.addr)
				c.Compression = compression
				e, err := otlpgrpc.New(c)
				if err != nil {
					t.Fatal(err)
				}
				return e, func() []string { return s.ids(t) }
			}})
		})
	}
}

// The records arrive as the protobuf encoder, whose own tests compare it with
// the schema, has them.
func TestRequest(t *testing.T) {
	s := serve(t, new(server))
	e := newExporter(t, config(s.addr))
	recs := sinktest.Records("whole", 0, 3)
	if n, err := e.Write(t.Context(), recs); n != 3 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	want := new(logspb.LogsData)
	if err := proto.Unmarshal(encode.OTLPProto().AppendBatch(nil, recs), want); err != nil {
		t.Fatal(err)
	}
	if got := s.taken[0]; !proto.Equal(got, want) {
		t.Errorf("arrived:\n%v\nwant\n%v", got, want)
	}
}

// Records that were encoded before make the same request as others.
func TestWriteOTLP(t *testing.T) {
	s := serve(t, new(server))
	e := newExporter(t, config(s.addr))
	if !exporters.CanForward(e) {
		t.Fatal("does not forward")
	}
	recs := sinktest.Records("encoded", 0, 20)
	enc := encode.OTLPProto()
	origin := &encode.OTLPOrigin{
		Resource: enc.AppendResourceFields(nil, recs[0].Origin),
		Scope:    enc.AppendScopeFields(nil, recs[0].Origin),
	}
	encoded := make([]encode.OTLPRecord, len(recs))
	for i := range recs {
		encoded[i] = encode.OTLPRecord{Origin: origin, Log: enc.AppendLog(nil, &recs[i])}
	}
	for name, write := range map[string]func() (int, error){
		"Write":     func() (int, error) { return e.Write(t.Context(), recs) },
		"WriteOTLP": func() (int, error) { return e.WriteOTLP(t.Context(), encoded) },
	} {
		if n, err := write(); n != len(recs) || err != nil {
			t.Fatalf("%s = %d, %v", name, n, err)
		}
	}
	if !proto.Equal(s.taken[0], s.taken[1]) {
		t.Errorf("one arrived as\n%v\nthe other as\n%v", s.taken[0], s.taken[1])
	}
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := e.WriteOTLP(t.Context(), encoded); n != 0 || !errors.Is(err, exporters.ErrClosed) {
		t.Errorf("WriteOTLP after Shutdown = %d, %v; want 0, ErrClosed", n, err)
	}
}

func TestMetadata(t *testing.T) {
	s := serve(t, new(server))
	c := config(s.addr)
	c.Headers = map[string]exporters.Secret{"API-Key": "k 1", "place-bin": "Zürich"}
	c.HeadersList = "api-key=other,tenant=a%20b"
	c.Compression = "gzip"
	e := newExporter(t, c)
	// What the caller's context carries is for other servers.
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer somebody")
	if _, err := e.Write(ctx, sinktest.Records("md", 0, 1)); err != nil {
		t.Fatal(err)
	}
	md := s.lastMetadata(t)
	for key, want := range map[string][]string{
		"api-key":       {"k 1"},
		"tenant":        {"a b"},
		"place-bin":     {"Zürich"},
		"authorization": nil,
		"content-type":  {"application/grpc+proto"},
	} {
		if got := md.Get(key); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if agent := strings.Join(md.Get("user-agent"), " "); !strings.Contains(agent, "sluice/") || !strings.Contains(agent, "OTel-OTLP-Exporter-Go/") {
		t.Errorf("user-agent: %q", agent)
	}
}

func TestUserAgentOfOnesOwn(t *testing.T) {
	s := serve(t, new(server))
	c := config(s.addr)
	c.Headers = map[string]exporters.Secret{"User-Agent": "shop/1.0"}
	write(t, newExporter(t, c), "agent")
	if agent := s.lastMetadata(t).Get("user-agent"); len(agent) != 1 || !strings.HasPrefix(agent[0], "shop/1.0 ") {
		t.Errorf("user-agent: %q", agent)
	}
}

func TestUnixSocket(t *testing.T) {
	path := t.TempDir() + "/otlp.sock"
	l, err := listenUnix(path)
	if err != nil {
		t.Skipf("no Unix sockets here: %v", err)
	}
	s := serveOn(t, l, new(server))
	c := otlpgrpc.DefaultConfig()
	c.Endpoint = "unix://" + path
	write(t, newExporter(t, c), "unix")
	if got := s.ids(t); len(got) != 1 {
		t.Errorf("arrived: %q", got)
	}
}

// The second endpoint takes over while the first is down.
func TestSeveralEndpoints(t *testing.T) {
	s := serve(t, new(server))
	c := otlpgrpc.DefaultConfig()
	c.Endpoints = []string{"http://" + closedPort(t), "http://" + s.addr}
	e := newExporter(t, c)
	for i := range 3 {
		write(t, e, fmt.Sprintf("%c", 'a'+i))
	}
	if got := s.ids(t); len(got) != 3 {
		t.Errorf("arrived: %q", got)
	}
	if got := e.Counts().Detoured(); got != 3 {
		t.Errorf("detoured: %d, want 3", got)
	}
	if !exporters.CanForward(e) || !exporters.IsQuiet(e) {
		t.Error("several endpoints do not forward, or are not quiet")
	}
}

func TestShutdownCutsOff(t *testing.T) {
	arrived := make(chan struct{})
	s := serve(t, &server{respond: func(ctx context.Context, _ *logspb.LogsData) (proto.Message, error) {
		close(arrived)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	e := newExporter(t, config(s.addr))
	result := make(chan error, 1)
	go func() {
		_, err := e.Write(context.Background(), sinktest.Records("cut", 0, 1))
		result <- err
	}()
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown = %v, want that it cut a Write off", err)
	}
	err := <-result
	// Somebody else may still deliver them.
	if kind, _ := exporters.Classify(err); err == nil || kind != exporters.Retryable {
		t.Errorf("Write = %v, want a retryable error", err)
	}
}

// Shutdown waits for what is under way as long as it may.
func TestShutdownWaits(t *testing.T) {
	arrived, answer := make(chan struct{}), make(chan struct{})
	s := serve(t, &server{respond: func(context.Context, *logspb.LogsData) (proto.Message, error) {
		close(arrived)
		<-answer
		return raw(nil), nil
	}})
	e := newExporter(t, config(s.addr))
	result := make(chan error, 1)
	go func() {
		_, err := e.Write(context.Background(), sinktest.Records("wait", 0, 1))
		result <- err
	}()
	<-arrived
	down := make(chan error, 1)
	go func() { down <- e.Shutdown(context.Background()) }()
	for {
		// Shutdown is under way when new records are refused.
		if _, err := e.Write(t.Context(), nil); errors.Is(err, exporters.ErrClosed) {
			break
		}
	}
	close(answer)
	if err := <-result; err != nil {
		t.Errorf("Write = %v, want it delivered", err)
	}
	if err := <-down; err != nil {
		t.Errorf("Shutdown = %v", err)
	}
}
