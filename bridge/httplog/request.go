package httplog

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

const (
	maxText = 2048 // bytes of a path, a query, a user agent
	maxName = 256  // bytes of a method, a host
)

// arrival is the request as it arrived. Handlers may change the one they get:
// routers cut the path, middlewares set RemoteAddr.
type arrival struct {
	method, host, remote string
	url                  url.URL
	tls                  bool
	length               int64
	major, minor         int
	header               http.Header
}

func arrivalOf(r *http.Request) arrival {
	return arrival{
		method: r.Method, host: r.Host, remote: r.RemoteAddr, url: *r.URL, tls: r.TLS != nil,
		length: r.ContentLength, major: r.ProtoMajor, minor: r.ProtoMinor, header: r.Header,
	}
}

// attributes appends the request's own attributes.
func (a *arrival) attributes(attrs []slog.Attr, addressHeader string) []slog.Attr {
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	method, known := knownMethod(a.method)
	add(string(semconv.HTTPRequestMethodKey), method)
	if !known {
		add(string(semconv.HTTPRequestMethodOriginalKey), cut(a.method, maxName))
	}
	scheme := "http"
	if a.tls {
		scheme = "https"
	}
	add(string(semconv.URLSchemeKey), scheme)
	add(string(semconv.URLPathKey), a.path())
	add(string(semconv.URLQueryKey), redactQuery(a.url.RawQuery))
	host, port := splitHost(a.host)
	add(string(semconv.ServerAddressKey), cut(host, maxName))
	if port != 0 {
		attrs = append(attrs, slog.Int(string(semconv.ServerPortKey), port))
	}
	if a.length > 0 {
		attrs = append(attrs, slog.Int64(string(semconv.HTTPRequestBodySizeKey), a.length))
	}
	add(string(semconv.NetworkProtocolVersionKey), version(a.major, a.minor))
	add(string(semconv.ClientAddressKey), a.client(addressHeader))
	add(string(semconv.UserAgentOriginalKey), redactAgent(a.header.Get("User-Agent")))
	return attrs
}

// path is empty for CONNECT, which asks for a host.
func (a *arrival) path() string {
	return redactPath(a.url.EscapedPath())
}

// client returns the address of the client: what the trusted header says, else
// the connection's other end.
func (a *arrival) client(header string) string {
	if header != "" {
		if values := a.header.Values(header); len(values) > 0 {
			last := values[len(values)-1]
			last = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
			if addr, err := netip.ParseAddrPort(last); err == nil {
				return addr.Addr().String()
			}
			if addr, err := netip.ParseAddr(strings.Trim(last, "[]")); err == nil {
				return addr.String()
			}
		}
	}
	if host, _, err := net.SplitHostPort(a.remote); err == nil {
		return host
	}
	return a.remote // a Unix socket's "@", or what a middleware has set
}

// knownMethod returns the method as the conventions want it: one that they do
// not know is _OTHER.
func knownMethod(method string) (string, bool) {
	switch method {
	case http.MethodConnect, http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions,
		http.MethodPatch, http.MethodPost, http.MethodPut, http.MethodTrace, "QUERY":
		return method, true
	}
	return semconv.HTTPRequestMethodOther.Value.AsString(), false
}

// routeOf returns the path of a ServeMux pattern "[METHOD ][HOST]/[PATH]".
func routeOf(pattern string) string {
	if i := strings.IndexByte(pattern, '/'); i >= 0 {
		return pattern[i:]
	}
	return ""
}

// splitHost returns a Host header's name and port, 0 when it has no valid one.
func splitHost(hostport string) (string, int) {
	if host, port, err := net.SplitHostPort(hostport); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			return host, int(n)
		}
		return host, 0
	}
	return strings.Trim(hostport, "[]"), 0
}

func version(major, minor int) string {
	switch {
	case major == 1 && minor == 1:
		return "1.1"
	case major >= 2 && minor == 0:
		return strconv.Itoa(major)
	}
	return strconv.Itoa(major) + "." + strconv.Itoa(minor)
}

// cut returns at most n bytes of s, whole characters, with an ellipsis where
// something is missing.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n -= len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
