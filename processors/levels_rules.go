package processors

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

// SeverityOff as a minimum disables a logger.
const SeverityOff log.Severity = 25

// LevelRules map logger names to the lowest severity that they log. A key is
// the name of a logger, whose children (below "." or "/") follow it unless
// they have a rule of their own, or a glob in which "*" matches any run of
// characters and "?" any single one. The longest match wins, a name over a glob
// of its length; "" matches every logger.
type LevelRules map[string]log.Severity

// ParseLevels reads the notation "info,shop.db=debug,noisy.*=off": a level
// alone is everyone's, name=level one logger's and its children's. Levels are
// OpenTelemetry's short names in any case, "all" and "off".
func ParseLevels(spec string) (LevelRules, error) {
	rules := LevelRules{}
	for part := range strings.SplitSeq(spec, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		name, level, named := strings.Cut(part, "=")
		if !named {
			name, level = "", part
		}
		name, level = strings.TrimSpace(name), strings.TrimSpace(level)
		if named && name == "" {
			return nil, fmt.Errorf("levels: %q names no logger: write LOGGER=LEVEL, or LEVEL alone for all loggers", part)
		}
		sev, err := ParseLevel(level)
		if err != nil {
			return nil, fmt.Errorf("levels: %q: %w", part, err)
		}
		if _, twice := rules[name]; twice {
			return nil, fmt.Errorf("levels: %q: the logger has a level already", part)
		}
		rules[name] = sev
	}
	return rules, nil
}

// ParseLevel reads one level of that notation.
func ParseLevel(s string) (log.Severity, error) {
	switch strings.ToLower(s) {
	case "all":
		return log.SeverityTrace1, nil
	case "off":
		return SeverityOff, nil
	}
	if sev, ok := record.ParseSeverity(s); ok {
		return sev, nil
	}
	return 0, fmt.Errorf("unknown level %q: want trace, debug, info, warn, error, fatal (or a step between, such as info2), all or off", s)
}

// LevelName returns how [ParseLevel] reads a minimum: "debug2", "all", "off".
func LevelName(minimum log.Severity) string {
	switch {
	case minimum <= log.SeverityUndefined:
		return "all"
	case minimum >= SeverityOff:
		return "off"
	}
	return strings.ToLower(record.SeverityName(minimum))
}

// String returns the notation that [ParseLevels] reads, in a stable order.
func (r LevelRules) String() string {
	parts := make([]string, 0, len(r))
	for _, name := range slices.Sorted(maps.Keys(r)) {
		level := LevelName(r[name])
		if name != "" {
			level = name + "=" + level
		}
		parts = append(parts, level)
	}
	return strings.Join(parts, ",")
}

// ruleFor returns the rule for a logger.
func ruleFor[T any](rules map[string]T, logger string) (rule T, ok bool) {
	best := ""
	for pattern := range rules {
		if covers(pattern, logger) && (!ok || narrower(pattern, best)) {
			best, ok = pattern, true
		}
	}
	return rules[best], ok
}

// narrower reports whether pattern a goes over pattern b: it is longer, or as
// long and no glob, or neither and first in the alphabet.
func narrower(a, b string) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	if isGlob(a) != isGlob(b) {
		return isGlob(b)
	}
	return a < b
}
