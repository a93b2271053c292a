package httplog_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/bridge/httplog"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newLogger(t testing.TB) (*slog.Logger, *sinktest.Memory, *processors.Pipeline) {
	t.Helper()
	memory := &sinktest.Memory{}
	simple, err := processors.NewSimple(memory, processors.DefaultSimpleConfig())
	if err != nil {
		t.Fatal(err)
	}
	p, err := processors.NewPipeline(processors.DefaultConfig(), simple)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return bridge.NewLogger("shop.http", bridge.WithPipeline(p)), memory, p
}

// site is a real server over loopback whose requests are logged.
type site struct {
	*httptest.Server
	memory   *sinktest.Memory
	errorLog bytes.Buffer // read it after end
}

func serve(t *testing.T, h http.Handler, opts ...httplog.Option) *site {
	return serveWith(t, h, (*httptest.Server).Start, opts...)
}

func serveWith(t *testing.T, h http.Handler, start func(*httptest.Server), opts ...httplog.Option) *site {
	t.Helper()
	s := &site{}
	var logger *slog.Logger
	logger, s.memory, _ = newLogger(t)
	s.Server = httptest.NewUnstartedServer(httplog.Middleware(logger, opts...)(h))
	s.Config.ErrorLog = log.New(&s.errorLog, "", 0)
	start(s.Server)
	t.Cleanup(s.end)
	return s
}

// end waits for all requests, whose records are there afterwards.
func (s *site) end() {
	s.Client().CloseIdleConnections()
	s.Close()
}

// one ends the server and returns the only record.
func (s *site) one(t *testing.T) record.Record {
	t.Helper()
	s.end()
	recs := s.memory.Records()
	if len(recs) != 1 {
		t.Fatalf("%d records, want 1: %v", len(recs), recs)
	}
	if s.errorLog.Len() > 0 {
		t.Errorf("net/http logged: %s", s.errorLog.Bytes())
	}
	return recs[0]
}

// get sends one request and returns status and body.
func (s *site) get(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func (s *site) request(t *testing.T, method, path string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequest(method, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func wantMessage(t *testing.T, r record.Record, level slog.Level, msg string) {
	t.Helper()
	if got := r.Body.AsString(); got != msg || r.SeverityText != level.String() {
		t.Errorf("%s %q, want %s %q", r.SeverityText, got, level, msg)
	}
}

// wantAttr compares type and value; nil wants the attribute to be absent.
func wantAttr(t *testing.T, r record.Record, key attribute.Key, want any) {
	t.Helper()
	v, ok := r.Attr(key)
	if want == nil && ok {
		t.Errorf("%s is %v, want none", key, v.AsInterface())
	} else if want != nil && v.AsInterface() != want {
		t.Errorf("%s is %v (%T), want %v (%T)", key, v.AsInterface(), v.AsInterface(), want, want)
	}
}

func text(t *testing.T, r record.Record, key attribute.Key) string {
	t.Helper()
	v, ok := r.Attr(key)
	if !ok {
		t.Errorf("no %s", key)
	}
	return v.AsString()
}

func cart() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /cart/{id}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "placed")
	})
	mux.HandleFunc("/fail", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadGateway) })
	mux.HandleFunc("/empty", func(http.ResponseWriter, *http.Request) {})
	return mux
}

