package otlp

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/settings"
)

// DefaultEndpoint is where the specification expects a receiver.
const DefaultEndpoint = "http://localhost:4318/v1/logs"

// DefaultMaxRequestSize is the size that receivers of gRPC take by default,
// and a fifth of what the Collector takes over HTTP: batches of usual records
// never come near it, batches of large ones are split before a receiver has to
// refuse them.
const DefaultMaxRequestSize = 4 * exporters.MiB

// The bounds of max_request_size.
const (
	minRequestSize = exporters.KiB
	maxRequestSize = exporters.GiB
)

// Config are the settings of the OTLP/HTTP exporter. [DefaultConfig] supplies
// the defaults; a field then means what it says.
type Config struct {
	// Endpoint is the URL to send to, http or https, with its path:
	// http://collector:4318/v1/logs. Empty, with no Endpoints either, is
	// [DefaultEndpoint]. Credentials belong into Headers: a user in the URL is
	// refused, and while errors show nothing of a query, nor parts of the path
	// that are longer than 15 bytes, who prints a Config sees the whole of it.
	Endpoint string `yaml:"endpoint"`
	// Endpoints, instead of Endpoint, are several such URLs, the preferred one
	// first: the next is used while one does not work. See
	// [exporters.Failover].
	Endpoints []string `yaml:"endpoints"`
	// Encoding is protobuf or json.
	Encoding string `yaml:"encoding"`
	// Headers are sent with each request: credentials, usually.
	Headers map[string]exporters.Secret `yaml:"headers"`
	// HeadersList holds more of them in the form of the variable
	// OTEL_EXPORTER_OTLP_HEADERS: key=value,key=value with values
	// percent-encoded. Headers goes before it.
	HeadersList exporters.Secret `yaml:"headers_list"`
	// Compression is none, gzip or zstd. The specification asks of receivers to
	// take gzip; from one that does not take zstd it is gzip for good.
	Compression string `yaml:"compression"`
	// Timeout bounds each request, from dialling to the end of the answer; 0
	// sets no limit.
	Timeout exporters.Duration `yaml:"timeout"`
	// MaxRequestSize bounds requests, in bytes before compression, which is
	// what receivers bound; from 1KiB to 1GiB. A record that is larger by
	// itself is sent alone: whether it is too large is for the receiver to say.
	MaxRequestSize exporters.Size `yaml:"max_request_size"`
	// TLS is for https: it has no effect on endpoints, or a proxy, without.
	TLS exporters.TLS `yaml:"tls"`
	// ProxyURL is an http, https or socks5 proxy to go through, with user and
	// password in it if it wants them. If it is empty the variables HTTP_PROXY,
	// HTTPS_PROXY and NO_PROXY count, as they are when the process first asks.
	ProxyURL exporters.Secret `yaml:"proxy_url"`
}

// DefaultConfig sends protobuf, not compressed, to [DefaultEndpoint], with 10
// seconds for each request: the defaults of the specification
// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
func DefaultConfig() Config {
	return Config{
		Encoding:       "protobuf",
		Compression:    "none",
		Timeout:        settings.DefaultTimeout,
		MaxRequestSize: DefaultMaxRequestSize,
	}
}

// Validate reports everything that is wrong with c, without touching the disk
// or the network.
func (c Config) Validate() error {
	errs := []error{
		exporters.OneOf("encoding", c.Encoding, "protobuf", "json"),
		exporters.OneOf("compression", c.Compression, "none", "gzip", "zstd"),
		c.TLS.Validate(),
	}
	_, err := c.endpoints()
	errs = append(errs, err)
	_, err = settings.Headers(c.Headers, c.HeadersList)
	errs = append(errs, err)
	if c.Timeout < 0 {
		errs = append(errs, fmt.Errorf("timeout: want 0 or more, have %s", c.Timeout))
	}
	if c.MaxRequestSize < minRequestSize || c.MaxRequestSize > maxRequestSize {
		errs = append(errs, fmt.Errorf("max_request_size: want %s to %s, have %s", minRequestSize, maxRequestSize, c.MaxRequestSize))
	}
	if c.ProxyURL != "" {
		if _, err := httpclient.ParseProxy(c.ProxyURL); err != nil {
			errs = append(errs, fmt.Errorf("proxy_url: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Check reports files that cannot be read, if they are to be.
func (c Config) Check() error { return c.usedTLS().Check() }

// Warnings reports endpoints that are valid, and such as hardly any receiver
// has: without a path, or at the port of gRPC.
func (c Config) Warnings() error {
	urls, err := c.endpoints()
	if err != nil {
		return nil // that is for Validate to say
	}
	var errs []error
	for i, u := range urls {
		key := "endpoint"
		if len(c.Endpoints) > 0 {
			key = fmt.Sprintf("endpoints[%d]", i)
		}
		if u.Path == "/" {
			errs = append(errs, fmt.Errorf("%s: has no path, and receivers of OTLP/HTTP want %s: write it with the path, as in %s", key, logsPath, DefaultEndpoint))
		}
		if u.Port() == "4317" {
			errs = append(errs, fmt.Errorf("%s: port 4317 is that of gRPC by default: write 4318, or use otlp_grpc", key))
		}
	}
	return errors.Join(errs...)
}

// usedTLS returns the settings of TLS if anything speaks it. The schema's own
// example has certificates for an endpoint that does not, in files that need
// not exist.
func (c Config) usedTLS() exporters.TLS {
	urls, _ := c.endpoints()
	if c.ProxyURL != "" {
		proxy, _ := httpclient.ParseProxy(c.ProxyURL)
		urls = append(urls, proxy)
	}
	if slices.ContainsFunc(urls, func(u *url.URL) bool { return u != nil && u.Scheme == "https" }) {
		return c.TLS
	}
	return exporters.TLS{}
}

// endpoints returns where to send to, the preferred one first.
func (c Config) endpoints() ([]*url.URL, error) {
	if len(c.Endpoints) == 0 {
		endpoint := c.Endpoint
		if endpoint == "" {
			endpoint = DefaultEndpoint
		}
		u, err := parseEndpoint(endpoint)
		if err != nil {
			return nil, fmt.Errorf("endpoint: %w", err)
		}
		return []*url.URL{u}, nil
	}
	if c.Endpoint != "" {
		return nil, errors.New("endpoints: endpoint is set as well: put it first into the list")
	}
	urls := make([]*url.URL, len(c.Endpoints))
	var errs []error
	for i, endpoint := range c.Endpoints {
		u, err := parseEndpoint(endpoint)
		if err != nil {
			errs = append(errs, fmt.Errorf("endpoints: number %d: %w", i+1, err))
		}
		urls[i] = u
	}
	return urls, errors.Join(errs...)
}

// parseEndpoint reads a URL. Its errors show nothing of it: there may be a
// password in it.
func parseEndpoint(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case !strings.Contains(s, "://"):
		return nil, errors.New("has no scheme: write http:// or https:// in front of it")
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, errors.New("no URL of http or https: write one like http://collector:4318/v1/logs")
	case u.User != nil:
		return nil, errors.New("there is a user in the URL: set the header Authorization instead")
	case u.Fragment != "":
		return nil, errors.New("there is a # in the URL: write %23 if it belongs to the path")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}
