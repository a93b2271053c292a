package httpclient_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
	"github.com/seed2f724858/sluice/exporters/internal/tlstest"
)

func tlsServer(c tlstest.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.Certificate}}
}

func nobody() *log.Logger { return log.New(io.Discard, "", 0) }

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"5":                             5 * time.Second,
		" 5 ":                           5 * time.Second,
		"86400":                         httpclient.MaxRetryAfter,
		"99999999999999999999999999":    httpclient.MaxRetryAfter,
		"-1":                            0,
		"1.5":                           0,
		"soon":                          0,
		"Sat, 21 Nov 2026 10:00:30 GMT": 30 * time.Second,
		"Sat, 21 Nov 2026 09:59:30 GMT": 0,
		"Sun, 21 Nov 2027 10:00:00 GMT": httpclient.MaxRetryAfter,
		"Fri, 31 Dec 9999 23:59:59 GMT": httpclient.MaxRetryAfter,
	} {
		if got := httpclient.RetryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
	if got := httpclient.RetryAfter(nil, now); got != 0 {
		t.Errorf("no header: %s", got)
	}
}

func TestStatusError(t *testing.T) {
	err := fmt.Errorf("otlp: %w", &httpclient.StatusError{Status: 503, Message: "closed on Sundays", After: 90 * time.Second})
	if got, want := err.Error(), "otlp: status 503 Service Unavailable: closed on Sundays (retry after 1m30s)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if after, ok := errors.AsType[exporters.RetryAfterer](err); !ok || after.RetryAfter() != 90*time.Second {
		t.Error("does not say when to retry")
	}
	if got := (&httpclient.StatusError{Status: 599}).Error(); got != "status 599" {
		t.Errorf("%q", got)
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Sat, 21 Nov 2026 10:00:30 GMT")
	f.Fuzz(func(t *testing.T, value string) {
		d := httpclient.RetryAfter(http.Header{"Retry-After": {value}}, time.Unix(1795000000, 0))
		if d < 0 || d > httpclient.MaxRetryAfter {
			t.Errorf("%q: %s", value, d)
		}
	})
}