func TestRecord(t *testing.T) {
	for name, start := range map[string]func(*httptest.Server){
		"HTTP/1.1": (*httptest.Server).Start,
		"HTTP/2":   func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
	} {
		t.Run(name, func(t *testing.T) {
			before := time.Now()
			s := serveWith(t, cart(), start)
			req := s.request(t, "POST", "/cart/a%2Fb?q=shoes&sig=canary", strings.NewReader("size=42"))
			req.Header.Set("User-Agent", "shop/1")
			req.Header.Set("Authorization", "Bearer canary")
			req.Header.Set("Cookie", "session=canary")
			req.Header.Set("X-Forwarded-For", "198.51.100.9")
			if status, body := s.get(t, req); status != 200 || body != "placed" {
				t.Fatalf("%d %q", status, body)
			}
			r := s.one(t)
			wantMessage(t, r, slog.LevelInfo, "POST /cart/{id} 200")
			scheme, version := "http", "1.1"
			if name == "HTTP/2" {
				scheme, version = "https", "2"
			}
			host, port, _ := net.SplitHostPort(s.Listener.Addr().String())
			for key, want := range map[attribute.Key]any{
				"http.request.method":          "POST",
				"http.request.method_original": nil,
				"url.scheme":                   scheme,
				"url.path":                     "/cart/a%2Fb",
				"url.query":                    "q=shoes&sig=[REDACTED]",
				"server.address":               host,
				"http.route":                   "/cart/{id}",
				"http.response.status_code":    int64(200),
				"http.request.body.size":       int64(7),
				"http.response.body.size":      int64(6),
				"network.protocol.version":     version,
				"client.address":               "127.0.0.1",
				"user_agent.original":          "shop/1",
				"error.type":                   nil,
				"exception.type":               nil,
			} {
				wantAttr(t, r, key, want)
			}
			if v, _ := r.Attr("server.port"); v.Emit() != port {
				t.Errorf("server.port is %s, want %s", v.Emit(), port)
			}
			took, _ := r.Attr("http.server.request.duration")
			if s := took.AsFloat64(); took.Type() != attribute.FLOAT64 || s <= 0 || s > time.Since(before).Seconds() {
				t.Errorf("duration %v of type %s", s, took.Type())
			}
			for _, kv := range r.Attributes {
				if strings.Contains(kv.Value.Emit(), "canary") {
					t.Errorf("%s holds a secret: %s", kv.Key, kv.Value.Emit())
				}
			}
		})
	}
}

func TestStatus(t *testing.T) {
	quiet404 := httplog.WithLevel(func(status int) slog.Level {
		if status == http.StatusNotFound {
			return slog.LevelDebug
		}
		return httplog.Level(status)
	})
	for _, tt := range []struct {
		name, method, path string
		opts               []httplog.Option
		level              slog.Level
		msg                string
		errorType          any
		size               any
	}{
		{"200 implied", "GET", "/empty", nil, slog.LevelInfo, "GET /empty 200", nil, int64(0)},
		{"404", "GET", "/no such", nil, slog.LevelWarn, "GET /no%20such 404", nil, int64(19)},
		{"404 with a level of its own", "GET", "/none", []httplog.Option{quiet404}, slog.LevelDebug, "GET /none 404", nil, int64(19)},
		{"405", "GET", "/cart/7", nil, slog.LevelWarn, "GET /cart/7 405", nil, int64(19)},
		{"502", "GET", "/fail", nil, slog.LevelError, "GET /fail 502", "502", int64(3)},
		{"HEAD", "HEAD", "/fail", nil, slog.LevelError, "HEAD /fail 502", "502", nil},
		{"unknown method", "BREW", "/empty", nil, slog.LevelInfo, "HTTP /empty 200", nil, int64(0)},
		{"slow", "GET", "/empty", []httplog.Option{httplog.WithSlow(1)}, slog.LevelWarn, "GET /empty 200", nil, int64(0)},
		{"not slow", "GET", "/empty", []httplog.Option{httplog.WithSlow(time.Hour)}, slog.LevelInfo, "GET /empty 200", nil, int64(0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, cart(), tt.opts...)
			s.get(t, s.request(t, tt.method, strings.ReplaceAll(tt.path, " ", "%20"), nil))
			r := s.one(t)
			wantMessage(t, r, tt.level, tt.msg)
			wantAttr(t, r, "error.type", tt.errorType)
			wantAttr(t, r, "http.response.body.size", tt.size)
			if tt.method == "BREW" {
				wantAttr(t, r, "http.request.method", "_OTHER")
				wantAttr(t, r, "http.request.method_original", "BREW")
			}
		})
	}
}

func TestSkip(t *testing.T) {
	s := serve(t, cart(), httplog.WithSkip(func(r *http.Request) bool { return r.URL.Path == "/empty" }))
	s.get(t, s.request(t, "GET", "/empty", nil))
	s.get(t, s.request(t, "GET", "/fail", nil))
	wantMessage(t, s.one(t), slog.LevelError, "GET /fail 502")
}

func TestClientAddress(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		want   string
	}{
		{"one", []string{"198.51.100.9"}, "198.51.100.9"},
		{"the nearest proxy's word counts", []string{"203.0.113.1, 198.51.100.9"}, "198.51.100.9"},
		{"two lines", []string{"203.0.113.1", "2001:db8::1"}, "2001:db8::1"},
		{"with port", []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		{"in brackets", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"no address", []string{"evil\ttext"}, "192.0.2.1"},
		{"empty", []string{""}, "192.0.2.1"},
		{"none", nil, "192.0.2.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			logger, memory, _ := newLogger(t)
			r := httptest.NewRequest("GET", "/", nil)
			r.Header["X-Forwarded-For"] = tt.values
			httplog.Middleware(logger, httplog.WithClientAddress("x-forwarded-for"))(cart()).ServeHTTP(httptest.NewRecorder(), r)
			wantAttr(t, memory.Records()[0], "client.address", tt.want)
		})
	}
}

