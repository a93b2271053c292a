package otlpgrpc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp/otlpgrpc"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

func listenUnix(path string) (net.Listener, error) { return net.Listen("unix", path) }

// closedPort returns an address at which nobody listens.
func closedPort(t testing.TB) string {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	defer l.Close()
	return l.Addr().String()
}

// wantRetryable writes one record and wants it not delivered, but worth
// another try.
func wantRetryable(t testing.TB, s exporters.Sink, words string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	n, err := s.Write(ctx, sinktest.Records("fault", 0, 2))
	if n != 0 || err == nil {
		t.Fatalf("Write = %d, %v; want 0 and an error", n, err)
	}
	if kind, _ := exporters.Classify(err); kind != exporters.Retryable {
		t.Errorf("kind %d, want retryable: %v", kind, err)
	}
	if ctx.Err() != nil {
		t.Errorf("Write did not return by itself")
	}
	if !strings.Contains(err.Error(), words) {
		t.Errorf("error %q does not say %q", err, words)
	}
}

func TestIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	s := serveOn(t, l, new(server))
	write(t, newExporter(t, config(s.addr)), "six")
}

func TestUnreachable(t *testing.T) {
	for name, c := range map[string]struct{ endpoint, words string }{
		"closed port":  {"http://" + closedPort(t), "refused"},
		"no such name": {"http://collector.invalid:4317", "collector.invalid"},
		"no socket":    {"unix://" + t.TempDir() + "/none.sock", "none.sock"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := otlpgrpc.DefaultConfig()
			cfg.Endpoint = c.endpoint
			e := newExporter(t, cfg)
			wantRetryable(t, e, c.words)
			wantRetryable(t, e, c.words)
		})
	}
}

// Each Write after a failure dials at once: the pauses are the business of who
// retries.
func TestServerRestarts(t *testing.T) {
	first := serve(t, new(server))
	e := newExporter(t, config(first.addr))
	write(t, e, "before")
	first.Stop()
	for range 5 {
		wantRetryable(t, e, first.addr)
	}
	second := serveOn(t, listen(t, first.addr), new(server))
	write(t, e, "after")
	if got := second.ids(t); len(got) != 1 {
		t.Errorf("arrived: %q", got)
	}
}

// A connection that was closed while nobody used it costs no record, and no
// error, if that was noticed; else the record is worth another try.
func TestServerClosesIdleConnection(t *testing.T) {
	s := serve(t, new(server))
	way := newWay(t, s.addr)
	e := newExporter(t, config(way.addr))
	write(t, e, "one")
	way.cut()
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	for {
		n, err := e.Write(ctx, sinktest.Records("two", 0, 1))
		if n == 1 && err == nil {
			break
		}
		if kind, _ := exporters.Classify(err); kind != exporters.Retryable || ctx.Err() != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	if got := s.ids(t); len(got) != 2 {
		t.Errorf("arrived: %q, want each record once", got)
	}
}

// A reset in the middle of a call.
func TestReset(t *testing.T) {
	arrived := make(chan struct{}, 1)
	var answer atomic.Bool
	s := serve(t, &server{respond: func(ctx context.Context, _ *logspb.LogsData) (proto.Message, error) {
		if answer.Load() {
			return raw(nil), nil
		}
		arrived <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	way := newWay(t, s.addr)
	e := newExporter(t, config(way.addr))
	result := make(chan error, 1)
	go func() {
		_, err := e.Write(context.Background(), sinktest.Records("reset", 0, 1))
		result <- err
	}()
	<-arrived
	way.cut()
	err := <-result
	if kind, _ := exporters.Classify(err); err == nil || kind != exporters.Retryable {
		t.Errorf("Write = %v, want a retryable error", err)
	}
	answer.Store(true)
	write(t, e, "again")
}

// A listener that resets every connection, and one that is no server of gRPC.
func TestNoServer(t *testing.T) {
	for name, c := range map[string]struct {
		talk  func(net.Conn)
		words string
	}{
		"resets":        {reset, "Unavailable"},
		"closes":        {func(c net.Conn) { _ = c.Close() }, "Unavailable"},
		"speaks HTTP/1": {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n"); _ = c.Close() }, "Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, "127.0.0.1:0")
			var wg sync.WaitGroup
			wg.Go(func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					c.talk(conn)
				}
			})
			defer wg.Wait()
			defer l.Close()
			e := newExporter(t, config(l.Addr().String()))
			wantRetryable(t, e, c.words)
			wantRetryable(t, e, c.words)
		})
	}
}

