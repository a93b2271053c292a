package settings

import (
	"runtime/debug"
	"strings"

	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
)

const module = "github.com/seed2f724858/sluice"

// UserAgent is how the exporters present themselves: the form that the
// specification has for distributions
// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/#user-agent).
func UserAgent() string {
	version := version()
	return "sluice/" + version + " OTel-OTLP-Exporter-Go/" + version
}

// version is this module's version as the program was built with it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path != module {
			continue
		}
		if m.Replace != nil {
			m = m.Replace
		}
		if v := strings.TrimPrefix(m.Version, "v"); httpclient.IsToken(v) {
			return v
		}
	}
	return "devel" // built from a work tree
}
