package webhook_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/tlstest"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/exporters/webhook"
	"github.com/seed2f724858/sluice/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server keeps the bodies that it has answered with 2xx.
type server struct {
	*httptest.Server
	t testing.TB
	// answer, if set, is asked about each request.
	answer func(w http.ResponseWriter, r *http.Request, body []byte) (status int)

	mu     sync.Mutex
	bodies [][]byte
	tried  []int // length of each body that came
}

// answered is the status of an answer that was written.
const answered = 0

func serve(t testing.TB) *server {
	s := &server{t: t}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			s.t.Error(err)
			return
		}
		in = z
	}
	body, err := io.ReadAll(in)
	if err != nil {
		return // cut off by the client
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried = append(s.tried, len(body))
	status := http.StatusOK
	if s.answer != nil {
		status = s.answer(w, r, body)
	}
	if status/100 == 2 {
		s.bodies = append(s.bodies, body)
	}
	if status != answered {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "as you like it")
	}
}

func (s *server) taken() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bodies)
}

func (s *server) ids() []string { return sinktest.IDs(bytes.Join(s.taken(), nil)) }

func (s *server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies, s.tried = nil, nil
}

// config returns settings for a server.
func config(to string) webhook.Config {
	c := webhook.DefaultConfig()
	c.URL = exporters.Secret(to)
	return c
}

func open(t testing.TB, c webhook.Config) *webhook.Exporter {
	t.Helper()
	e, err := webhook.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

func mustWrite(t *testing.T, e *webhook.Exporter, recs []record.Record) {
	t.Helper()
	if n, err := e.Write(t.Context(), recs); n != len(recs) || err != nil {
		t.Fatalf("Write of %d records = %d, %v", len(recs), n, err)
	}
}

func series(from, n int) (want []string) {
	for i := range n {
		want = append(want, sinktest.ID("seq", from+i))
	}
	return want
}

func TestConformance(t *testing.T) {
	for name, change := range map[string]func(*webhook.Config){
		"json":      func(*webhook.Config) {},
		"json,gzip": func(c *webhook.Config) { c.Compression = "gzip" },
		"ndjson":    func(c *webhook.Config) { c.Format = "ndjson" },
		"otlp_json": func(c *webhook.Config) { c.Format = "otlp_json" },
		"small":     func(c *webhook.Config) { c.MaxRequestSize, c.MaxRecords = 1024, 7 },
		"template": func(c *webhook.Config) {
			c.Template = `{"text": "{message}{attr:id} {event} {attr:deep}"}`
		},
		"template of many": func(c *webhook.Config) { c.Template = `{"worst": "{level}", "all": {"$records": "{record}"}}` },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t) // for all of the suite: its goroutines are not the exporter's
			sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
				s.CloseClientConnections()
				s.forget()
				c := config(s.URL)
				change(&c)
				return open(t, c), func() []string {
					for _, body := range s.taken() {
						wantJSON(t, c, body)
					}
					return s.ids()
				}
			}})
		})
	}
}

func wantJSON(t testing.TB, c webhook.Config, body []byte) {
	t.Helper()
	texts := [][]byte{body}
	if c.Format == "ndjson" {
		texts = bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
	}
	for _, text := range texts {
		if !json.Valid(text) {
			t.Errorf("no JSON: %.300q", text)
		}
		if bytes.ContainsAny(text, "\r\n\x00\x1b") || bytes.Contains(text, []byte("\u202e")) {
			t.Errorf("raw control characters: %.300q", text)
		}
	}
}

