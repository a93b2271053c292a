package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/record"
)

// collector counts the records that are sent to it by OTLP/HTTP.
type collector struct {
	*httptest.Server
	busy int // how many requests are answered with 503 first

	mu   sync.Mutex
	seen map[string]int // by their bodies
}

func newCollector(t *testing.T, busy int) *collector {
	c := &collector{busy: busy, seen: map[string]int{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy--; c.busy >= 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	data, err := io.ReadAll(r.Body)
	if err == nil {
		err = new(decode.OTLPProto).Decode(data, func(r *record.Record) { c.seen[r.Body.AsString()]++ })
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// wantNumbers checks that each line of numberLines(n) has arrived once.
func (c *collector) wantNumbers(t *testing.T, n int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range n {
		if got := c.seen[fmt.Sprint(i+1)]; got != 1 {
			t.Fatalf("line %d arrived %d times", i+1, got)
		}
	}
	if len(c.seen) != n {
		t.Errorf("%d different lines arrived of %d", len(c.seen), n)
	}
}

func writeConfig(t *testing.T, exporter string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sluice.yaml")
	text := "file_format: \"1.1\"\nlogger_provider:\n  processors:\n    - batch: {max_queue_size: 512, exporter: " + exporter + "}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Lines reach a collector that is busy at first, all of them.
func TestPipeToCollector(t *testing.T) {
	const n = 5000
	c := newCollector(t, 2)
	p := start(t, io.Discard, "pipe", "--config", writeConfig(t, "{otlp_http: {endpoint: "+c.URL+"/v1/logs, compression: none}}"))
	p.feed(t, string(numberLines(n)))
	p.wantExit(t, 0)
	p.wantStderr(t, fmt.Sprintf("sluice: otlp_http: %d accepted, %d delivered, 0 dropped\n", n, n))
	c.wantNumbers(t, n)
}

// While the first collector is away the second one gets the lines, and the
// summary says so.
func TestPipeAroundCollector(t *testing.T) {
	const n = 1000
	c := newCollector(t, 0)
	p := start(t, io.Discard, "pipe", "--config",
		writeConfig(t, "{failover: {exporters: [{otlp_http: {endpoint: http://127.0.0.1:1/v1/logs}}, {otlp_http: {endpoint: "+c.URL+"/v1/logs}}]}}"))
	p.feed(t, string(numberLines(n)))
	p.wantExit(t, 0)
	p.wantStderr(t, fmt.Sprintf("sluice: otlp_http: %d accepted, %d delivered, 0 dropped, %d detoured\n", n, n, n))
	c.wantNumbers(t, n)
}

// The command knows the exporters that the library leaves out.
func TestValidateKnowsAllExporters(t *testing.T) {
	var out strings.Builder
	p := start(t, &out, "validate", writeConfig(t, "{otlp_grpc: {endpoint: https://collector:4317, tls: {ca_file: /none.pem}}}"))
	p.wantExit(t, 2)
	p.wantStderr(t, "otlp_grpc")
	p.wantStderr(t, "/none.pem")
	p = start(t, &out, "validate", writeConfig(t, "{otlp_grpc: }"))
	p.wantExit(t, 0)
}

// What a collector that is away has not taken waits on disk, which is no loss,
// and goes out at the next start.
func TestPipeThroughSpool(t *testing.T) {
	const n = 3000
	c := newCollector(t, 1<<30)
	config := writeConfig(t, "{spool: {directory: "+filepath.Join(t.TempDir(), "queue")+", exporter: {otlp_http: {endpoint: "+c.URL+"/v1/logs}}}}")
	p := start(t, io.Discard, "pipe", "--config", config, "--drain-timeout", "2s")
	p.feed(t, string(numberLines(n)))
	p.wantExit(t, 0)
	p.wantStderr(t, fmt.Sprintf("sluice: otlp_http: %d accepted, 0 delivered, 0 dropped, %d spooled\n", n, n))

	c.mu.Lock()
	c.busy = 0
	c.mu.Unlock()
	p = start(t, io.Discard, "pipe", "--config", config)
	p.feed(t, "")
	p.wantExit(t, 0)
	p.wantStderr(t, fmt.Sprintf("sluice: otlp_http: %d accepted, %d delivered, 0 dropped", n, n))
	c.wantNumbers(t, n)
}
