package httpclient_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
	"github.com/seed2f724858/sluice/exporters/internal/tlstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newClient(t *testing.T, c httpclient.Config) *httpclient.Client {
	t.Helper()
	client, err := httpclient.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdle)
	return client
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func post(t *testing.T, to, body string) *httpclient.Request {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	return &httpclient.Request{Method: http.MethodPost, URL: u, Header: http.Header{"X-Key": {"s3cret"}}, Body: []byte(body)}
}

func TestDo(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, unwanted := range []string{"Idempotency-Key", "Accept-Encoding"} {
			if _, ok := r.Header[unwanted]; ok {
				t.Errorf("sent header %s", unwanted)
			}
		}
		w.Header().Set("X-Answer", r.Header.Get("X-Key"))
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(append([]byte(r.Method+" "), body...))
	})
	c := newClient(t, httpclient.Config{})
	r := post(t, s.URL, "hello")
	a, err := c.Do(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if a.Status != http.StatusTeapot || string(a.Body) != "POST hello" || a.Header.Get("X-Answer") != "s3cret" {
		t.Errorf("answer: %d %q %v", a.Status, a.Body, a.Header)
	}
	if _, ok := r.Header["Idempotency-Key"]; ok {
		t.Error("the caller's header was changed")
	}
	if !r.Released() {
		t.Error("the body of a finished request is not released")
	}
}

func TestBodyIsReleasedOnlyWhenSent(t *testing.T) {
	// The server answers before it has read the body, and goes on reading.
	answered := make(chan struct{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 1))
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
		<-answered
	}()
	c := newClient(t, httpclient.Config{})
	r := post(t, "http://"+ln.Addr().String(), strings.Repeat("x", 32<<20))
	a, err := c.Do(t.Context(), r)
	if err != nil || a.Status != http.StatusRequestEntityTooLarge {
		t.Fatalf("Do: %v, %v", a, err)
	}
	close(answered)
	<-served
	for deadline := time.Now().Add(10 * time.Second); !r.Released(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the body is never released")
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			t.Error("followed")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	a, err := newClient(t, httpclient.Config{}).Do(t.Context(), post(t, s.URL, "x"))
	if err != nil || a.Status != http.StatusTemporaryRedirect {
		t.Errorf("Do: %v, %v", a, err)
	}
}

func TestAnswerIsBounded(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})
	a, err := newClient(t, httpclient.Config{}).Do(t.Context(), post(t, s.URL, "x"))
	if err != nil || len(a.Body) != httpclient.MaxAnswer {
		t.Errorf("Do: %v", err)
	}
}

func TestHeadersAreBounded(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
	})
	if a, err := newClient(t, httpclient.Config{}).Do(t.Context(), post(t, s.URL, "x")); err == nil {
		t.Errorf("took %d bytes of header", len(a.Header.Get("X-Long")))
	}
}

func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	c := newClient(t, httpclient.Config{Timeout: exporters.Duration(20 * time.Millisecond)})
	_, err := c.Do(t.Context(), post(t, s.URL, "x"))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no whole answer within 20ms") {
		t.Errorf("silent server: %v", err)
	}
	// The caller's own end is told as such.
	cause := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := c.Do(ctx, post(t, s.URL, "x")); !errors.Is(err, cause) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestStatusCountsWhenTheBodyBreaksOff(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		conn.Close()
	})
	a, err := newClient(t, httpclient.Config{}).Do(t.Context(), post(t, s.URL, "x"))
	if err != nil || a.Status != http.StatusOK || len(a.Body) != 0 {
		t.Errorf("Do: %v, %v", a, err)
	}
}

// A kept connection that the server closes instead of answering costs one
// repetition and no error.
func TestClosedKeptConnection(t *testing.T) {
	var requests atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != "again" {
			t.Errorf("body: %q", body)
		}
		if requests.Add(1) == 2 {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_ = conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	})
	c := newClient(t, httpclient.Config{})
	for i := range 2 {
		if a, err := c.Do(t.Context(), post(t, s.URL, "again")); err != nil || a.Status != http.StatusOK {
			t.Fatalf("request %d: %v, %v", i, a, err)
		}
	}
	if n := requests.Load(); n != 3 {
		t.Errorf("%d requests came, want 3: one, and another twice", n)
	}
}

