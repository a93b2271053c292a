package otlpgrpc_test

import (
	"crypto/tls"
	"os"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/tlstest"
	"github.com/seed2f724858/sluice/exporters/otlp/otlpgrpc"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

func serveTLS(t *testing.T, cfg *tls.Config) *server {
	t.Helper()
	return serve(t, new(server), grpc.Creds(credentials.NewTLS(cfg)))
}

func TestTLS(t *testing.T) {
	ca, stranger := tlstest.NewAuthority(t), tlstest.NewAuthority(t)
	trust := exporters.TLS{CAFile: ca.File}
	for name, c := range map[string]struct {
		tls      exporters.TLS
		cert     tlstest.Certificate
		scheme   string
		insecure bool
		want     string // part of the error; "" for none
	}{
		"https":                    {trust, ca.Issue(t), "https://", false, ""},
		"https beats insecure":     {trust, ca.Issue(t), "https://", true, ""},
		"without a scheme":         {trust, ca.Issue(t), "", false, ""},
		"gRPC's own form":          {trust, ca.Issue(t), "passthrough:///", false, ""},
		"system's authorities":     {exporters.TLS{}, ca.Issue(t), "https://", false, "unknown authority"},
		"another authority":        {trust, stranger.Issue(t), "https://", false, "unknown authority"},
		"expired":                  {trust, ca.Issue(t, tlstest.Expired), "https://", false, "expired"},
		"another name":             {trust, ca.Issue(t, tlstest.For("logs.test")), "https://", false, "127.0.0.1"},
		"name as told":             {exporters.TLS{CAFile: ca.File, ServerName: "logs.test"}, ca.Issue(t, tlstest.For("logs.test")), "https://", false, ""},
		"not verified":             {exporters.TLS{InsecureSkipVerify: true}, stranger.Issue(t), "https://", false, ""},
		"http to a server of TLS":  {trust, ca.Issue(t), "http://", false, "Unavailable"},
		"insecure to one":          {trust, ca.Issue(t), "", true, "Unavailable"},
		"http is plain regardless": {trust, ca.Issue(t), "http://", true, "Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{c.cert.Certificate}})
			cfg := otlpgrpc.DefaultConfig()
			cfg.Endpoint = c.scheme + s.addr
			cfg.TLS = c.tls
			cfg.Insecure = c.insecure
			e := newExporter(t, cfg)
			if c.want == "" {
				write(t, e, "tls")
				return
			}
			// Certificates are renewed: worth another try.
			wantRetryable(t, e, c.want)
			if calls, _ := s.requests(); calls != 0 {
				t.Errorf("%d requests arrived", calls)
			}
		})
	}
}

func TestMutualTLS(t *testing.T) {
	ca, stranger := tlstest.NewAuthority(t), tlstest.NewAuthority(t)
	s := serveTLS(t, &tls.Config{
		Certificates: []tls.Certificate{ca.Issue(t).Certificate},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    ca.Pool,
	})
	own, wrong := ca.Issue(t), stranger.Issue(t)
	cfg := otlpgrpc.DefaultConfig()
	cfg.Endpoint = "https://" + s.addr
	cfg.TLS = exporters.TLS{CAFile: ca.File, CertFile: own.CertFile, KeyFile: own.KeyFile}
	write(t, newExporter(t, cfg), "mutual")

	cfg.TLS.CertFile, cfg.TLS.KeyFile = wrong.CertFile, wrong.KeyFile
	wantRetryable(t, newExporter(t, cfg), "Unavailable")
	cfg.TLS.CertFile, cfg.TLS.KeyFile = "", ""
	wantRetryable(t, newExporter(t, cfg), "Unavailable")
	if got := s.ids(t); len(got) != 1 {
		t.Errorf("arrived: %q", got)
	}
}

func TestTLSFilesAreChecked(t *testing.T) {
	c := otlpgrpc.DefaultConfig()
	c.Endpoint = "https://localhost:4317"
	c.TLS.CAFile = t.TempDir() + "/none.pem"
	if err := c.Validate(); err != nil {
		t.Errorf("Validate looks at files: %v", err)
	}
	for what, err := range map[string]error{"Check": c.Check(), "New": newErr(c)} {
		if err == nil || !strings.Contains(err.Error(), "tls.ca_file: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := os.WriteFile(c.TLS.CAFile, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("Check: %v", err)
	}
}

func newErr(c otlpgrpc.Config) error {
	_, err := otlpgrpc.New(c)
	return err
}

// A socket of this machine is plain, unless there are settings for TLS.
func TestTLSOverUnixSocket(t *testing.T) {
	ca := tlstest.NewAuthority(t)
	path := t.TempDir() + "/otlp.sock"
	l, err := listenUnix(path)
	if err != nil {
		t.Skipf("no Unix sockets here: %v", err)
	}
	s := serveOn(t, l, new(server), grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{ca.Issue(t).Certificate},
	})))
	cfg := otlpgrpc.DefaultConfig()
	cfg.Endpoint = "unix://" + path
	wantRetryable(t, newExporter(t, cfg), "Unavailable")
	cfg.TLS = exporters.TLS{CAFile: ca.File}
	if n, err := newExporter(t, cfg).Write(t.Context(), sinktest.Records("unix", 0, 1)); n != 1 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	if got := s.ids(t); len(got) != 1 {
		t.Errorf("arrived: %q", got)
	}
}
