package decode

import (
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

// levelNames maps what is not one of OpenTelemetry's short names already,
// after the data model's table of source formats
// (https://opentelemetry.io/docs/specs/otel/logs/data-model-appendix/#appendix-b-severitynumber-example-mappings).
// "panic" ends a program, whoever writes it, and so is FATAL.
var levelNames = map[string]log.Severity{
	"notice":        log.SeverityInfo2,
	"information":   log.SeverityInfo,
	"informational": log.SeverityInfo,
	"warning":       log.SeverityWarn,
	"err":           log.SeverityError,
	"crit":          log.SeverityError2,
	"critical":      log.SeverityError2,
	"dpanic":        log.SeverityError2,
	"alert":         log.SeverityError3,
	"emerg":         log.SeverityFatal,
	"emergency":     log.SeverityFatal,
	"panic":         log.SeverityFatal,
}

// maxLevelName bounds what is looked up as a level.
const maxLevelName = 16

// namedLevel reads the name of a level in any case, with slog's offsets
// ("INFO+2", "DEBUG-4"), which count as OpenTelemetry's numbers do.
func namedLevel(name string) (log.Severity, bool) {
	if len(name) > maxLevelName {
		return 0, false
	}
	if sev, ok := record.ParseSeverity(name); ok {
		return sev, true
	}
	if sev, ok := levelNames[strings.ToLower(name)]; ok {
		return sev, true
	}
	i := strings.IndexAny(name, "+-")
	if i < 0 {
		return 0, false
	}
	base, ok := record.ParseSeverity(name[:i])
	offset, err := strconv.Atoi(name[i:])
	if !ok || err != nil || base%4 != 1 {
		return 0, false
	}
	// Both are small: the name is short.
	return min(max(base+log.Severity(min(max(offset, -99), 99)), log.SeverityTrace), log.SeverityFatal4), true
}

// numberedLevel reads levels that count in tens: 10 to 69 as pino does (trace,
// debug, info, warn, error, fatal), 1 to 59 as Python does (debug, info,
// warning, error, critical; below 10 trace). Numbers in between are the steps
// that OpenTelemetry has between levels.
func numberedLevel(n int64, python bool) (log.Severity, bool) {
	steps := [...]log.Severity{0, log.SeverityTrace, log.SeverityDebug, log.SeverityInfo, log.SeverityWarn, log.SeverityError, log.SeverityFatal}
	if python {
		steps = [...]log.Severity{log.SeverityTrace, log.SeverityDebug, log.SeverityInfo, log.SeverityWarn, log.SeverityError, log.SeverityError2, 0}
	}
	if n < 1 || n >= int64(10*len(steps)) || steps[n/10] == 0 {
		return 0, false
	}
	base := steps[n/10]
	if base == log.SeverityError2 {
		return base, true // Python knows nothing above.
	}
	return base + log.Severity(n%10*4/10), true
}
