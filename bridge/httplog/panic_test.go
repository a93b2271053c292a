package httplog_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/bridge/httplog"
)

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

// A connection that was taken over gets nothing more, and is still told of.
func TestPanicAfterHijack(t *testing.T) {
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		breakDown("boom")
	}))
	if _, err := s.Client().Get(s.URL); err == nil {
		t.Error("the client got a response")
	}
	for s.memory.Len() == 0 { // nothing waits for a hijacked connection's handler
		runtime.Gosched()
	}
	r := s.one(t)
	wantMessage(t, r, slog.LevelError, "GET / hijacked")
	wantAttr(t, r, "exception.message", "boom")
	wantAttr(t, r, "http.response.status_code", nil)
}

// A source that panics while the server copies it may have sent anything: the
// client must not take that for the whole.
func TestPanicOfSource(t *testing.T) {
	for name, good := range map[string]int64{"at once": 0, "in the body": 200_000} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				source := io.MultiReader(io.LimitReader(zeros{}, good), failing{})
				_, _ = io.Copy(w, struct{ io.Reader }{source}) // without its WriteTo
			}))
			if resp, err := s.Client().Get(s.URL); err == nil {
				if _, err = io.ReadAll(resp.Body); err == nil {
					t.Error("the client took the response for whole")
				}
				resp.Body.Close()
			}
			r := s.one(t)
			wantMessage(t, r, slog.LevelError, "GET / 200")
			wantAttr(t, r, "exception.message", "boom")
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type failing struct{}

func (failing) Read([]byte) (int, error) { breakDown("boom"); return 0, nil }

// A panic that bridge.Recover has logged with its stack is the request's error
// without one.
func TestPanicLoggedBelow(t *testing.T) {
	logger, memory, _ := newLogger(t)
	h := httplog.Middleware(logger)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		defer bridge.Recover(r.Context(), bridge.WithLogger(logger))
		breakDown("boom")
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	recs := memory.Records()
	if len(recs) != 2 {
		t.Fatalf("%d records", len(recs))
	}
	wantAttr(t, recs[0], "exception.message", "boom")
	if stack := text(t, recs[0], "exception.stacktrace"); !strings.Contains(stack, "breakDown") {
		t.Errorf("stack:\n%s", stack)
	}
	wantMessage(t, recs[1], slog.LevelError, "GET / 500")
	wantAttr(t, recs[1], "exception.type", "string")
	wantAttr(t, recs[1], "exception.message", "boom")
	wantAttr(t, recs[1], "exception.stacktrace", nil)
}
