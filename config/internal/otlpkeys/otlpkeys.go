// Package otlpkeys is what the components otlp_http and otlp_grpc of
// OpenTelemetry's declarative configuration have in common
// (https://opentelemetry.io/docs/specs/otel/configuration/data-model/, schema
// version 1.1).
package otlpkeys

import (
	"math"
	"time"

	"github.com/seed2f724858/sluice/exporters"
)

// Settings are the keys that both have.
type Settings struct {
	Endpoint string `yaml:"endpoint"`
	// Headers go before those of HeadersList.
	Headers     []Header         `yaml:"headers"`
	HeadersList exporters.Secret `yaml:"headers_list"`
	Compression string           `yaml:"compression"`
	// Timeout bounds each request, in milliseconds; 0 is no limit.
	Timeout int64 `yaml:"timeout"`
}

// Header is one header. It is ignored if it has no value.
type Header struct {
	Name  string            `yaml:"name,required"`
	Value *exporters.Secret `yaml:"value"`
}

// TLS are the keys under tls that both have.
type TLS struct {
	CAFile   string `yaml:"ca_file"`
	KeyFile  string `yaml:"key_file"`
	CertFile string `yaml:"cert_file"`
}

// Default returns the standard's defaults but for the endpoint.
func Default() Settings { return Settings{Compression: "none", Timeout: 10_000} }

// HeaderMap returns the headers that have a value; of several with one name
// the last one counts.
func (s Settings) HeaderMap() map[string]exporters.Secret {
	all := make(map[string]exporters.Secret, len(s.Headers))
	for _, h := range s.Headers {
		if h.Value != nil {
			all[h.Name] = *h.Value
		}
	}
	return all
}

// TimeoutDuration returns the timeout as our exporters have it, 0 being no
// limit there too.
func (s Settings) TimeoutDuration() exporters.Duration {
	if s.Timeout > math.MaxInt64/int64(time.Millisecond) {
		return exporters.Unlimited
	}
	return exporters.Duration(time.Duration(s.Timeout) * time.Millisecond)
}

// Client returns the settings as our exporters have them.
func (t TLS) Client() exporters.TLS {
	return exporters.TLS{CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile}
}
