package otlp_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// A server that has nothing for logs where the endpoint says is told with the
// path, and nothing of it that may be a key.
func TestNothingThere(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	for path, want := range map[string]string{
		"":                                     "/: status 404 Not Found: 404 page not found: receivers of OTLP/HTTP take logs at /v1/logs, which the endpoint has to say",
		"/v1/traces?key=hunter2":               "/v1/traces: status 404 Not Found: 404 page not found: receivers of OTLP/HTTP take logs at /v1/logs",
		"/otlp/v1/logs?key=hunter2":            "/otlp/v1/logs: status 404 Not Found: 404 page not found",
		"/receiver/hunter2hunter2hunt/v1/logs": "/receiver/…/v1/logs: status 404 Not Found: 404 page not found",
	} {
		e := newExporter(t, config(s.URL+path))
		_, err := e.Write(t.Context(), sinktest.Records("x", 0, 1))
		if err == nil || !strings.HasPrefix(err.Error(), "otlp: "+s.URL+want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", path, err)
		}
		if strings.Contains(path, "/v1/logs") == strings.Contains(err.Error(), "receivers of") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A server of gRPC begins with a frame of HTTP/2, whatever it is asked.
func TestServerOfGRPC(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	defer served.Wait()
	defer l.Close()
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00"))
			_, _ = io.Copy(io.Discard, c) // until the client has had enough
			c.Close()
		}
	})
	e := newExporter(t, config("http://"+l.Addr().String()+"/v1/logs"))
	_, err = e.Write(t.Context(), sinktest.Records("x", 0, 1))
	want := "otlp: http://" + l.Addr().String() + ": the server speaks HTTP/2 only, as those of gRPC do: use otlp_grpc"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v", err)
	}
}
