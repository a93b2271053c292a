// Package settings is what the OTLP exporters over HTTP and gRPC share of
// their settings: headers, the environment, and how they present themselves.
package settings

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
)

// Headers puts the headers of a map and those of a list, as [ParseHeaders]
// reads it, together; keys are in lower case. Where both have a key the map's
// value counts, as the schema of the declarative configuration has it. Errors
// begin with headers or headers_list, and show no value.
func Headers(set map[string]exporters.Secret, list exporters.Secret) (map[string]exporters.Secret, error) {
	all, err := ParseHeaders(list)
	if err != nil {
		return nil, fmt.Errorf("headers_list: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if err := httpclient.CheckHeader(name, set[name]); err != nil {
			return nil, fmt.Errorf("headers: %w", err)
		}
		all[strings.ToLower(name)] = set[name]
	}
	return all, nil
}

// ParseHeaders reads a list like "api-key=abc,tenant=a%20b": the form of W3C
// baggage without properties, with values percent-encoded
// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables).
// Empty entries are skipped; of a key that comes twice the last value counts.
// Keys come back in lower case.
func ParseHeaders(list exporters.Secret) (map[string]exporters.Secret, error) {
	headers := make(map[string]exporters.Secret)
	i := 0
	for entry := range strings.SplitSeq(list.Reveal(), ",") {
		i++
		if strings.TrimSpace(entry) == "" {
			continue
		}
		name, value, ok := strings.Cut(entry, "=")
		if !ok {
			return nil, fmt.Errorf("entry %d: want key=value", i)
		}
		// The error of url would show the value.
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if err != nil {
			return nil, fmt.Errorf("entry %d: wrong percent-encoding: write %%25 for %%", i)
		}
		name = strings.TrimSpace(name)
		if !httpclient.IsToken(name) { // which may be a secret without its key
			return nil, fmt.Errorf("entry %d: the key is no name of a header", i)
		}
		if err := httpclient.CheckHeader(name, exporters.Secret(value)); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		headers[strings.ToLower(name)] = exporters.Secret(value)
	}
	return headers, nil
}
