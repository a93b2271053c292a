package settings

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/seed2f724858/sluice/exporters"
)

// DefaultTimeout is how long a request may take by default.
const DefaultTimeout = exporters.Duration(10 * time.Second)

// Environment is what the variables OTEL_EXPORTER_OTLP_… say about logs; those
// that begin with OTEL_EXPORTER_OTLP_LOGS_ go before the general ones
// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/). Empty fields
// were not set, but for Timeout, which then is DefaultTimeout.
type Environment struct {
	// Endpoint is that of logs. If General is set it is that of all signals:
	// over HTTP a path is to be added to it.
	Endpoint string
	General  bool
	// Insecure is for endpoints of gRPC without a scheme.
	Insecure    bool
	Headers     exporters.Secret // a list for ParseHeaders
	Compression string
	Timeout     exporters.Duration // 0 sets no limit
	Protocol    string
	TLS         exporters.TLS
}

// ReadEnvironment reads the process's environment. With an error, in which no
// value shows, it returns what else there is, so that a caller may go on without
// the wrong setting.
func ReadEnvironment() (Environment, error) {
	e := Environment{Timeout: DefaultTimeout}
	var errs []error
	var name string
	e.Endpoint, name = lookup("ENDPOINT")
	e.General = e.Endpoint != "" && name == general+"ENDPOINT"
	insecure, _ := lookup("INSECURE")
	// Anything but true is false, by the specification's rule for booleans.
	e.Insecure = strings.EqualFold(insecure, "true")
	e.Compression, _ = lookup("COMPRESSION")
	e.Protocol, _ = lookup("PROTOCOL")
	for _, file := range []struct {
		path *string
		key  string
	}{{&e.TLS.CAFile, "CERTIFICATE"}, {&e.TLS.CertFile, "CLIENT_CERTIFICATE"}, {&e.TLS.KeyFile, "CLIENT_KEY"}} {
		path, name := lookup(file.key)
		if (exporters.TLS{CAFile: path}).Validate() != nil {
			errs = append(errs, fmt.Errorf("%s: want the name of a file, not what stands in it", name))
			continue
		}
		*file.path = path
	}
	headers, name := lookup("HEADERS")
	if _, err := ParseHeaders(exporters.Secret(headers)); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", name, err))
	} else {
		e.Headers = exporters.Secret(headers)
	}
	if timeout, name := lookup("TIMEOUT"); timeout != "" {
		ms, err := strconv.ParseUint(timeout, 10, 32)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: want a number of milliseconds", name))
		} else {
			e.Timeout = exporters.Duration(time.Duration(ms) * time.Millisecond)
		}
	}
	return e, errors.Join(errs...)
}

const (
	general = "OTEL_EXPORTER_OTLP_"
	forLogs = "OTEL_EXPORTER_OTLP_LOGS_"
)

// Variable returns the name of the variable that a setting comes from, "" if it
// was not set; key is what its names end in, like PROTOCOL.
func Variable(key string) string {
	_, name := lookup(key)
	return name
}

// lookup returns a value and the variable it stands in. A variable that is
// empty counts as one that is not set.
func lookup(key string) (value, name string) {
	for _, name := range []string{forLogs + key, general + key} {
		if v := strings.TrimSpace(os.Getenv(name)); v != "" {
			return v, name
		}
	}
	return "", ""
}
