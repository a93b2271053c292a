package processors

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"weak"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

// EnvLevels is the environment variable that sets levels over a file's
// logger_configurator: "info,shop.db=debug".
const EnvLevels = "SLUICE_LEVELS"

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
		sev, err := parseLevel(level)
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

func parseLevel(s string) (log.Severity, error) {
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

// String returns the notation that [ParseLevels] reads, in a stable order.
func (r LevelRules) String() string {
	parts := make([]string, 0, len(r))
	for _, name := range slices.Sorted(maps.Keys(r)) {
		level := strings.ToLower(record.SeverityName(r[name]))
		if r[name] >= SeverityOff {
			level = "off"
		}
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

// Levels decides the lowest severity that each logger logs. The first layer
// with a rule for the logger decides: the live override, the environment, the
// configuration; without any it is the lowest severity that a branch accepts.
//
// All methods are safe for concurrent use. A change reaches every live
// [Level] before the call returns.
type Levels struct {
	mu     sync.Mutex
	layers [3]LevelRules
	live   map[*levelEntry]struct{}
}

const (
	layerOverride = iota
	layerEnvironment
	layerConfiguration
)

type levelEntry struct {
	logger string
	floor  func() log.Severity
	level  weak.Pointer[Level]
}

// Level is one logger's effective level, kept up to date by its [Levels] for
// as long as it is reachable.
type Level struct{ min atomic.Int32 }

// Enabled reports whether severity s is logged. A record without severity (0)
// passes unless the logger is off.
func (l *Level) Enabled(s log.Severity) bool {
	m := l.min.Load()
	return int32(s) >= m || (s == 0 && m < int32(SeverityOff))
}

// Minimum returns the lowest severity that is logged; SeverityOff if none is.
func (l *Level) Minimum() log.Severity { return log.Severity(l.min.Load()) }

// NewLevels returns Levels without any rule.
func NewLevels() *Levels {
	return &Levels{live: map[*levelEntry]struct{}{}}
}

// FromEnvironment sets the environment's layer from SLUICE_LEVELS.
func (l *Levels) FromEnvironment() error {
	rules, err := ParseLevels(os.Getenv(EnvLevels))
	if err != nil {
		return fmt.Errorf("%s: %w", EnvLevels, err)
	}
	l.set(layerEnvironment, rules)
	return nil
}

// Configure replaces the configuration's layer.
func (l *Levels) Configure(rules LevelRules) { l.set(layerConfiguration, rules) }

// Override replaces the live layer, which goes over all others; nil removes
// it.
func (l *Levels) Override(rules LevelRules) { l.set(layerOverride, rules) }

// Overridden returns a copy of the live layer.
func (l *Levels) Overridden() LevelRules {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.layers[layerOverride])
}

func (l *Levels) set(layer int, rules LevelRules) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.layers[layer] = maps.Clone(rules)
	l.refresh()
}

// Live returns the number of loggers whose level is kept current.
func (l *Levels) Live() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.live)
}

// Refresh asks every live logger's floor again.
func (l *Levels) Refresh() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refresh()
}

func (l *Levels) refresh() {
	for e := range l.live {
		if level := e.level.Value(); level != nil {
			level.min.Store(int32(l.effective(e)))
		}
	}
}

func (l *Levels) effective(e *levelEntry) log.Severity {
	for _, rules := range l.layers {
		if sev, ok := ruleFor(rules, e.logger); ok {
			return sev
		}
	}
	if e.floor == nil {
		return 0
	}
	return e.floor()
}

// For returns the level of a logger. floor, which may be nil, gives the lowest
// severity that anything below accepts; it is asked under a lock and must not
// call back. The Level stays current until it becomes unreachable, so that
// loggers made for many names leave nothing behind.
func (l *Levels) For(logger string, floor func() log.Severity) *Level {
	level := &Level{}
	e := &levelEntry{logger: logger, floor: floor, level: weak.Make(level)}
	l.mu.Lock()
	defer l.mu.Unlock()
	level.min.Store(int32(l.effective(e)))
	l.live[e] = struct{}{}
	runtime.AddCleanup(level, func(e *levelEntry) {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.live, e)
	}, e)
	return level
}
