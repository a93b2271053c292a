package otlpgrpc

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/settings"
)

// Config are the settings of the exporter. [DefaultConfig] supplies the
// defaults; a field then means what it says.
type Config struct {
	// Endpoint is the server: an http:// or https:// URL, host:port, or another
	// name that gRPC has for one, such as unix:///run/collector.sock. A URL
	// without a port means port 80 or 443. Empty, with no Endpoints either, is
	// [DefaultEndpoint]. Credentials belong into Headers.
	Endpoint string `yaml:"endpoint"`
	// Endpoints, instead of Endpoint, are several of these, the preferred one
	// first: the next is used while one does not work. See
	// [exporters.Failover].
	Endpoints []string `yaml:"endpoints"`
	// Insecure switches TLS off for endpoints that do not say by http:// or
	// https:// whether to use it. Without it those have TLS, but for sockets of
	// this machine, if TLS has no settings.
	Insecure bool `yaml:"insecure"`
	// Headers are sent with each request, as gRPC's metadata. Keys are sent in
	// lower case; user-agent stands in for the exporter's own. Values have
	// printable characters of ASCII only, unless the key ends in -bin.
	Headers map[string]exporters.Secret `yaml:"headers"`
	// HeadersList are further headers, "key=value,key=value" with values
	// percent-encoded, as in OTEL_EXPORTER_OTLP_HEADERS. Those in Headers go
	// before.
	HeadersList exporters.Secret `yaml:"headers_list"`
	// Compression is none or gzip.
	Compression string `yaml:"compression"`
	// Timeout bounds each request, connecting included; 0 and
	// [exporters.Unlimited] set no limit. It is also what a connection that is
	// only half open is noticed by.
	Timeout exporters.Duration `yaml:"timeout"`
	// MaxRequestSize bounds requests, in bytes before compression, which is
	// what servers bound; from 1KiB to 1GiB. A record that is larger by itself
	// is sent alone: whether it is too large is for the server to say.
	MaxRequestSize exporters.Size `yaml:"max_request_size"`
	// TLS is for connections with TLS.
	TLS exporters.TLS `yaml:"tls"`
}

// DefaultEndpoint is where the specification expects a server.
const DefaultEndpoint = "http://localhost:4317"

// DefaultMaxRequestSize keeps some distance from the 4 MiB beyond which servers
// of gRPC refuse requests unless they are told otherwise.
const DefaultMaxRequestSize exporters.Size = 4_000_000

// The bounds of max_request_size.
const (
	minRequestSize = exporters.KiB
	maxRequestSize = exporters.GiB
)

// DefaultConfig sends to [DefaultEndpoint], not compressed, with 10 seconds for
// each request: the defaults of the specification
// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
func DefaultConfig() Config {
	return Config{
		Compression:    "none",
		Timeout:        settings.DefaultTimeout,
		MaxRequestSize: DefaultMaxRequestSize,
	}
}

// FromEnvironment returns the defaults changed by what the variables
// OTEL_EXPORTER_OTLP_… and, before those, OTEL_EXPORTER_OTLP_LOGS_… say:
// ENDPOINT, INSECURE, HEADERS, COMPRESSION, TIMEOUT (in milliseconds),
// CERTIFICATE, CLIENT_CERTIFICATE and CLIENT_KEY
// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/). With an error
// it returns the settings without those that are wrong. Errors of it and of
// Validate show no value of a variable.
func FromEnvironment() (Config, error) {
	env, err := settings.ReadEnvironment()
	c := DefaultConfig()
	c.Endpoint = env.Endpoint
	c.Insecure = env.Insecure
	c.HeadersList = env.Headers
	switch env.Compression {
	case "":
	case "none", "gzip":
		c.Compression = env.Compression
	default:
		err = errors.Join(err, fmt.Errorf("%s: unknown value: want none or gzip", settings.Variable("COMPRESSION")))
	}
	c.Timeout = env.Timeout
	c.TLS = env.TLS
	return c, err
}

// Validate reports what is wrong with c, without touching disk or network.
func (c Config) Validate() error {
	var errs []error
	if _, err := c.parseEndpoints(); err != nil {
		errs = append(errs, err)
	}
	if _, err := c.allHeaders(); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, exporters.OneOf("compression", c.Compression, "none", "gzip"))
	if c.Timeout < 0 {
		errs = append(errs, fmt.Errorf("timeout: want 0 or more, have %s", c.Timeout))
	}
	if c.MaxRequestSize < minRequestSize || c.MaxRequestSize > maxRequestSize {
		errs = append(errs, fmt.Errorf("max_request_size: want %s to %s, have %s", minRequestSize, maxRequestSize, c.MaxRequestSize))
	}
	errs = append(errs, c.TLS.Validate())
	return errors.Join(errs...)
}

