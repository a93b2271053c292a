package socket

import (
	"bytes"
	"encoding/json"
	"net"
	"path/filepath"
	"testing"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

func TestConformance(t *testing.T) {
	type ends func(t testing.TB) (net.Listener, Config)
	tcp := func(t testing.TB) (net.Listener, Config) {
		ln := listenTCP(t)
		return ln, config("tcp://" + ln.Addr().String())
	}
	secure := func(t testing.TB) (net.Listener, Config) {
		ln, c, _ := secureListener(t, nil)
		return ln, c
	}
	unix := func(t testing.TB) (net.Listener, Config) {
		ln := listen(t, "unix", filepath.Join(t.TempDir(), "s"))
		return ln, config("unix://" + ln.Addr().String())
	}
	for name, s := range map[string]struct {
		ends   ends
		change func(*Config)
	}{
		"tcp":            {tcp, func(*Config) {}},
		"tcp,length":     {tcp, func(c *Config) { c.Framing = "length" }},
		"tcp,otlp":       {tcp, func(c *Config) { c.Format = "otlp_json" }},
		"tcp,otlp,small": {tcp, func(c *Config) { c.Format, c.MaxMessageSize = "otlp_json", 5000 }},
		"tcp,small":      {tcp, func(c *Config) { c.MaxMessageSize = 1400 }},
		"tls":            {secure, func(*Config) {}},
		"tls,length":     {secure, func(c *Config) { c.Framing, c.Format = "length", "logfmt" }},
		"unix,text":      {unix, func(c *Config) { c.Format = "text" }},
	} {
		t.Run(name, func(t *testing.T) {
			// The receiver is there for all of the suite: its goroutines are not
			// the exporter's.
			ln, c := s.ends(t)
			s.change(&c)
			r := receive(t, ln)
			split := lines
			if c.Framing == "length" {
				split = messages
			}
			sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
				r.forget()
				e := open(t, c)
				return e, func() []string {
					hangUp(t, e)
					list := split(t, r.data())
					wantFormat(t, c, list)
					return ids(list)
				}
			}})
		})
	}
	for name, listen := range map[string]func(testing.TB) (net.PacketConn, string){"unixgram": listenUnixgram, "udp": listenUDP} {
		t.Run(name, func(t *testing.T) {
			conn, endpoint := listen(t)
			c, d := config(endpoint), receiveDatagrams(t, conn)
			sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
				d.forget()
				return open(t, c), func() []string {
					list := d.wait(t)
					wantFormat(t, c, list)
					return ids(list)
				}
			}})
		})
	}
}

// wantFormat checks that each message is a whole one.
func wantFormat(t testing.TB, c Config, list [][]byte) {
	t.Helper()
	for _, msg := range list {
		if c.Format == "json" || c.Format == "otlp_json" {
			if !json.Valid(msg) {
				t.Errorf("no JSON: %.200q", msg)
			}
		}
		if bytes.ContainsAny(msg, "\r\n\x00\x1b") {
			t.Errorf("raw control characters: %.200q", msg)
		}
		if c.MaxMessageSize > 0 && len(msg) > int(c.MaxMessageSize) {
			t.Errorf("a message of %d bytes, want at most %d", len(msg), c.MaxMessageSize)
		}
	}
}
