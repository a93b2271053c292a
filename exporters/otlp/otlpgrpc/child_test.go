package otlpgrpc_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp/otlpgrpc"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// childVariable makes the test's program send one record to the endpoint in it,
// and print what came of it: a process has one environment, one setting of
// proxies, and one logger of gRPC.
const childVariable = "OTLPGRPC_TEST_ENDPOINT"

func child(endpoint string) {
	cfg := otlpgrpc.DefaultConfig()
	cfg.Endpoint = endpoint
	e, err := otlpgrpc.New(cfg)
	if err != nil {
		fmt.Println("New:", err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	n, err := e.Write(ctx, sinktest.Records("child", 0, 1))
	kind := exporters.Kind(-1)
	if err != nil {
		kind, _ = exporters.Classify(err)
	}
	fmt.Println("Write:", n, kind, err)
	if err := e.Shutdown(ctx); err != nil {
		fmt.Println("Shutdown:", err)
	}
}

// runChild returns what a child prints. Its standard error has to stay empty.
func runChild(t *testing.T, endpoint string, env ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*hang)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	for _, kv := range os.Environ() {
		if !strings.Contains(strings.ToLower(kv), "_proxy=") && !strings.HasPrefix(kv, "GRPC_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	// The race detector has programs wait for a second at their end.
	cmd.Env = append(append(cmd.Env, childVariable+"="+endpoint, "GORACE=atexit_sleep_ms=0"), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &stdout, &stderr)
	}
	if stderr.Len() > 0 {
		t.Errorf("on standard error:\n%s", &stderr)
	}
	return stdout.String()
}

// gRPC's own logger stays silent, whatever happens.
func TestNothingIsPrinted(t *testing.T) {
	s := serve(t, new(server))
	l := listen(t, "127.0.0.1:0")
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			reset(conn)
		}
	})
	defer wg.Wait()
	defer l.Close()
	for endpoint, want := range map[string]string{
		"http://" + s.addr:              "Write: 1 -1 <nil>",
		"https://" + s.addr:             "handshake",
		"http://" + closedPort(t):       "refused",
		"http://" + l.Addr().String():   "Unavailable",
		"http://collector.invalid:4317": "collector.invalid",
	} {
		if got := runChild(t, endpoint); !strings.Contains(got, want) {
			t.Errorf("%s: %s; want %q", endpoint, got, want)
		}
	}
}

// proxy tunnels everything to one address, if it is asked with that password.
func proxy(t *testing.T, to, password string) (addr string, asked func() []string) {
	t.Helper()
	var mu sync.Mutex
	var hosts []string
	var wg sync.WaitGroup
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		hosts = append(hosts, r.Method+" "+r.Host)
		mu.Unlock()
		r.Header.Set("Authorization", r.Header.Get("Proxy-Authorization"))
		if _, pw, _ := r.BasicAuth(); pw != password {
			http.Error(w, "who are you, "+r.Header.Get("Authorization")+"?", http.StatusProxyAuthRequired)
			return
		}
		far, err := net.Dial("tcp", to)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		near, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		wg.Go(func() { _, _ = io.Copy(far, near); _ = far.Close() })
		wg.Go(func() { _, _ = io.Copy(near, far); _ = near.Close() })
	}))
	t.Cleanup(func() {
		srv.Close()
		wg.Wait()
	})
	return srv.Listener.Addr().String(), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return hosts
	}
}

func TestProxy(t *testing.T) {
	s := serve(t, new(server))
	addr, asked := proxy(t, s.addr, "pw-5f3759df")
	const endpoint = "http://collector.test:4317"

	got := runChild(t, endpoint, "HTTPS_PROXY=http://me:pw-5f3759df@"+addr)
	if !strings.Contains(got, "Write: 1 -1 <nil>") || len(s.ids(t)) != 1 {
		t.Errorf("through the proxy: %s, %d records arrived", got, len(s.ids(t)))
	}
	if hosts := asked(); len(hosts) != 1 || hosts[0] != "CONNECT collector.test:4317" {
		t.Errorf("the proxy was asked for %q", hosts)
	}
	for name, proxy := range map[string]string{
		"refused":   "http://me:other-secret@" + addr,
		"not a URL": "http://me:other-secret@not a host",
	} {
		got := runChild(t, endpoint, "HTTPS_PROXY="+proxy)
		if strings.Contains(got, "other-secret") || !strings.Contains(strings.ToLower(got), "proxy") {
			t.Errorf("%s: %s; want an error about the proxy, without its password", name, got)
		}
		// Basic authorization is no encryption.
		if strings.Contains(got, "bWU6b3RoZXItc2VjcmV0") {
			t.Errorf("%s: %s shows the password, encoded", name, got)
		}
	}
	if got := runChild(t, "http://"+s.addr, "HTTPS_PROXY=http://"+closedPort(t), "NO_PROXY=127.0.0.1"); !strings.Contains(got, "Write: 1 -1 <nil>") {
		t.Errorf("past the proxy: %s", got)
	}
}
