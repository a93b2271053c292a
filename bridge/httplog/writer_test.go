package httplog_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/bridge/httplog"
)

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

// What a handler answers after it took the connection over is sent to nobody.
func TestStatusAfterHijack(t *testing.T) {
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close()
		http.Error(w, "socket closed", http.StatusInternalServerError)
	}))
	s.Config.ErrorLog.SetOutput(io.Discard) // net/http complains
	if _, err := s.Client().Get(s.URL); err == nil {
		t.Error("the client got a response")
	}
	for s.memory.Len() == 0 { // nothing waits for a hijacked connection's handler
		runtime.Gosched()
	}
	r := s.one(t)
	wantMessage(t, r, slog.LevelInfo, "GET / hijacked")
	wantAttr(t, r, "http.response.status_code", nil)
	wantAttr(t, r, "error.type", nil)
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
