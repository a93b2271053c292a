package socket

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

// endpoint is where records go.
type endpoint struct {
	scheme  string
	network string // package net's
	address string
	host    string // who the certificate must name
	secure  bool   // TLS
}

const wantEndpoint = "want tcp://host:port, tls://host:port, udp://host:port, unix:///path or unixgram:///path"

// maxPath is what the smallest sockaddr_un holds (macOS and the BSDs), less
// the NUL at its end.
const maxPath = 103

// parseEndpoint reads an endpoint. Its errors repeat neither the whole
// endpoint nor what could be a password in it.
func parseEndpoint(s string) (endpoint, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	switch {
	case s == "":
		return endpoint{}, errors.New("is empty: " + wantEndpoint)
	case !ok:
		return endpoint{}, errors.New("has no scheme: " + wantEndpoint)
	case strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return endpoint{}, errors.New("holds a space or a control character: " + wantEndpoint)
	}
	ep := endpoint{scheme: scheme, network: scheme, address: rest}
	switch scheme {
	case "unix", "unixgram":
		return ep, ep.checkPath()
	case "tls":
		ep.network, ep.secure = "tcp", true
	case "tcp", "udp":
	default:
		return endpoint{}, fmt.Errorf("unknown scheme %q: %s", clip(scheme), wantEndpoint)
	}
	if strings.ContainsAny(rest, "@/?#") {
		return endpoint{}, fmt.Errorf("%s:// takes a host and a port, no user, path or query", scheme)
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		return endpoint{}, fmt.Errorf("%q is no host:port (an IPv6 address stands in brackets)", clip(rest))
	}
	if host == "" {
		return endpoint{}, errors.New("names no host: " + wantEndpoint)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return endpoint{}, fmt.Errorf("port %q: want 1 to 65535", clip(port))
	}
	ep.host = host
	return ep, nil
}

func (ep endpoint) checkPath() error {
	abstract := strings.HasPrefix(ep.address, "@")
	switch {
	case !abstract && !filepath.IsAbs(ep.address) && !strings.HasPrefix(ep.address, "/"):
		return fmt.Errorf("%q is no absolute path: write %s:///run/…", clip(ep.address), ep.scheme)
	case len(ep.address) > maxPath:
		return fmt.Errorf("the path has %d bytes: the systems take at most %d", len(ep.address), maxPath)
	}
	return nil
}

// datagram reports whether each message travels by itself.
func (ep endpoint) datagram() bool { return ep.network == "udp" || ep.network == "unixgram" }

// String returns the endpoint as it is configured; it holds no secret.
func (ep endpoint) String() string { return ep.scheme + "://" + ep.address }

// clip bounds what an error repeats of its cause.
func clip(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "…"
}
