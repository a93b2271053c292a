package exporters_test

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/tlstest"
)

// handshake lets a client with the settings c meet a server, and returns what
// either side says, and the certificate that the client showed.
func handshake(t *testing.T, c exporters.TLS, server *tls.Config) (clientErr, serverErr error, shown *tls.ConnectionState) {
	t.Helper()
	cfg, err := c.Client()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	done := make(chan error, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			done <- err
			return
		}
		defer conn.Close()
		err = conn.(*tls.Conn).Handshake()
		state := conn.(*tls.Conn).ConnectionState()
		shown = &state
		if err == nil {
			_, err = conn.Write([]byte("x")) // in TLS 1.3 the client reads of its refusal
		}
		done <- err
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if cfg.ServerName == "" {
		cfg.ServerName = "127.0.0.1" // as who dials does
	}
	client := tls.Client(conn, cfg)
	clientErr = client.Handshake()
	if clientErr == nil {
		_, clientErr = io.ReadFull(client, make([]byte, 1))
	}
	conn.Close()
	serverErr = <-done
	return clientErr, serverErr, shown
}

func TestTLSVerifiesTheServer(t *testing.T) {
	ca, stranger := tlstest.NewAuthority(t), tlstest.NewAuthority(t)
	trust := exporters.TLS{CAFile: ca.File}
	for name, c := range map[string]struct {
		client exporters.TLS
		cert   tlstest.Certificate
		max    uint16
		want   string // part of the client's error; "" for none
	}{
		"trusted":              {trust, ca.Issue(t), 0, ""},
		"system's authorities": {exporters.TLS{}, ca.Issue(t), 0, "unknown authority"},
		"another authority":    {trust, stranger.Issue(t), 0, "unknown authority"},
		"expired":              {trust, ca.Issue(t, tlstest.Expired), 0, "expired"},
		"another name":         {trust, ca.Issue(t, tlstest.For("logs.test")), 0, "127.0.0.1"},
		"name as told":         {exporters.TLS{CAFile: ca.File, ServerName: "logs.test"}, ca.Issue(t, tlstest.For("logs.test")), 0, ""},
		"name not as told":     {exporters.TLS{CAFile: ca.File, ServerName: "logs.test"}, ca.Issue(t), 0, "logs.test"},
		"not verified":         {exporters.TLS{InsecureSkipVerify: true}, stranger.Issue(t, tlstest.Expired), 0, ""},
		"TLS 1.1":              {trust, ca.Issue(t), tls.VersionTLS11, "protocol version"},
		"TLS 1.2":              {trust, ca.Issue(t), tls.VersionTLS12, ""},
		"TLS 1.2 as least":     {exporters.TLS{CAFile: ca.File, MinVersion: "1.2"}, ca.Issue(t), tls.VersionTLS12, ""},
		"TLS 1.3 as least":     {exporters.TLS{CAFile: ca.File, MinVersion: "1.3"}, ca.Issue(t), tls.VersionTLS12, "protocol version"},
	} {
		t.Run(name, func(t *testing.T) {
			err, _, _ := handshake(t, c.client, &tls.Config{
				Certificates: []tls.Certificate{c.cert.Certificate},
				MinVersion:   tls.VersionTLS10,
				MaxVersion:   c.max,
			})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("handshake: %v; want %q", err, c.want)
			}
		})
	}
}

