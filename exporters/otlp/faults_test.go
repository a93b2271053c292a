package otlp_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/tlstest"
	"github.com/seed2f724858/sluice/exporters/otlp"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// misbehave runs a server that hands each connection to f, and returns its
// endpoint. Connections are closed when f returns, and at the end of the test.
func misbehave(t *testing.T, f func(conn *net.TCPConn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			wg.Go(func() {
				defer conn.Close()
				f(conn.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + ln.Addr().String() + "/v1/logs"
}

// readRequest reads a request with its body.
func readRequest(conn net.Conn) {
	if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
}

func reset(conn *net.TCPConn) { _ = conn.SetLinger(0) }

// short is a timeout for servers that do not answer.
func short(c *otlp.Config) { c.Timeout = exporters.Duration(50 * time.Millisecond) }

// Whatever goes wrong on the way is worth another try.
func TestBrokenWay(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, c := range map[string]struct {
		endpoint string
		serve    func(*net.TCPConn)
		want     string
	}{
		"refused":            {endpoint: "http://" + closed.Addr().String(), want: "refused"},
		"no such host":       {endpoint: "http://collector.invalid:4318/v1/logs", want: "collector.invalid"},
		"closed at once":     {serve: func(*net.TCPConn) {}},
		"reset at once":      {serve: reset},
		"closed after all":   {serve: func(c *net.TCPConn) { readRequest(c) }, want: "the server has closed the connection without an answer (EOF)"},
		"reset after all":    {serve: func(c *net.TCPConn) { readRequest(c); reset(c) }},
		"half a status line": {serve: func(c *net.TCPConn) { readRequest(c); _, _ = io.WriteString(c, "HTTP/1.1 20") }},
		"half the headers":   {serve: func(c *net.TCPConn) { readRequest(c); _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-") }},
		"no HTTP":            {serve: func(c *net.TCPConn) { readRequest(c); _, _ = io.WriteString(c, "\x1b[31m nonsense\r\n\r\n") }},
		"endless headers": {serve: func(c *net.TCPConn) {
			readRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for err := error(nil); err == nil; {
				_, err = io.WriteString(c, "X-More: "+strings.Repeat("x", 1000)+"\r\n")
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := c.endpoint
			if c.serve != nil {
				endpoint = misbehave(t, c.serve)
			}
			e := newExporter(t, config(endpoint))
			n, err := e.Write(t.Context(), sinktest.Records("way", 0, 3))
			if kind, rejected := exporters.Classify(err); n != 0 || err == nil || kind != exporters.Retryable || rejected != 0 {
				t.Fatalf("Write = %d, %v (kind %d)", n, err, kind)
			}
			if !strings.Contains(err.Error(), c.want) || strings.ContainsAny(err.Error(), "\x1b\n") || len(err.Error()) > 800 {
				t.Errorf("error: %q, want %q", err, c.want)
			}
		})
	}
}

// A half-open connection costs the timeout, and is then closed.
func TestSilentServer(t *testing.T) {
	ended := make(chan error, 1)
	endpoint := misbehave(t, func(c *net.TCPConn) {
		readRequest(c)
		_, err := c.Read(make([]byte, 1))
		ended <- err
	})
	e := newExporter(t, config(endpoint, short))
	n, err := e.Write(t.Context(), sinktest.Records("quiet", 0, 3))
	if kind, _ := exporters.Classify(err); n != 0 || !errors.Is(err, context.DeadlineExceeded) || kind != exporters.Retryable {
		t.Errorf("Write = %d, %v", n, err)
	}
	if err := <-ended; !errors.Is(err, io.EOF) {
		t.Errorf("the connection was not closed: %v", err)
	}
}

// A server that reads nothing fills the connection up; that ends, too, and the
// memory that is still being sent is not used for the next request.
func TestServerThatDoesNotRead(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	e := newExporter(t, config(misbehave(t, func(*net.TCPConn) { <-release }), short))
	recs := sinktest.Records("full", 0, 2)
	recs[0].SeverityText = strings.Repeat("x", 16<<20)
	for range 2 {
		n, err := e.Write(t.Context(), recs)
		if kind, _ := exporters.Classify(err); n != 0 || !errors.Is(err, context.DeadlineExceeded) || kind != exporters.Retryable {
			t.Errorf("Write = %d, %v", n, err)
		}
	}
}

// The caller's deadline goes before the timeout.
func TestDeadline(t *testing.T) {
	e := newExporter(t, config(misbehave(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if n, err := e.Write(ctx, sinktest.Records("late", 0, 3)); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Write = %d, %v", n, err)
	}
}

// The status of 2xx is what counts, however the rest of the answer ends.
func TestAnswerThatDoesNotEnd(t *testing.T) {
	for name, rest := range map[string]func(*net.TCPConn){
		"broken off": func(c *net.TCPConn) { _, _ = io.WriteString(c, "Content-Length: 100\r\n\r\nhalf") },
		"reset":      func(c *net.TCPConn) { _, _ = io.WriteString(c, "Content-Length: 100\r\n\r\nhalf"); reset(c) },
		"endless": func(c *net.TCPConn) {
			_, _ = io.WriteString(c, "Content-Length: 1000000000000\r\n\r\n")
			for err := error(nil); err == nil; {
				_, err = c.Write(make([]byte, 4096))
			}
		},
		"slow": func(c *net.TCPConn) {
			_, _ = io.WriteString(c, "Content-Length: 100\r\n\r\nx")
			_, _ = io.Copy(io.Discard, c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := misbehave(t, func(c *net.TCPConn) {
				readRequest(c)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n")
				rest(c)
			})
			e := newExporter(t, config(endpoint, short))
			if n, err := e.Write(t.Context(), sinktest.Records("end", 0, 3)); n != 3 || err != nil {
				t.Errorf("Write = %d, %v", n, err)
			}
		})
	}
}

// A receiver may refuse by the headers alone, and close without reading on.
// That answer must not get lost: the request would be sent for ever.
func TestEarlyRefusal(t *testing.T) {
	for name, linger := range map[string]func(*net.TCPConn){
		"reads on for a while": func(c *net.TCPConn) {
			_ = c.CloseWrite()
			_, _ = io.CopyN(io.Discard, c, 1<<20)
		},
		"closes": func(*net.TCPConn) {},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := misbehave(t, func(c *net.TCPConn) {
				_, _ = c.Read(make([]byte, 1024))
				_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
				linger(c)
			})
			e := newExporter(t, config(endpoint))
			recs := sinktest.Records("early", 0, 1)
			recs[0].SeverityText = strings.Repeat("x", 16<<20)
			n, err := e.Write(t.Context(), recs)
			if kind, _ := exporters.Classify(err); n != 0 || kind != exporters.KindPoison {
				t.Errorf("Write = %d, %v", n, err)
			}
		})
	}
}

// A server that closes connections which wait for their next request, without
// saying so, costs neither records nor errors.
func TestIdleConnectionsClosed(t *testing.T) {
	r := newReceiver(t)
	e := newExporter(t, config(r.endpoint()))
	for i := range 50 {
		if n, err := e.Write(t.Context(), sinktest.Records("idle", i, 1)); n != 1 || err != nil {
			t.Fatalf("Write %d = %d, %v", i, n, err)
		}
		r.CloseClientConnections()
	}
	if got := r.read(); !slices.Equal(slices.Compact(got), ids("idle", 0, 50)) {
		t.Errorf("arrived: %v", got)
	}
}

func TestServerComesBack(t *testing.T) {
	first := newReceiver(t)
	addr := first.Listener.Addr().String()
	e := newExporter(t, config(first.endpoint()))
	if _, err := e.Write(t.Context(), sinktest.Records("back", 0, 1)); err != nil {
		t.Fatal(err)
	}
	first.Close()
	if _, err := e.Write(t.Context(), sinktest.Records("back", 1, 1)); err == nil {
		t.Fatal("nobody listens")
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skipf("somebody else took the port: %v", err)
	}
	second := &receiver{t: t}
	second.Server = &httptest.Server{Listener: ln, Config: &http.Server{Handler: second}}
	second.Start()
	defer second.Close()
	if n, err := e.Write(t.Context(), sinktest.Records("back", 1, 1)); n != 1 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	if got := second.read(); !slices.Equal(got, ids("back", 1, 1)) {
		t.Errorf("arrived: %v", got)
	}
}

func TestTLS(t *testing.T) {
	ca := tlstest.NewAuthority(t)
	own := ca.Issue(t)
	for name, c := range map[string]struct {
		cert   tlstest.Certificate
		mutual bool
		tls    exporters.TLS
		want   string
	}{
		"trusted":             {cert: ca.Issue(t), tls: exporters.TLS{CAFile: ca.File}},
		"not trusted":         {cert: ca.Issue(t), want: "unknown authority"},
		"expired":             {cert: ca.Issue(t, tlstest.Expired), tls: exporters.TLS{CAFile: ca.File}, want: "expired"},
		"another's":           {cert: ca.Issue(t, tlstest.For("other.test")), tls: exporters.TLS{CAFile: ca.File}, want: "127.0.0.1"},
		"mutual":              {cert: ca.Issue(t), mutual: true, tls: exporters.TLS{CAFile: ca.File, CertFile: own.CertFile, KeyFile: own.KeyFile}},
		"mutual, without own": {cert: ca.Issue(t), mutual: true, tls: exporters.TLS{CAFile: ca.File}, want: "certificate required"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &receiver{t: t}
			r.Server = httptest.NewUnstartedServer(r)
			r.Config.ErrorLog = log.New(io.Discard, "", 0)
			r.Server.TLS = &tls.Config{Certificates: []tls.Certificate{c.cert.Certificate}, ClientCAs: ca.Pool}
			if c.mutual {
				r.Server.TLS.ClientAuth = tls.RequireAndVerifyClientCert
			}
			r.StartTLS()
			t.Cleanup(r.Close)
			e := newExporter(t, config(r.endpoint(), func(cfg *otlp.Config) { cfg.TLS = c.tls }))
			n, err := e.Write(t.Context(), sinktest.Records("tls", 0, 2))
			if c.want == "" {
				if n != 2 || err != nil || len(r.read()) != 2 {
					t.Errorf("Write = %d, %v", n, err)
				}
				return
			}
			// Certificates get renewed, so it is worth another try.
			if kind, _ := exporters.Classify(err); n != 0 || err == nil || kind != exporters.Retryable || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Write = %d, %v; want %q", n, err, c.want)
			}
		})
	}
	for name, serve := range map[string]func(*net.TCPConn){
		"no TLS":                   func(c *net.TCPConn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") },
		"closed in the handshake":  func(c *net.TCPConn) { _, _ = c.Read(make([]byte, 1)) },
		"silence in the handshake": func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) },
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := strings.Replace(misbehave(t, serve), "http:", "https:", 1)
			n, err := newExporter(t, config(endpoint, short)).Write(t.Context(), sinktest.Records("tls", 0, 2))
			if kind, _ := exporters.Classify(err); n != 0 || err == nil || kind != exporters.Retryable {
				t.Errorf("Write = %d, %v", n, err)
			}
		})
	}
}

// stalled returns an exporter and the result of its Write, which is waiting
// for an answer that comes when release is closed.
func stalled(t *testing.T) (e *otlp.Exporter, release chan struct{}, result <-chan error) {
	t.Helper()
	arrived := make(chan struct{})
	release = make(chan struct{})
	r := newReceiver(t)
	r.answer = func(http.ResponseWriter, int, int) bool {
		close(arrived)
		<-release
		return true
	}
	e, err := otlp.New(config(r.endpoint()))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := e.Write(context.Background(), sinktest.Records("stall", 0, 1))
		done <- err
	}()
	<-arrived
	return e, release, done
}

func TestShutdownWaits(t *testing.T) {
	e, release, result := stalled(t)
	down := make(chan error, 1)
	go func() { down <- e.Shutdown(t.Context()) }()
	for { // until Shutdown has begun
		if _, err := e.Write(t.Context(), nil); errors.Is(err, exporters.ErrClosed) {
			break
		}
	}
	select {
	case err := <-down:
		t.Errorf("Shutdown did not wait: %v", err)
	default:
	}
	close(release)
	if err := <-result; err != nil {
		t.Errorf("Write: %v", err)
	}
	if err := <-down; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestShutdownCutsOff(t *testing.T) {
	e, release, result := stalled(t)
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := e.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	// Somebody else may still deliver them.
	err := <-result
	if kind, _ := exporters.Classify(err); err == nil || kind != exporters.Retryable || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("Write: %v", err)
	}
}

func TestShutdownWithoutTime(t *testing.T) {
	r := newReceiver(t)
	e, err := otlp.New(config(r.endpoint()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Write(t.Context(), sinktest.Records("end", 0, 1)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown with nothing under way: %v", err)
	}
}
