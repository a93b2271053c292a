package httpclient_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
	"github.com/seed2f724858/sluice/exporters/internal/tlstest"
)

// say listens and says to each connection what answer makes of the first line
// and the header Authorization that came.
func say(t *testing.T, answer func(line, authorization string) string) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				line, _ := in.ReadString('\n')
				authorization := ""
				for {
					header, err := in.ReadString('\n')
					if err != nil || header == "\r\n" {
						break
					}
					if name, value, _ := strings.Cut(header, ": "); strings.HasSuffix(name, "Authorization") {
						authorization = strings.TrimSpace(value)
					}
				}
				_, _ = io.WriteString(conn, answer(strings.TrimSpace(line), authorization))
				_ = conn.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, in) // a close with something unread is a reset
			}()
		}
	}()
	return ln.Addr().String()
}

// What listens may be no server of HTTP, and send back what it gets.
func TestEchoesShowNoSecrets(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(line, authorization string) string
		want   string
	}{
		"the request": {func(line, _ string) string { return line + "\r\n\r\n" }, "malformed HTTP status code"},
		"a header":    {func(_, a string) string { return a + "\r\n\r\n" }, "malformed HTTP"},
		"no protocol": {func(_, a string) string { return strings.ReplaceAll(a, " ", "") + "\r\n\r\n" }, "malformed HTTP response"},
		"a line with a header": {
			func(_, a string) string { return "HTTP/1.1 200 OK\r\n " + a + "\r\n\r\n" }, "malformed MIME header initial line",
		},
		"no colon": {func(_, a string) string { return "HTTP/1.1 200 OK\r\n" + a + "\r\n\r\n" }, "malformed MIME header"},
		"length": {
			func(_, a string) string { return "HTTP/1.1 200 OK\r\nContent-Length: " + a + "\r\n\r\n" }, "bad Content-Length",
		},
		"encoding": {
			func(_, a string) string { return "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + a + "\r\n\r\n" }, "unsupported transfer encoding",
		},
	} {
		t.Run(name, func(t *testing.T) {
			// The secrets are not even known.
			client, to := newClient(t, httpclient.Config{}), say(t, c.answer)
			r := post(t, "http://"+to+"/services/hunter2hunter2", "x")
			r.Header.Set("Authorization", "Bearer hunter2hunter2")
			_, err := client.Do(t.Context(), r)
			if err == nil || strings.Contains(err.Error(), "hunter") || !strings.HasPrefix(err.Error(), "http://"+to) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestClean(t *testing.T) {
	c := newClient(t, httpclient.Config{
		ProxyURL: "http://user:proxyhunter2@proxy:3128",
		Secrets:  []string{"hunter2hunter2"},
	})
	got := c.Clean("hunter2hunter2 by dXNlcjpwcm94eWh1bnRlcjI= that is proxyhunter2\n")
	if want := "[REDACTED] by [REDACTED] that is [REDACTED]"; got != want {
		t.Errorf("%s", got)
	}
}

// Proxies like to say which password is wrong.
func TestProxyEchoesShowNoSecrets(t *testing.T) {
	for name, answer := range map[string]func(line, authorization string) string{
		"status": func(_, a string) string {
			return "HTTP/1.1 407 wrong " + a + " hunter2hunter2\r\nContent-Length: 0\r\n\r\n"
		},
		"body": func(_, a string) string {
			return fmt.Sprintf("HTTP/1.1 407 no\r\nContent-Length: %d\r\n\r\n%s", len(a), a)
		},
		"garbage": func(_, a string) string { return a + " hunter2hunter2 hunter2hunter2\r\n\r\n" },
		"header":  func(_, a string) string { return "HTTP/1.1 200 OK\r\n " + a + " hunter2hunter2\r\n\r\n" },
	} {
		t.Run(name, func(t *testing.T) {
			proxy := say(t, answer)
			c := newClient(t, httpclient.Config{ProxyURL: exporters.Secret("http://user:hunter2hunter2@" + proxy)})
			for _, scheme := range []string{"http", "https"} {
				a, err := c.Do(t.Context(), post(t, scheme+"://collector.test/", "x"))
				if err == nil && scheme == "https" {
					t.Fatalf("%+v", a)
				}
				text := fmt.Sprint(err)
				if err == nil {
					text = c.Clean(string(a.Body))
				}
				if strings.Contains(text, "hunter2") || strings.Contains(text, "dXNlcjpodW") {
					t.Errorf("%s: %s", scheme, text)
				}
				if want := "the proxy does not connect: status 407 Proxy Authentication Required"; scheme == "https" && (name == "status" || name == "body") && !strings.HasSuffix(text, want) {
					t.Errorf("%s, want %s", text, want)
				}
			}
		})
	}
}

// Certificates are texts from outside as well.
func TestCertificateTextIsQuoted(t *testing.T) {
	ca := tlstest.NewAuthority(t)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = tlsServer(ca.Issue(t, tlstest.For("evil\n\x1b[31mforged.test")))
	s.Config.ErrorLog = nobody()
	s.StartTLS()
	defer s.Close()
	_, err := newClient(t, httpclient.Config{TLS: exporters.TLS{CAFile: ca.File, ServerName: "collector.test"}}).Do(t.Context(), post(t, s.URL, "x"))
	if err == nil || strings.ContainsAny(err.Error(), "\n\x1b") || !strings.Contains(err.Error(), `evil \u001b[31mforged.test`) {
		t.Errorf("%q", err)
	}
}
