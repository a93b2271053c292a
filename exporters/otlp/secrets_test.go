package otlp_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// Receivers repeat what they refuse. Nothing of it that is secret shows: headers,
// what stands in a query, and what is long in a path.
func TestEchoesShowNoSecrets(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, "cannot take %s from %q for %s", r.URL.RequestURI(), r.Header.Get("Authorization"), r.URL.Query().Get("key"))
	}))
	defer s.Close()
	e := newExporter(t, config(s.URL+"/otlp/hunter2hunter2hunter2/v1/logs?key=query%2Bhunter2", func(c *otlp.Config) {
		c.Headers = map[string]exporters.Secret{"Authorization": `Bearer token/"hunter2`}
	}))
	_, err := e.Write(t.Context(), sinktest.Records("x", 0, 1))
	want := `: cannot take /otlp/[REDACTED]/v1/logs?key=[REDACTED] from "[REDACTED]" for [REDACTED]`
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// The password of a proxy is none of the receiver's business, nor of who reads
// the error when a proxy repeats it.
func TestProxyEchoesShowNoSecrets(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusProxyAuthRequired)
		_, _ = io.WriteString(w, "not hunter2hunter2 nor "+r.Header.Get("Proxy-Authorization"))
	}))
	defer s.Close()
	e := newExporter(t, config("http://collector.test/v1/logs", func(c *otlp.Config) {
		c.ProxyURL = exporters.Secret(strings.Replace(s.URL, "http://", "http://user:hunter2hunter2@", 1))
	}))
	_, err := e.Write(t.Context(), sinktest.Records("x", 0, 1))
	if err == nil || !strings.HasSuffix(err.Error(), ": not [REDACTED] nor Basic [REDACTED]") {
		t.Error(err)
	}
}

// What stands in a variable may be a secret that has got into the wrong one.
func TestEnvironmentIsNotRepeated(t *testing.T) {
	for _, key := range []string{"ENDPOINT", "HEADERS", "TIMEOUT", "COMPRESSION", "PROTOCOL", "CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"} {
		for _, value := range []string{"hunter2 hunter2", "http://user:hunter2@h:1", "-----BEGIN PRIVATE KEY-----\nhunter2"} {
			t.Run(key, func(t *testing.T) {
				t.Setenv("OTEL_EXPORTER_OTLP_"+key, value)
				c, err := otlp.FromEnvironment()
				if err = errors.Join(err, c.Validate()); err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Error(err)
				}
			})
		}
	}
}