func TestRequest(t *testing.T) {
	s := serve(t)
	var got *http.Request
	s.answer = func(_ http.ResponseWriter, r *http.Request, _ []byte) int {
		got = r
		return http.StatusAccepted
	}
	for _, c := range []struct {
		change func(*webhook.Config)
		want   map[string]string
	}{
		{func(*webhook.Config) {}, map[string]string{"": "POST", "Content-Type": "application/json", "Content-Encoding": "", "Authorization": ""}},
		{func(c *webhook.Config) {
			c.Method, c.Format, c.Compression = "PUT", "ndjson", "gzip"
			c.Username, c.Password = "ann", "hunter2"
		}, map[string]string{"": "PUT", "Content-Type": "application/x-ndjson", "Content-Encoding": "gzip", "Authorization": "Basic YW5uOmh1bnRlcjI="}},
		{func(c *webhook.Config) {
			c.BearerToken, c.ContentType, c.Headers = "t0ken", "application/json; charset=utf-8", map[string]exporters.Secret{"x-scope-orgid": "7"}
		}, map[string]string{"": "POST", "Content-Type": "application/json; charset=utf-8", "Authorization": "Bearer t0ken", "X-Scope-Orgid": "7"}},
	} {
		cfg := config(s.URL + "/in?dc=eu")
		c.change(&cfg)
		mustWrite(t, open(t, cfg), sinktest.Records("seq", 0, 2))
		if got.URL.RequestURI() != "/in?dc=eu" {
			t.Errorf("to %s", got.URL.RequestURI())
		}
		for name, want := range c.want {
			have := got.Header.Get(name)
			if name == "" {
				have = got.Method
			}
			if have != want {
				t.Errorf("%q: %q, want %q", name, have, want)
			}
		}
	}
}

// What becomes of a batch of three requests when the second one is answered
// with each status.
func TestStatuses(t *testing.T) {
	type outcome struct {
		n, rejected int
		kind        exporters.Kind
	}
	for status, want := range map[int]outcome{
		200: {3, 0, 0}, 202: {3, 0, 0}, 204: {3, 0, 0},
		302: {1, 0, exporters.Retryable}, 308: {1, 0, exporters.Retryable},
		400: {3, 1, exporters.KindRejected}, 422: {3, 1, exporters.KindRejected},
		401: {1, 0, exporters.KindPermanent}, 403: {1, 0, exporters.KindPermanent},
		404: {1, 0, exporters.KindPermanent}, 405: {1, 0, exporters.KindPermanent},
		407: {1, 0, exporters.KindPermanent}, 410: {1, 0, exporters.KindPermanent},
		408: {1, 0, exporters.Retryable}, 425: {1, 0, exporters.Retryable}, 429: {1, 0, exporters.Retryable},
		413: {1, 0, exporters.KindPoison},
		500: {1, 0, exporters.Retryable}, 501: {1, 0, exporters.KindPermanent}, 502: {1, 0, exporters.Retryable},
		503: {1, 0, exporters.Retryable}, 504: {1, 0, exporters.Retryable}, 505: {1, 0, exporters.KindPermanent},
		522: {1, 0, exporters.Retryable}, // Cloudflare: the server does not answer
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			s := serve(t)
			requests := 0
			s.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) int {
				w.Header().Set("Retry-After", "7")
				w.Header().Set("Location", "/elsewhere")
				if requests++; requests == 2 {
					return status
				}
				return 200
			}
			c := config(s.URL)
			c.MaxRecords = 1
			n, err := open(t, c).Write(t.Context(), sinktest.Records("seq", 0, 3))
			var got outcome
			if got.n = n; err != nil {
				got.kind, got.rejected = exporters.Classify(err)
				if !strings.Contains(err.Error(), fmt.Sprint(status)) {
					t.Errorf("does not say the status: %v", err)
				}
			}
			if got != want || (err == nil) != (status/100 == 2) {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
			if requests != want.n && requests != want.n+1 {
				t.Errorf("%d requests", requests)
			}
			after, ok := errors.AsType[exporters.RetryAfterer](err)
			misconfigured := slices.Contains([]int{401, 403, 404, 405, 407}, status)
			if exporters.IsMisconfigured(err) != misconfigured {
				t.Errorf("misconfigured: %v; want %v", !misconfigured, misconfigured)
			}
			if (want.kind == exporters.Retryable || misconfigured) && want.n == 1 && (!ok || after.RetryAfter() != 7*time.Second) {
				t.Errorf("does not say when to retry: %v", err)
			}
		})
	}
}

func TestRejectedAndThenDown(t *testing.T) {
	s := serve(t)
	requests := 0
	s.answer = func(http.ResponseWriter, *http.Request, []byte) int {
		requests++
		return []int{400, 200, 400, 503}[requests-1]
	}
	c := config(s.URL)
	c.MaxRecords = 2
	n, err := open(t, c).Write(t.Context(), sinktest.Records("seq", 0, 10))
	if kind, rejected := exporters.Classify(err); n != 6 || rejected != 4 || kind != exporters.KindRejected {
		t.Errorf("Write = %d, %v", n, err)
	}
}

