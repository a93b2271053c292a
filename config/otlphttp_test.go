package config

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/record"
)

// collector takes what is sent to it by OTLP/HTTP.
type collector struct {
	*httptest.Server
	answer func(call int) int // the status, 200 if it is nil

	mu     sync.Mutex
	calls  int
	bodies []string
	header http.Header
	path   string
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	c.header, c.path = r.Header, r.URL.Path
	if c.answer != nil {
		if status := c.answer(c.calls); status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
	}
	data, err := io.ReadAll(r.Body)
	if err == nil {
		err = new(decode.OTLPProto).Decode(data, func(rec *record.Record) { c.bodies = append(c.bodies, rec.Body.AsString()) })
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// The standard's exporter under the standard's processor, by all its keys, and
// ours.
func TestOTLPHTTP(t *testing.T) {
	c := newCollector(t)
	c.answer = func(call int) int {
		if call == 1 {
			return http.StatusServiceUnavailable // which costs a retry
		}
		return http.StatusOK
	}
	rt := start(t, `
logger_provider:
  processors:
    - batch:
        exporter:
          otlp_http:
            endpoint: `+c.URL+`/v1/logs
            tls: {ca_file: /none.pem, key_file: , cert_file: }
            headers: [{name: API-Key, value: "1234"}, {name: ignored, value: }, {name: twice, value: a}, {name: twice, value: b}]
            headers_list: "api-key=list,tenant=a%20b"
            compression: none
            timeout: 0
            encoding: protobuf
`)
	rt.Logger("shop").Info("hello")
	rt.Logger("shop").Info("again")
	if err := rt.ForceFlush(t.Context()); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"hello", "again"}, c.bodies); diff != "" {
		t.Error(diff)
	}
	if c.path != "/v1/logs" || c.calls != 2 {
		t.Errorf("%d calls of %s", c.calls, c.path)
	}
	var got []string
	for _, key := range []string{"Api-Key", "Tenant", "Ignored", "Twice", "Content-Type"} {
		got = append(got, strings.Join(c.header.Values(key), "+"))
	}
	if diff := cmp.Diff([]string{"1234", "a b", "", "b", "application/x-protobuf"}, got); diff != "" {
		t.Error(diff)
	}
	if e := rt.Stats().Exporters[0]; e.Name != "otlp_http" || e.Delivered != 2 || e.Writes != 1 || e.Failures != 1 {
		t.Errorf("%+v", e)
	}
}

func TestOTLPEndpoints(t *testing.T) {
	c := newCollector(t)
	rt := start(t, `
logger_provider:
  processors: [{async: {exporter: {otlp: {name: main, endpoints: ["http://127.0.0.1:1/v1/logs", "`+c.URL+`/v1/logs"], compression: none, timeout: 5s}}}}]
`)
	rt.Logger("shop").Info("hello")
	if err := rt.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"hello"}, c.bodies); diff != "" {
		t.Error(diff)
	}
	if e := rt.Stats().Exporters[0]; e.Name != "main" || e.Delivered != 1 || e.Detoured != 1 {
		t.Errorf("%+v", e)
	}
}

// Certificates are looked for where they are used.
func TestCheckTLS(t *testing.T) {
	for settings, bad := range map[string]bool{
		`{otlp_http: {endpoint: "HTTPS://a/v1/logs", tls: {ca_file: /none.pem}}}`:                              true,
		`{otlp_http: {endpoint: "http://a/v1/logs", tls: {ca_file: /none.pem}}}`:                               false,
		`{otlp_http: {tls: {ca_file: /none.pem}}}`:                                                             false,
		`{otlp: {endpoint: "https://a/v1/logs", tls: {ca_file: /none.pem}}}`:                                   true,
		`{socket: {endpoint: "tls://a:1", tls: {ca_file: /none.pem}}}`:                                         true,
		`{failover: {exporters: [{discard: }, {socket: {endpoint: "tls://a:1", tls: {ca_file: /none.pem}}}]}}`: true,
	} {
		doc := parse(t, `
logger_provider: {processors: [{async: {exporter: `+settings+`}}]}
`)
		if err := doc.Check(); (err != nil) != bad || bad && !strings.Contains(err.Error(), "/none.pem") {
			t.Errorf("%s: %v", settings, err)
		}
	}
}
