package httplog_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/bridge/httplog"
	"github.com/seed2f724858/sluice/exporters/discard"
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

// BenchmarkMiddleware is for ratios: a handler that does nothing, the same
// behind the middleware with its level off, and with a record into nowhere.
func BenchmarkMiddleware(b *testing.B) {
	sink, err := discard.New(discard.DefaultConfig())
	if err != nil {
		b.Fatal(err)
	}
	simple, err := processors.NewSimple(sink, processors.DefaultSimpleConfig())
	if err != nil {
		b.Fatal(err)
	}
	p, err := processors.NewPipeline(processors.DefaultConfig(), simple)
	if err != nil {
		b.Fatal(err)
	}
	on, off := bridge.NewLogger("on", bridge.WithPipeline(p)), bridge.NewLogger("off", bridge.WithPipeline(p))
	p.Levels().Configure(processors.LevelRules{"off": processors.SeverityOff})
	r := httptest.NewRequest("GET", "/cart/7?q=shoes", nil)
	r.Header.Set("User-Agent", "shop/1")
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil) })
	w := nowhere{http.Header{}}
	for name, handler := range map[string]http.Handler{
		"handler": h, "off": httplog.Middleware(off)(h), "on": httplog.Middleware(on)(h),
	} {
		b.Run(name, func(b *testing.B) {
			for b.ReportAllocs(); b.Loop(); {
				handler.ServeHTTP(w, r)
			}
		})
	}
}

type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) WriteHeader(int)             {}