// The record is of the request as it arrived, and its strings are bounded.
func TestHostileRequest(t *testing.T) {
	logger, memory, _ := newLogger(t)
	r := httptest.NewRequest("GET", "/a?"+strings.Repeat("é", 5000), nil)
	r.Method = strings.Repeat("M", 5000)
	r.Host = "[2001:db8::1]:99999"
	r.Header.Set("User-Agent", strings.Repeat("ü", 5000))
	httplog.Middleware(logger)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Method, r.Host, r.URL.Path, r.RemoteAddr = "GET", "other", "/other", "nobody"
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK)
	})).ServeHTTP(httptest.NewRecorder(), r)
	rec := memory.Records()[0]
	wantMessage(t, rec, slog.LevelWarn, "HTTP /a 418")
	wantAttr(t, rec, "url.path", "/a")
	wantAttr(t, rec, "server.address", "2001:db8::1")
	wantAttr(t, rec, "server.port", nil)
	wantAttr(t, rec, "client.address", "192.0.2.1")
	for key, most := range map[attribute.Key]int{"http.request.method_original": 256, "url.query": 2048, "user_agent.original": 2048} {
		v := text(t, rec, key)
		if len(v) > most || len(v) < most-3 || !strings.HasSuffix(v, "…") || strings.ToValidUTF8(v, "") != v {
			t.Errorf("%s has %d bytes and ends in %q", key, len(v), v[len(v)-8:])
		}
	}
}

func TestTrace(t *testing.T) {
	logger, memory, _ := newLogger(t)
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	r := httptest.NewRequest("GET", "/", nil)
	ctx := bridge.With(trace.ContextWithSpanContext(r.Context(), sc), slog.String("tenant", "acme"))
	httplog.Middleware(logger)(cart()).ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
	rec := memory.Records()[0]
	if rec.TraceID != sc.TraceID() || rec.SpanID != sc.SpanID() {
		t.Errorf("trace %s, span %s", rec.TraceID, rec.SpanID)
	}
	wantAttr(t, rec, "tenant", "acme")
}

//go:noinline
func breakDown(v any) { panic(v) }

func TestPanic(t *testing.T) {
	outOfRange := func(http.ResponseWriter, *http.Request) { _ = []int{}[len(os.Args)] }
	for _, tt := range []struct {
		name         string
		h            http.HandlerFunc
		status       int // 0: the connection is aborted
		msg          string
		typ, text    string
		first        string // function at the top of the stack
		responseSize any
	}{
		{"before anything is written", func(http.ResponseWriter, *http.Request) { breakDown("boom") },
			500, "GET / 500", "string", "boom", "breakDown", int64(22)},
		{"error", func(http.ResponseWriter, *http.Request) {
			breakDown(&net.OpError{Op: "dial", Err: errors.New("refused")})
		},
			500, "GET / 500", "*net.OpError", "dial: refused", "breakDown", int64(22)},
		{"of the runtime", outOfRange,
			500, "GET / 500", "runtime.boundsError", "runtime error: index out of range", "TestPanic", int64(22)},
		{"nil", func(http.ResponseWriter, *http.Request) { breakDown(nil) },
			500, "GET / 500", "*runtime.PanicNilError", "panic called with nil argument", "breakDown", int64(22)},
		{"text that panics", func(http.ResponseWriter, *http.Request) { breakDown(hostile{}) },
			500, "GET / 500", "github.com/seed2f724858/sluice/bridge/httplog_test.hostile", "PANIC", "breakDown", int64(22)},
		{"after hints", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusEarlyHints); breakDown("boom") },
			500, "GET / 500", "string", "boom", "breakDown", int64(22)},
		{"after the header", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202); breakDown("boom") },
			0, "GET / 202", "string", "boom", "breakDown", int64(0)},
		{"after a flush", func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); breakDown("boom") },
			0, "GET / 200", "string", "boom", "breakDown", int64(0)},
		{"after a write", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = w.Write([]byte("half"))
			_ = http.NewResponseController(w).Flush()
			breakDown("boom")
		}, 0, "GET / 200", "string", "boom", "breakDown", int64(4)},
	} {
		for name, start := range map[string]func(*httptest.Server){
			"HTTP/1.1": (*httptest.Server).Start,
			"HTTP/2":   func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
		} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				s := serveWith(t, tt.h, start)
				resp, err := s.Client().Get(s.URL)
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
				if tt.status == 0 && err == nil {
					t.Error("the client took the response for whole")
				} else if tt.status != 0 && (err != nil || resp.StatusCode != tt.status) {
					t.Errorf("%v %v", resp, err)
				}
				r := s.one(t)
				wantMessage(t, r, slog.LevelError, tt.msg)
				wantAttr(t, r, "exception.type", tt.typ)
				wantAttr(t, r, "error.type", tt.typ)
				wantAttr(t, r, "http.response.body.size", tt.responseSize)
				if v := text(t, r, "exception.message"); !strings.Contains(v, tt.text) {
					t.Errorf("exception.message %q", v)
				}
				stack := text(t, r, "exception.stacktrace")
				if top, _, _ := strings.Cut(stack, "\n"); !strings.Contains(top, tt.first) || !strings.Contains(stack, "net/http") {
					t.Errorf("stack:\n%s", stack)
				}
			})
		}
	}
}

