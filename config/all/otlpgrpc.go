package all

import (
	"strings"

	"github.com/seed2f724858/sluice/config/internal/otlpkeys"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp/otlpgrpc"
)

// otlpGRPC are the standard's settings of otlp_grpc.
type otlpGRPC struct {
	otlpkeys.Settings `yaml:",inline"`
	TLS               struct {
		otlpkeys.TLS `yaml:",inline"`
		Insecure     bool `yaml:"insecure"`
	} `yaml:"tls"`
}

func defaultOTLPGRPC() otlpGRPC {
	c := otlpGRPC{Settings: otlpkeys.Default()}
	c.Endpoint = otlpgrpc.DefaultConfig().Endpoint
	return c
}

// Validate is that of the settings that these stand for.
func (c *otlpGRPC) Validate() error { return c.config().Validate() }

// Check is that of the settings that these stand for.
func (c *otlpGRPC) Check() error { return c.used().Check() }

// Warnings are those of the settings that these stand for.
func (c *otlpGRPC) Warnings() error { return c.config().Warnings() }

func (c *otlpGRPC) config() otlpgrpc.Config {
	cfg := otlpgrpc.DefaultConfig()
	cfg.Endpoint = c.Endpoint
	cfg.Insecure = c.TLS.Insecure
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
func (c *otlpGRPC) used() otlpgrpc.Config {
	cfg := c.config()
	switch scheme, _, hasScheme := strings.Cut(strings.ToLower(cfg.Endpoint), "://"); {
	case hasScheme && scheme == "http", (!hasScheme || scheme != "https") && cfg.Insecure:
		cfg.TLS = exporters.TLS{}
	}
	return cfg
}

func newOTLPGRPC(c otlpGRPC) (*otlpgrpc.Exporter, error) { return otlpgrpc.New(c.used()) }