// A connection that is only half open is noticed by the call that runs out of
// time in it, and the next call has another one.
func TestHalfOpen(t *testing.T) {
	s := serve(t, new(server))
	way := newWay(t, s.addr)
	c := config(way.addr)
	c.Timeout = exporters.Duration(300 * time.Millisecond)
	e := newExporter(t, c)
	write(t, e, "before")
	way.silence() // this connection, for good
	wantRetryable(t, e, "no answer within 300ms")
	write(t, e, "after")
	if got := s.ids(t); len(got) != 2 {
		t.Errorf("arrived: %q", got)
	}
}

// A server that accepts and never says a word.
func TestNeverAnswers(t *testing.T) {
	l := listen(t, "127.0.0.1:0") // the kernel accepts
	defer l.Close()
	c := config(l.Addr().String())
	c.Timeout = exporters.Duration(200 * time.Millisecond)
	e := newExporter(t, c)
	wantRetryable(t, e, "no answer within 200ms")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := e.Write(ctx, sinktest.Records("ctx", 0, 1))
	if kind, _ := exporters.Classify(err); !errors.Is(err, context.DeadlineExceeded) || kind != exporters.Retryable {
		t.Errorf("Write = %v, want the context's error, retryable", err)
	}
}

// A slow call is not cut off because another one ran out of time.
func TestOthersGoOn(t *testing.T) {
	arrived, answer := make(chan struct{}), make(chan struct{})
	s := serve(t, &server{respond: func(ctx context.Context, in *logspb.LogsData) (proto.Message, error) {
		if len(in.GetResourceLogs()[0].GetScopeLogs()[0].GetLogRecords()) == 1 {
			close(arrived)
			<-answer
			return raw(nil), nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	c := config(s.addr)
	c.Timeout = 0
	e := newExporter(t, c)
	result := make(chan error, 1)
	go func() {
		_, err := e.Write(context.Background(), sinktest.Records("slow", 0, 1))
		result <- err
	}()
	<-arrived
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := e.Write(ctx, sinktest.Records("late", 0, 2)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Write = %v", err)
	}
	close(answer)
	if err := <-result; err != nil {
		t.Errorf("the other Write = %v", err)
	}
}

// Requests are made in memory that is used again: whoever is cut off must not
// have its bytes changed while they are being sent. The server parses each.
func TestCutOffRequestsStayWhole(t *testing.T) {
	var calls atomic.Int32
	s := serve(t, &server{respond: func(context.Context, *logspb.LogsData) (proto.Message, error) {
		if calls.Add(1)%3 == 0 {
			return nil, status.Error(codes.Unavailable, "later")
		}
		return raw(nil), nil
	}})
	e := newExporter(t, config(s.addr))
	var wg sync.WaitGroup
	for _, series := range []string{"a", "b", "c", "d"} {
		wg.Go(func() {
			for i := range 100 {
				patience := time.Duration(i%10) * 300 * time.Microsecond
				if i%10 == 9 {
					patience = hang
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				_, err := e.Write(ctx, sinktest.Records(series, 0, 400)) // some 50 kB
				cancel()
				if err == nil {
					continue
				}
				if kind, _ := exporters.Classify(err); kind != exporters.Retryable {
					t.Errorf("Write: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if len(s.taken) == 0 {
		t.Error("nothing arrived")
	}
	for _, in := range s.taken {
		if n := len(in.GetResourceLogs()[0].GetScopeLogs()[0].GetLogRecords()); n != 400 {
			t.Errorf("a request of %d records, want 400", n)
		}
	}
}

// The Retry decorator brings records through an outage.
func TestUnderRetry(t *testing.T) {
	var calls atomic.Int32
	s := serve(t, &server{respond: func(context.Context, *logspb.LogsData) (proto.Message, error) {
		if calls.Add(1) < 4 {
			return nil, status.Error(codes.Unavailable, "starting")
		}
		return raw(nil), nil
	}})
	retry, err := exporters.NewRetry(newExporter(t, config(s.addr)), exporters.RetryConfig{
		Initial: exporters.Duration(time.Millisecond), Max: exporters.Duration(time.Millisecond), MaxElapsed: exporters.Unlimited,
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, retry, "retried")
	if got := s.ids(t); len(got) != 1 {
		t.Errorf("arrived: %q", got)
	}
}
