package otlp

import (
	"errors"
	"fmt"

	"github.com/seed2f724858/sluice/exporters/otlp/internal/settings"
)

// FromEnvironment returns DefaultConfig with what the variables
// OTEL_EXPORTER_OTLP_LOGS_… and OTEL_EXPORTER_OTLP_… say; the former go before
// the latter: ENDPOINT (LOGS_ENDPOINT as it stands, the general one with
// v1/logs behind it), HEADERS, TIMEOUT (in milliseconds, 0 is no limit),
// COMPRESSION, CERTIFICATE, CLIENT_CERTIFICATE, CLIENT_KEY, and PROTOCOL
// (http/protobuf or http/json)
// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/). INSECURE is
// for gRPC alone.
//
// With an error, which names the variable and not its value, it returns a Config without the
// wrong setting, so that a caller may report it and go on as the specification
// has it.
func FromEnvironment() (Config, error) {
	c := DefaultConfig()
	env, err := settings.ReadEnvironment()
	errs := []error{err}
	c.Timeout, c.TLS, c.HeadersList = env.Timeout, env.TLS, env.Headers
	switch env.Protocol {
	case "", "http/protobuf":
	case "http/json":
		c.Encoding = "json"
	case "grpc":
		errs = append(errs, fmt.Errorf("%s: grpc is for package otlpgrpc", settings.Variable("PROTOCOL")))
	default:
		errs = append(errs, fmt.Errorf("%s: unknown value: want http/protobuf or http/json", settings.Variable("PROTOCOL")))
	}
	switch env.Compression {
	case "":
	case "none", "gzip", "zstd":
		c.Compression = env.Compression
	default:
		errs = append(errs, fmt.Errorf("%s: unknown value: want none, gzip or zstd", settings.Variable("COMPRESSION")))
	}
	if env.Endpoint != "" {
		u, err := parseEndpoint(env.Endpoint)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", settings.Variable("ENDPOINT"), err))
		case env.General:
			c.Endpoint = u.JoinPath("v1/logs").String()
		default:
			c.Endpoint = u.String()
		}
	}
	return c, errors.Join(errs...)
}