func TestErrorsShowNoSecrets(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	c := newClient(t, httpclient.Config{})
	_, err = c.Do(t.Context(), post(t, "http://user:hunter2@"+addr+"/services/T0KEN?key=hunter2", "x"))
	if err == nil {
		t.Fatal("nobody listens")
	}
	for _, secret := range []string{"hunter2", "user", "T0KEN", "s3cret"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error shows %q: %v", secret, err)
		}
	}
	if !strings.Contains(err.Error(), addr) {
		t.Errorf("error does not say where: %v", err)
	}
	_, err = httpclient.New(httpclient.Config{ProxyURL: "http://user:hunter2@proxy:port"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("proxy: %v", err)
	}
}

func TestTLS(t *testing.T) {
	ca := tlstest.NewAuthority(t)
	cert := ca.Issue(t)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	s.TLS = tlsServer(cert)
	s.Config.ErrorLog = nobody()
	s.StartTLS()
	defer s.Close()
	if a, err := newClient(t, httpclient.Config{TLS: exporters.TLS{CAFile: ca.File}}).Do(t.Context(), post(t, s.URL, "x")); err != nil || a.Status != http.StatusOK {
		t.Errorf("trusted: %v, %v", a, err)
	}
	if _, err := newClient(t, httpclient.Config{}).Do(t.Context(), post(t, s.URL, "x")); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("unknown: %v", err)
	}
	if _, err := httpclient.New(httpclient.Config{TLS: exporters.TLS{CAFile: "none.pem"}}); err == nil {
		t.Error("a missing file is not noticed")
	}
}

// proxy is a proxy that takes every name for that of one server.
type proxy struct {
	*httptest.Server
	to       string // host and port
	mu       sync.Mutex
	requests []string
}

func newProxy(t *testing.T, to *httptest.Server) *proxy {
	p := &proxy{to: to.Listener.Addr().String()}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests = append(p.requests, r.Method+" "+r.URL.String()+" "+r.Header.Get("Proxy-Authorization"))
	p.mu.Unlock()
	if r.Method != http.MethodConnect {
		return
	}
	up, err := net.Dial("tcp", p.to)
	if err != nil {
		http.Error(w, "no", http.StatusBadGateway)
		return
	}
	defer up.Close()
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(up, conn)
		up.Close()
	}()
	_, _ = io.Copy(conn, up)
}

func (p *proxy) want(t *testing.T, requests ...string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.requests, requests) {
		t.Errorf("the proxy got %q, want %q", p.requests, requests)
	}
}

// named is a server for the name collector.test.
func named(t *testing.T, ca *tlstest.Authority) *httptest.Server {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.TLS = tlsServer(ca.Issue(t, tlstest.For("collector.test")))
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func postBoth(t *testing.T, c *httpclient.Client) {
	t.Helper()
	for _, scheme := range []string{"http", "https"} {
		a, err := c.Do(t.Context(), post(t, scheme+"://collector.test/v1/logs", "x"))
		if err != nil || a.Status != http.StatusOK {
			t.Errorf("%s: %v, %v", scheme, a, err)
		}
	}
}

func TestProxyURL(t *testing.T) {
	ca := tlstest.NewAuthority(t)
	p := newProxy(t, named(t, ca))
	c := newClient(t, httpclient.Config{
		TLS:      exporters.TLS{CAFile: ca.File},
		ProxyURL: exporters.Secret(strings.Replace(p.URL, "http://", "http://user:pass@", 1)),
	})
	postBoth(t, c)
	p.want(t, "POST http://collector.test/v1/logs Basic dXNlcjpwYXNz", "CONNECT //collector.test:443 Basic dXNlcjpwYXNz")
}

// net/http reads the environment once a process, so this is one of its own.
func TestProxyFromEnvironment(t *testing.T) {
	if ca := os.Getenv("HTTPCLIENT_CHILD_CA"); ca != "" {
		postBoth(t, newClient(t, httpclient.Config{TLS: exporters.TLS{CAFile: ca}}))
		return
	}
	ca := tlstest.NewAuthority(t)
	p := newProxy(t, named(t, ca))
	cmd := exec.Command(os.Args[0], "-test.run=^TestProxyFromEnvironment$")
	cmd.Env = append(os.Environ(), "HTTPCLIENT_CHILD_CA="+ca.File, "HTTP_PROXY="+p.URL, "HTTPS_PROXY="+p.URL, "NO_PROXY=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.want(t, "POST http://collector.test/v1/logs ", "CONNECT //collector.test:443 ")
}