// Check reports what is wrong outside of c: files of TLS that cannot be read,
// if an endpoint has TLS, and a proxy in the environment that cannot be used.
func (c Config) Check() error {
	endpoints, err := c.parseEndpoints()
	if err != nil {
		return err
	}
	err = checkProxy(endpoints)
	if slices.ContainsFunc(endpoints, func(e endpoint) bool { return e.usesTLS(c) }) {
		err = errors.Join(c.TLS.Check(), err)
	}
	return err
}

// Warnings reports endpoints that are valid, and at the port of OTLP/HTTP.
func (c Config) Warnings() error {
	endpoints, err := c.parseEndpoints()
	if err != nil {
		return nil // that is for Validate to say
	}
	var errs []error
	for i, e := range endpoints {
		if !strings.HasSuffix(e.host, ":4318") {
			continue
		}
		key := "endpoint"
		if len(c.Endpoints) > 0 {
			key = fmt.Sprintf("endpoints[%d]", i)
		}
		errs = append(errs, fmt.Errorf("%s: port 4318 is that of OTLP/HTTP by default: write 4317, or use otlp_http", key))
	}
	return errors.Join(errs...)
}

// parseEndpoints returns where to send to, the preferred one first.
func (c Config) parseEndpoints() ([]endpoint, error) {
	if len(c.Endpoints) == 0 {
		e, err := parseEndpoint(cmp.Or(c.Endpoint, DefaultEndpoint))
		if err != nil {
			return nil, fmt.Errorf("endpoint: %w", err)
		}
		return []endpoint{e}, nil
	}
	if c.Endpoint != "" {
		return nil, errors.New("endpoints: endpoint is set as well: put it first into the list")
	}
	list := make([]endpoint, len(c.Endpoints))
	var errs []error
	for i, s := range c.Endpoints {
		var err error
		if list[i], err = parseEndpoint(s); err != nil {
			errs = append(errs, fmt.Errorf("endpoints: number %d: %w", i+1, err))
		}
	}
	return list, errors.Join(errs...)
}

// allHeaders returns the headers by their names in lower case.
func (c Config) allHeaders() (map[string]exporters.Secret, error) {
	headers, err := settings.Headers(c.Headers, c.HeadersList)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(headers)) {
		if err := checkMetadata(key, headers[key].Reveal()); err != nil {
			return nil, fmt.Errorf("headers: %w", err)
		}
	}
	return headers, nil
}

// toMetadata returns headers as gRPC has them, and the user agent.
func toMetadata(headers map[string]exporters.Secret) (metadata.MD, string) {
	md, agent := metadata.MD{}, settings.UserAgent()
	for key, value := range headers {
		if key == "user-agent" {
			agent = value.Reveal()
			continue
		}
		md[key] = []string{value.Reveal()}
	}
	return md, agent
}

// checkMetadata holds a header against gRPC's stricter rules
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests).
// gRPC would leave some of them out without a word.
func checkMetadata(key, value string) error {
	if strings.HasPrefix(key, "grpc-") {
		return fmt.Errorf("%s: gRPC keeps names that begin with grpc- for itself", key)
	}
	if strings.Trim(key, "0123456789abcdefghijklmnopqrstuvwxyz_-.") != "" {
		return fmt.Errorf("%s: gRPC's metadata has letters, digits, and _ - . in keys", key)
	}
	other := func(r rune) bool { return r < ' ' || r > '~' }
	if !strings.HasSuffix(key, "-bin") && strings.ContainsFunc(value, other) {
		return fmt.Errorf("%s: the value has characters other than printable ones of ASCII, which gRPC sends for keys in -bin only", key)
	}
	return nil
}

// checkProxy reports a proxy in the environment that gRPC could not use: its
// error, with each request, would show the proxy's password.
func checkProxy(endpoints []endpoint) error {
	for _, e := range endpoints {
		if e.host == "" {
			continue
		}
		request := &http.Request{URL: &url.URL{Scheme: "https", Host: e.host}}
		if _, err := http.ProxyFromEnvironment(request); err != nil {
			return errors.New("HTTPS_PROXY in the environment: want a URL like http://proxy:3128")
		}
	}
	return nil
}
