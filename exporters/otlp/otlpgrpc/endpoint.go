package otlpgrpc

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"google.golang.org/grpc/resolver"

	"github.com/seed2f724858/sluice/exporters"
)

// endpoint is a server to send to.
type endpoint struct {
	name   string // for errors
	target string // what gRPC calls it
	host   string // host:port, if that is known
	plain  bool   // its own form says that there is no TLS
	secure bool   // its own form says that there is
	local  bool   // it is a socket of this machine's file system
}

const endpointForms = "want host:port, or a URL like https://collector:4317"

// parseEndpoint reads an endpoint. Its errors do not show it: it may hold a
// password by mistake.
func parseEndpoint(s string) (endpoint, error) {
	if s == "" {
		return endpoint{}, errors.New("empty: " + endpointForms)
	}
	scheme, rest, found := strings.Cut(s, ":")
	scheme = strings.ToLower(scheme)
	switch {
	case found && (scheme == "http" || scheme == "https"):
		return parseURL(s)
	case found && resolver.Get(scheme) != nil && !isPort(rest):
		return parseTarget(s)
	case strings.Contains(s, "://"):
		return endpoint{}, errors.New("unknown scheme: " + endpointForms)
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || !isHost(host) || !isPort(port) {
		return endpoint{}, errors.New(endpointForms)
	}
	return endpoint{name: s, target: dns(s), host: s}, nil
}

// parseURL reads the form that the specification demands. A URL without a port
// means its scheme's, as everywhere.
func parseURL(s string) (endpoint, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return endpoint{}, errors.New("not a URL: " + endpointForms)
	case u.User != nil:
		return endpoint{}, errors.New("user and password do not belong here: put them into headers (authorization)")
	case !isHost(u.Hostname()):
		return endpoint{}, errors.New("no host: " + endpointForms)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return endpoint{}, errors.New("gRPC has no path behind the host: write the URL without it, or use otlp_http for an endpoint of OTLP/HTTP")
	}
	e := endpoint{plain: u.Scheme == "http", secure: u.Scheme == "https"}
	port := u.Port()
	switch {
	case port == "" && e.plain:
		port = "80"
	case port == "":
		port = "443"
	case !isPort(port):
		return endpoint{}, errors.New("port: want 1 to 65535")
	}
	e.host = net.JoinHostPort(u.Hostname(), port)
	e.name, e.target = u.Scheme+"://"+e.host, dns(e.host)
	return e, nil
}

// parseTarget reads a name that one of gRPC's resolvers understands
// (https://github.com/grpc/grpc/blob/master/doc/naming.md).
func parseTarget(s string) (endpoint, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return endpoint{}, fmt.Errorf("not a gRPC target: %s", endpointForms)
	case u.User != nil:
		return endpoint{}, errors.New("user and password do not belong here: put them into headers (authorization)")
	case strings.Trim(u.Opaque+u.Path, "/") == "":
		return endpoint{}, errors.New("nothing behind the scheme")
	}
	local := u.Scheme == "unix" || u.Scheme == "unix-abstract"
	if u.Scheme == "unix" && u.Host != "" {
		return endpoint{}, errors.New("a socket's path is absolute after unix://, as in unix:///run/collector.sock")
	}
	return endpoint{name: s, target: s, local: local}, nil
}

// dns names a host for gRPC's resolver, which is built anew with every
// connection: an address that has changed is found.
func dns(hostPort string) string {
	return (&url.URL{Scheme: "dns", Path: "/" + hostPort}).String()
}

// usesTLS reports whether the server is spoken to through TLS.
func (e endpoint) usesTLS(cfg Config) bool {
	switch {
	case e.plain || e.secure:
		return e.secure
	case e.local:
		return !cfg.Insecure && cfg.TLS != exporters.TLS{}
	}
	return !cfg.Insecure
}

// isHost reports whether s may be a name or an address; it can stand in an
// error.
func isHost(s string) bool {
	other := func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(`@/?#\ `, r) }
	return s != "" && !strings.ContainsFunc(s, other)
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}
