package record

import (
	"strings"

	"go.opentelemetry.io/otel/log"
)

// severityNames are the short names of the data model, index = number
// (https://opentelemetry.io/docs/specs/otel/logs/data-model/#displaying-severity).
var severityNames = [...]string{
	"",
	"TRACE", "TRACE2", "TRACE3", "TRACE4",
	"DEBUG", "DEBUG2", "DEBUG3", "DEBUG4",
	"INFO", "INFO2", "INFO3", "INFO4",
	"WARN", "WARN2", "WARN3", "WARN4",
	"ERROR", "ERROR2", "ERROR3", "ERROR4",
	"FATAL", "FATAL2", "FATAL3", "FATAL4",
}

// SeverityName returns OpenTelemetry's short name of s ("WARN", "ERROR2"), or
// "" when s is unset or outside 1..24.
func SeverityName(s log.Severity) string {
	if s < 0 || int(s) >= len(severityNames) {
		return ""
	}
	return severityNames[s]
}

// ParseSeverity reads a short name in any case ("info", "Error2").
func ParseSeverity(name string) (log.Severity, bool) {
	for i, n := range severityNames[1:] {
		if strings.EqualFold(n, name) {
			return log.Severity(i + 1), true
		}
	}
	return 0, false
}