func TestTLSShowsAClientCertificate(t *testing.T) {
	ca := tlstest.NewAuthority(t)
	server := &tls.Config{
		Certificates: []tls.Certificate{ca.Issue(t).Certificate},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    ca.Pool,
	}
	first, second := ca.Issue(t, tlstest.For("first")), ca.Issue(t, tlstest.For("second"))
	c := exporters.TLS{CAFile: ca.File, CertFile: first.CertFile, KeyFile: first.KeyFile}
	cfg, err := c.Client()
	if err != nil {
		t.Fatal(err)
	}

	if err, serverErr, _ := handshake(t, exporters.TLS{CAFile: ca.File}, server); err == nil || serverErr == nil {
		t.Errorf("without a certificate: client %v, server %v", err, serverErr)
	}
	if err, _, state := handshake(t, c, server); err != nil || state.PeerCertificates[0].Subject.CommonName != "first" {
		t.Errorf("with a certificate: %v", err)
	}

	name := func() string {
		t.Helper()
		cert, err := cfg.GetClientCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return cert.Leaf.Subject.CommonName
	}
	// Renewed in two steps: between them the files do not fit together.
	move(t, second.CertFile, first.CertFile)
	if got := name(); got != "first" {
		t.Errorf("with half of the files renewed: %s", got)
	}
	move(t, second.KeyFile, first.KeyFile)
	if got := name(); got != "second" {
		t.Errorf("renewed: %s", got)
	}
	if err := os.Remove(first.KeyFile); err != nil {
		t.Fatal(err)
	}
	if got := name(); got != "second" {
		t.Errorf("with its key removed: %s", got)
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestTLSFaults(t *testing.T) {
	ca := tlstest.NewAuthority(t)
	cert, other := ca.Issue(t), ca.Issue(t)
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge.pem")
	if err := os.WriteFile(huge, make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		tls      exporters.TLS
		want     string
		validate bool // found without the disk
	}{
		"certificate without key":  {exporters.TLS{CertFile: cert.CertFile}, "tls.key_file: missing", true},
		"key without certificate":  {exporters.TLS{KeyFile: cert.KeyFile}, "tls.cert_file: missing", true},
		"key instead of its file":  {exporters.TLS{CertFile: cert.CertFile, KeyFile: "-----BEGIN PRIVATE KEY-----hunter2"}, "tls.key_file: want the name of a file", true},
		"two lines":                {exporters.TLS{CAFile: "hunter2\nhunter2"}, "tls.ca_file: want the name of a file", true},
		"URL":                      {exporters.TLS{CAFile: "https://me:hunter2@h/ca.pem"}, "tls.ca_file: want the name of a file", true},
		"escapes":                  {exporters.TLS{CAFile: "\x1b[31mhunter2"}, "tls.ca_file: want the name of a file", true},
		"endless":                  {exporters.TLS{CertFile: strings.Repeat("hunter2", 1000), KeyFile: cert.KeyFile}, "tls.cert_file: want the name of a file", true},
		"version":                  {exporters.TLS{MinVersion: "1.1"}, `tls.min_version: unknown value "1.1"`, true},
		"no authority":             {exporters.TLS{CAFile: filepath.Join(dir, "none.pem")}, "tls.ca_file: ", false},
		"authority is a key":       {exporters.TLS{CAFile: cert.KeyFile}, "tls.ca_file: ", false},
		"authority is a directory": {exporters.TLS{CAFile: dir}, "no regular file", false},
		"huge authority":           {exporters.TLS{CAFile: huge}, "larger than", false},
		"no certificate":           {exporters.TLS{CertFile: filepath.Join(dir, "none.pem"), KeyFile: cert.KeyFile}, "tls.cert_file: ", false},
		"no key":                   {exporters.TLS{CertFile: cert.CertFile, KeyFile: filepath.Join(dir, "none.pem")}, "tls.key_file: ", false},
		"another's key":            {exporters.TLS{CertFile: cert.CertFile, KeyFile: other.KeyFile}, "does not match", false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.tls.Validate(); (err != nil) != c.validate {
				t.Errorf("Validate: %v", err)
			}
			if err := c.tls.Check(); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Check: %v; want %q", err, c.want)
			}
		})
	}
	if err := (exporters.TLS{CAFile: ca.File, CertFile: cert.CertFile, KeyFile: cert.KeyFile, MinVersion: "1.3"}).Check(); err != nil {
		t.Errorf("sound settings: %v", err)
	}
}