type hostile struct{}

func (hostile) Error() string { panic("no text") }

// A handler's own abort passes on, is no error, and net/http stays silent.
func TestAbort(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    http.HandlerFunc
		msg  string
		code any
	}{
		{"nothing sent", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "GET / aborted", nil},
		{"half sent", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("half"))
			panic(http.ErrAbortHandler)
		}, "GET / 200", int64(200)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.h)
			if resp, err := s.Client().Get(s.URL); err == nil {
				if _, err = io.ReadAll(resp.Body); err == nil {
					t.Error("the client took the response for whole")
				}
				resp.Body.Close()
			}
			r := s.one(t)
			wantMessage(t, r, slog.LevelInfo, tt.msg)
			wantAttr(t, r, "error.type", "aborted")
			wantAttr(t, r, "http.response.status_code", tt.code)
			wantAttr(t, r, "exception.type", nil)
		})
	}
}

// runtime.Goexit ends a handler without a panic, and is not made one.
func TestGoexit(t *testing.T) {
	logger, memory, _ := newLogger(t)
	h := httplog.Middleware(logger)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(204)
		runtime.Goexit()
	}))
	var wg sync.WaitGroup
	wg.Go(func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) })
	wg.Wait()
	wantMessage(t, memory.Records()[0], slog.LevelInfo, "GET / 204")
}

func TestClientGone(t *testing.T) {
	for _, tt := range []struct {
		name  string
		sends []int
		level slog.Level
		msg   string
		code  any
		typ   string
	}{
		{"nothing sent", nil, slog.LevelInfo, "GET / canceled", nil, "canceled"},
		{"status sent", []int{204}, slog.LevelInfo, "GET / 204", int64(204), "canceled"},
		{"failure sent", []int{503}, slog.LevelError, "GET / 503", int64(503), "503"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				cancel()
				<-r.Context().Done()
				for _, status := range tt.sends {
					w.WriteHeader(status)
				}
			}))
			if _, err := s.Client().Do(s.request(t, "GET", "/", nil).WithContext(ctx)); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			r := s.one(t)
			wantMessage(t, r, tt.level, tt.msg)
			wantAttr(t, r, "http.response.status_code", tt.code)
			wantAttr(t, r, "error.type", tt.typ)
		})
	}
}

// The connection works as a WebSocket's does, and gives one record at its end.
func TestHijack(t *testing.T) {
	for _, first := range []bool{true, false} {
		finished := make(chan struct{})
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			defer close(finished)
			if first { // as some libraries do; others write the status themselves
				w.Header().Set("Upgrade", "echo")
				w.Header().Set("Connection", "Upgrade")
				w.WriteHeader(http.StatusSwitchingProtocols)
			}
			conn, buf, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if !first {
				_, _ = buf.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
				_ = buf.Flush()
			}
			line, _ := buf.ReadString('\n')
			_, _ = buf.WriteString(line)
			_ = buf.Flush()
		}), httplog.WithSlow(1))
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: shop\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
		in := bufio.NewReader(conn)
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != 101 {
			t.Fatal(resp, err)
		}
		_, _ = io.WriteString(conn, "ping\n")
		if line, err := in.ReadString('\n'); line != "ping\n" {
			t.Errorf("%q %v", line, err)
		}
		<-finished
		conn.Close()
		for s.memory.Len() == 0 { // nothing waits for a hijacked connection's handler
			runtime.Gosched()
		}
		r := s.one(t)
		if first {
			wantMessage(t, r, slog.LevelInfo, "GET /ws 101")
		} else {
			wantMessage(t, r, slog.LevelInfo, "GET /ws hijacked")
			wantAttr(t, r, "http.response.status_code", nil)
		}
		wantAttr(t, r, "http.response.body.size", nil)
		wantAttr(t, r, "error.type", nil)
	}
}

