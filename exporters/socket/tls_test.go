package socket

import (
	"bytes"
	"crypto/tls"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/seed2f724858/sluice/exporters/internal/tlstest"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// What is not to be trusted gets no record, and no record counts as delivered.
func TestDistrust(t *testing.T) {
	for name, s := range map[string]struct {
		server func(*tls.Config, *tlstest.Authority)
		client func(*Config, *tlstest.Authority)
		want   string
	}{
		"unknown authority": {nil, func(c *Config, _ *tlstest.Authority) { c.TLS.CAFile = "" }, "unknown authority"},
		"expired": {func(c *tls.Config, ca *tlstest.Authority) {
			c.Certificates = []tls.Certificate{ca.Issue(t, tlstest.Expired).Certificate}
		}, nil, "expired"},
		"another name": {func(c *tls.Config, ca *tlstest.Authority) {
			c.Certificates = []tls.Certificate{ca.Issue(t, tlstest.For("elsewhere.test")).Certificate}
		}, nil, "127.0.0.1"},
		"a name that forges a line": {func(c *tls.Config, ca *tlstest.Authority) {
			c.Certificates = []tls.Certificate{ca.Issue(t, tlstest.For("evil\n\x1b[31mforged.test")).Certificate}
		}, func(c *Config, _ *tlstest.Authority) { c.TLS.ServerName = "receiver.test" }, `evil \u001b[31mforged.test`},
		"a long name": {func(c *tls.Config, ca *tlstest.Authority) {
			c.Certificates = []tls.Certificate{ca.Issue(t, tlstest.For(strings.Repeat("a", 30_000))).Certificate}
		}, func(c *Config, _ *tlstest.Authority) { c.TLS.ServerName = "receiver.test" }, "aaa…"},
		"old version": {func(c *tls.Config, _ *tlstest.Authority) { c.MaxVersion = tls.VersionTLS12 },
			func(c *Config, _ *tlstest.Authority) { c.TLS.MinVersion = "1.3" }, "version"},
		"wants a certificate": {func(c *tls.Config, ca *tlstest.Authority) {
			c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, ca.Pool
		}, nil, "certificate required"},
		"wants another certificate": {func(c *tls.Config, ca *tlstest.Authority) {
			c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, tlstest.NewAuthority(t).Pool
		}, func(c *Config, ca *tlstest.Authority) {
			cert := ca.Issue(t)
			c.TLS.CertFile, c.TLS.KeyFile = cert.CertFile, cert.KeyFile
		}, "tls: "},
	} {
		t.Run(name, func(t *testing.T) {
			ln, c, ca := secureListener(t, s.server)
			if s.client != nil {
				s.client(&c, ca)
			}
			r, e := receive(t, ln), open(t, c)
			for range 2 {
				n, err := e.Write(t.Context(), sinktest.Records("secret", 0, 3))
				if wantRetryable(t, err); n != 0 || !strings.Contains(err.Error(), s.want) {
					t.Fatalf("Write = %d, %v; want an error with %q", n, err, s.want)
				}
				if text := err.Error(); len(text) > 700 || strings.ContainsAny(text, "\n\x1b") {
					t.Errorf("%d bytes: %.900q", len(text), text)
				}
			}
			if len(r.data()) > 0 {
				t.Error("records went to a receiver that is not to be trusted")
			}
		})
	}
}

// A receiver that answers in plain text gets no records, least of all in plain
// text.
func TestNoDowngrade(t *testing.T) {
	ln := listenTCP(t)
	got := make(chan []byte)
	go func() {
		defer close(got)
		conn, err := ln.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		buf := make([]byte, 1)
		if _, err := io.ReadFull(conn, buf); err != nil {
			t.Error(err)
		}
		if _, err := io.WriteString(conn, "220 no such thing as TLS here\r\n"); err != nil {
			t.Error(err)
		}
		rest, _ := io.ReadAll(conn)
		got <- append(buf, rest...)
	}()
	n, err := open(t, config("tls://"+ln.Addr().String())).Write(t.Context(), sinktest.Records("secret", 0, 3))
	if wantRetryable(t, err); n != 0 {
		t.Errorf("Write = %d", n)
	}
	if data := <-got; len(sinktest.IDs(data)) > 0 {
		t.Errorf("the receiver got %q", data)
	}
}

// A server that takes the certificate says so with a session ticket, or with
// nothing.
func TestClientCertificate(t *testing.T) {
	for _, silent := range []bool{false, true} {
		ln, c, ca := secureListener(t, func(c *tls.Config, ca *tlstest.Authority) {
			c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, ca.Pool
			c.SessionTicketsDisabled = silent
		})
		cert := ca.Issue(t)
		c.TLS.CertFile, c.TLS.KeyFile = cert.CertFile, cert.KeyFile
		r, e := receive(t, ln), open(t, c)
		mustWrite(t, e, sinktest.Records("seq", 0, 3))
		hangUp(t, e)
		if got := ids(lines(t, r.data())); !slices.Equal(got, series("seq", 3)) {
			t.Errorf("arrived: %v", got)
		}
	}
}

// A close_notify is noticed as a close is, behind what a server sends by
// itself after a handshake.
func TestSecureReceiverThatCameBack(t *testing.T) {
	ln, c, _ := secureListener(t, nil)
	e := open(t, c)
	type result struct {
		data []byte
		err  error
	}
	for i := range 3 {
		read := make(chan result)
		go func() {
			conn, err := ln.Accept()
			if err != nil {
				read <- result{nil, err}
				return
			}
			defer close(read)
			defer conn.Close()
			var r result
			for buf := make([]byte, 1); r.err == nil && !bytes.HasSuffix(r.data, []byte("\n")); {
				if _, r.err = conn.Read(buf); r.err == nil {
					r.data = append(r.data, buf...)
				}
			}
			read <- r
		}()
		mustWrite(t, e, sinktest.Records("seq", i, 1))
		r := <-read
		if got := sinktest.IDs(r.data); r.err != nil || !slices.Equal(got, []string{sinktest.ID("seq", i)}) {
			t.Errorf("arrived: %v, %v", got, r.err)
		}
		<-read // closed
	}
}