// 413 halves requests until they pass; a record that never does is poison, and
// those behind it are not.
func TestTooLargeIsSplit(t *testing.T) {
	s := serve(t)
	s.answer = func(_ http.ResponseWriter, _ *http.Request, body []byte) int {
		if len(sinktest.IDs(body)) > 3 || len(body) > 10000 {
			return http.StatusRequestEntityTooLarge
		}
		return 200
	}
	recs := sinktest.Records("seq", 0, 20)
	recs[11].AddAttributes(attribute.String("fill", strings.Repeat("x", 20000)))
	e := open(t, config(s.URL))
	n, err := e.Write(t.Context(), recs)
	if kind, _ := exporters.Classify(err); n != 11 || kind != exporters.KindPoison {
		t.Fatalf("Write = %d, %v", n, err)
	}
	mustWrite(t, e, recs[12:])
	if want := append(series(0, 11), series(12, 8)...); !slices.Equal(s.ids(), want) {
		t.Errorf("arrived: %v", s.ids())
	}
}

func TestRequestsAreBounded(t *testing.T) {
	for _, format := range []string{"json", "ndjson", "otlp_json", `{"$records": "{record}"}`} {
		s := serve(t)
		c := config(s.URL)
		if c.MaxRequestSize = 2048; format[0] == '{' {
			c.Template = exporters.Secret(format)
		} else {
			c.Format = format
		}
		recs := sinktest.Records("seq", 0, 100)
		recs[50].AddAttributes(attribute.String("fill", strings.Repeat("x", 5000)))
		mustWrite(t, open(t, c), recs)
		if !slices.Equal(s.ids(), series(0, 100)) {
			t.Errorf("%s: arrived: %v", format, s.ids())
		}
		over := slices.DeleteFunc(slices.Clone(s.tried), func(n int) bool { return n <= 2048 })
		if len(over) != 1 || len(s.tried) > 40 {
			t.Errorf("%s: requests of %v bytes, want one over the limit", format, s.tried)
		}
	}
}

func TestUnreachable(t *testing.T) {
	s := serve(t)
	s.Close()
	n, err := open(t, config(s.URL)).Write(t.Context(), sinktest.Records("seq", 0, 3))
	if kind, _ := exporters.Classify(err); n != 0 || err == nil || kind != exporters.Retryable {
		t.Errorf("Write = %d, %v", n, err)
	}
	s = serve(t)
	s.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) int {
		panic(http.ErrAbortHandler) // the connection ends without an answer
	}
	n, err = open(t, config(s.URL)).Write(t.Context(), sinktest.Records("seq", 0, 3))
	if kind, _ := exporters.Classify(err); n != 0 || err == nil || kind != exporters.Retryable {
		t.Errorf("Write = %d, %v", n, err)
	}
}

// silent is a server that reads requests and never answers.
func silent(t *testing.T) (to string, came chan struct{}) {
	came = make(chan struct{}, 10)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		came <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	return s.URL, came
}

func TestTimeout(t *testing.T) {
	to, _ := silent(t)
	c := config(to)
	c.Timeout = exporters.Duration(20 * time.Millisecond)
	n, err := open(t, c).Write(t.Context(), sinktest.Records("seq", 0, 3))
	if kind, _ := exporters.Classify(err); n != 0 || !errors.Is(err, context.DeadlineExceeded) || kind != exporters.Retryable {
		t.Errorf("Write = %d, %v", n, err)
	}
}

func TestShutdownCutsOff(t *testing.T) {
	to, came := silent(t)
	e := open(t, config(to))
	type result struct {
		n   int
		err error
	}
	done := make(chan result)
	go func() {
		n, err := e.Write(context.Background(), sinktest.Records("seq", 0, 3))
		done <- result{n, err}
	}()
	<-came
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	shut := make(chan error)
	go func() { shut <- e.Shutdown(ctx) }()
	r := <-done
	if kind, _ := exporters.Classify(r.err); r.n != 0 || r.err == nil || kind != exporters.Retryable || errors.Is(r.err, exporters.ErrClosed) {
		t.Errorf("Write = %d, %v; want one worth another try", r.n, r.err)
	}
	if err := <-shut; !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown = %v", err)
	}
}

