package config

import (
	"strings"

	"github.com/seed2f724858/sluice/config/internal/otlpkeys"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp"
)

// otlpHTTP are the standard's settings of otlp_http.
type otlpHTTP struct {
	otlpkeys.Settings `yaml:",inline"`
	TLS               otlpkeys.TLS `yaml:"tls"`
	Encoding          string       `yaml:"encoding"`
}

func defaultOTLPHTTP() otlpHTTP {
	return otlpHTTP{Settings: otlpkeys.Default(), Encoding: otlp.DefaultConfig().Encoding}
}

// Validate is that of the settings that these stand for.
func (c *otlpHTTP) Validate() error { return c.config().Validate() }

// Check is that of the settings that these stand for.
func (c *otlpHTTP) Check() error { return c.used().Check() }

// Warnings are those of the settings that these stand for.
func (c *otlpHTTP) Warnings() error { return c.config().Warnings() }

func (c *otlpHTTP) config() otlp.Config {
	cfg := otlp.DefaultConfig()
	cfg.Endpoint = c.Endpoint
	cfg.Encoding = c.Encoding
	cfg.Headers = c.HeaderMap()
	cfg.HeadersList = c.HeadersList
	cfg.Compression = c.Compression
	cfg.Timeout = c.TimeoutDuration()
	cfg.TLS = c.TLS.Client()
	return cfg
}

// used returns the settings without those that have no effect: the schema's
// own example has certificates for an endpoint without TLS, in files that need
// not exist.
func (c *otlpHTTP) used() otlp.Config {
	cfg := c.config()
	if scheme, _, _ := strings.Cut(cfg.Endpoint, ":"); !strings.EqualFold(scheme, "https") {
		cfg.TLS = exporters.TLS{}
	}
	return cfg
}

func newOTLPHTTP(c otlpHTTP) (*otlp.Exporter, error) { return otlp.New(c.used()) }
