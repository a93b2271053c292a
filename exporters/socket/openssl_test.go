package socket

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/tlstest"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// Another implementation of TLS at the other end, which asks for new keys in
// between: its request is answered while the exporter looks at the connection.
func TestOpenSSLReads(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip(err)
	}
	ca := tlstest.NewAuthority(t)
	cert := ca.Issue(t)
	// Bounds what must not block; reached only when the test fails.
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, openssl, "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-tls1_3",
		"-cert", cert.CertFile, "-key", cert.KeyFile, "-CAfile", ca.File, "-Verify", "1", "-verify_return_error")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out, updates := bufio.NewReader(stdout), 0
	until := func(want string) string {
		t.Helper()
		for {
			line, err := out.ReadString('\n')
			if err != nil {
				t.Fatalf("openssl does not say %q: %v", want, err)
			}
			updates += strings.Count(line, "SSL_do_handshake -> 1")
			if strings.Contains(line, want) {
				return strings.TrimSpace(line)
			}
		}
	}
	c := config("tls://" + strings.TrimPrefix(until("ACCEPT 127.0.0.1:"), "ACCEPT "))
	c.TLS = exporters.TLS{CAFile: ca.File, CertFile: cert.CertFile, KeyFile: cert.KeyFile}
	e := open(t, c)
	for i := range 5 {
		mustWrite(t, e, sinktest.Records("seq", i, 1))
		until(sinktest.ID("seq", i))
		if i == 4 {
			break // a key update that meets the end of a connection spoils it
		}
		if _, err := io.WriteString(stdin, "K\n"); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	_, _ = io.Copy(io.Discard, out)
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, stderr.Bytes())
	}
	if updates == 0 {
		t.Error("openssl has asked for no new keys")
	}
}