// Events reach the client while the handler is still running.
func TestStreaming(t *testing.T) {
	seen := make(chan struct{})
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		if err := errors.Join(rc.SetWriteDeadline(time.Now().Add(time.Minute)), rc.EnableFullDuplex()); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, "one\n")
		if err := rc.Flush(); err != nil {
			t.Error(err)
		}
		<-seen
		_, _ = io.WriteString(w, "two\n")
	}))
	resp, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	if line, err := in.ReadString('\n'); line != "one\n" {
		t.Fatalf("%q %v", line, err)
	}
	close(seen)
	if line, err := in.ReadString('\n'); line != "two\n" {
		t.Fatalf("%q %v", line, err)
	}
	wantAttr(t, s.one(t), "http.response.body.size", int64(8))
}

// Files go the short way through io.ReaderFrom, which sendfile(2) needs.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(io.ReaderFrom); !ok {
			t.Error("no io.ReaderFrom")
		}
		http.ServeFile(w, r, path)
	}))
	if _, body := s.get(t, s.request(t, "GET", "/f", nil)); len(body) != 1<<20 {
		t.Errorf("%d bytes", len(body))
	}
	wantAttr(t, s.one(t), "http.response.body.size", int64(1<<20))
}

// A handler sees the interfaces that the server's own writer has, and no others.
func TestInterfaces(t *testing.T) {
	logger, _, _ := newLogger(t)
	faces := func(w http.ResponseWriter) (has []string) {
		for name, ok := range map[string]bool{
			"Flusher":      is[http.Flusher](w),
			"Hijacker":     is[http.Hijacker](w),
			"ReaderFrom":   is[io.ReaderFrom](w),
			"StringWriter": is[io.StringWriter](w),
			"Pusher":       is[http.Pusher](w),
			"FlushError":   is[interface{ FlushError() error }](w),
		} {
			if ok {
				has = append(has, name)
			}
		}
		slices.Sort(has)
		return has
	}
	for name, start := range map[string]func(*httptest.Server){
		"HTTP/1.1": (*httptest.Server).Start,
		"HTTP/2":   func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
	} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			want := faces(w)
			httplog.Middleware(logger)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if got := faces(w); !slices.Equal(got, want) {
					t.Errorf("%s: %v, want %v", name, got, want)
				}
			})).ServeHTTP(w, r)
		}))
		start(s)
		resp, err := s.Client().Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		s.Client().CloseIdleConnections()
		s.Close()
	}
}

func is[T any](v any) bool { _, ok := v.(T); return ok }

// Below the logger's level nothing is logged, and all else stays as it is.
func TestDisabled(t *testing.T) {
	logger, memory, p := newLogger(t)
	rules, err := processors.ParseLevels("off")
	if err != nil {
		t.Fatal(err)
	}
	p.Levels().Configure(rules)
	w := httptest.NewRecorder()
	httplog.Middleware(logger)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })).
		ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || memory.Len() != 0 {
		t.Errorf("status %d, %d records", w.Code, memory.Len())
	}
}

func BenchmarkMiddleware(b *testing.B) {
	logger, _, p := newLogger(b)
	drop, err := processors.ParseLevels("off")
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/cart/7?q=shoes", nil)
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil) })
	logged := httplog.Middleware(logger)(h)
	w := nowhere{http.Header{}}
	b.Run("handler", func(b *testing.B) {
		for b.ReportAllocs(); b.Loop(); {
			h.ServeHTTP(w, r)
		}
	})
	p.Levels().Configure(drop)
	b.Run("off", func(b *testing.B) {
		for b.ReportAllocs(); b.Loop(); {
			logged.ServeHTTP(w, r)
		}
	})
}

type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) WriteHeader(int)             {}