func TestTLS(t *testing.T) {
	ca := tlstest.NewAuthority(t)
	s := &server{t: t}
	s.Server = httptest.NewUnstartedServer(s)
	s.TLS = serverTLS(ca.Issue(t))
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	defer s.Close()
	c := config(s.URL)
	n, err := open(t, c).Write(t.Context(), sinktest.Records("seq", 0, 1))
	if kind, _ := exporters.Classify(err); n != 0 || err == nil || kind != exporters.Retryable {
		t.Errorf("unknown authority: %d, %v", n, err)
	}
	c.TLS.CAFile = ca.File
	mustWrite(t, open(t, c), sinktest.Records("seq", 0, 1))
}

// Whatever a server says and wherever an error comes from, no secret shows.
func TestCanarySecrets(t *testing.T) {
	const path, query, header, password, token = "/services/T0000/CANARYpath", "CANARYquery", "CANARYheader", "CANARYpassword", "CANARYtoken"
	secrets := []string{"CANARY", "T0000"}
	shows := func(what, text string) {
		t.Helper()
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%s shows %s: %s", what, s, text)
			}
		}
		if strings.Contains(text, "YW5uOkNBTkFSWXBhc3N3b3Jk") {
			t.Errorf("%s shows credentials: %s", what, text)
		}
	}
	s := serve(t)
	status := 0
	s.answer = func(w http.ResponseWriter, r *http.Request, body []byte) int {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Location", r.URL.String())
		w.WriteHeader(status)
		fmt.Fprintf(w, "you sent %s with %s and %v to http://%s%s, key %s", body, r.Header.Get("Authorization"), r.Header, r.Host, r.URL, query)
		return answered
	}
	for _, change := range []func(*webhook.Config){
		func(c *webhook.Config) { c.Username, c.Password = "ann", password },
		func(c *webhook.Config) { c.BearerToken = token },
		func(c *webhook.Config) {
			c.Headers = map[string]exporters.Secret{"Authorization": "Token " + header, "X-Key": header}
		},
	} {
		c := config(s.URL + path + "?key=" + url.QueryEscape(query))
		c.Template = `{"key": "CANARYCANARYCANARY", "message": "{message}"}`
		change(&c)
		e := open(t, c)
		for _, status = range []int{302, 400, 401, 404, 413, 429, 500, 503} {
			_, err := e.Write(t.Context(), sinktest.Records("seq", 0, 1))
			shows(fmt.Sprint(status), fmt.Sprintf("%v %+v", err, err))
			if status == 500 && !strings.Contains(err.Error(), "you sent") {
				t.Errorf("the server's words are lost: %v", err)
			}
		}
		shows("Config", fmt.Sprintf("%v %+v %#v", c, c, c))
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		shows("JSON", string(text))
		s2 := serve(t)
		c.URL = exporters.Secret(s2.URL + path)
		s2.Close()
		_, err = open(t, c).Write(t.Context(), sinktest.Records("seq", 0, 1))
		shows("unreachable", err.Error())
	}
	s.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) int {
		text, _ := json.Marshal(map[string]string{"message": "no " + r.Header.Get("Authorization") + " for " + r.URL.Query().Get("key")})
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(500)
		_, _ = io.WriteString(w, strings.ReplaceAll(string(text), "/", `\/`))
		return answered
	}
	c := config(s.URL + "/hook?key=a%2Bb%26CANARY%2Fquery%3C")
	c.BearerToken = "x/y&z/CANARYtoken"
	_, err := open(t, c).Write(t.Context(), sinktest.Records("seq", 0, 1))
	shows("JSON of PHP", err.Error())
	if want := `{"message":"no Bearer [REDACTED] for [REDACTED]"}`; !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	for _, bad := range []string{"CANARY", "ftp://CANARY/", "https://ann:CANARY@host/", "http://h/%zzCANARY", "https:///CANARY", "http://h/#CANARY"} {
		c := config(bad)
		err := c.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), "url: ") {
			t.Errorf("%s: %v", bad, err)
			continue
		}
		shows("Validate", err.Error())
	}
}
