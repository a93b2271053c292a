package processors

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"go.opentelemetry.io/otel/log"
)

// EnvLevels is the environment variable that sets levels over a file's
// logger_configurator: "info,shop.db=debug".
const EnvLevels = "SLUICE_LEVELS"

// Levels decides the lowest severity that each logger logs. The first layer
// with a rule for the logger decides: the live override, the environment, the
// configuration; without any it is the lowest severity that a branch accepts.
//
// All methods are safe for concurrent use. A change reaches every live
// [Level] before the call returns.
type Levels struct {
	mu     sync.Mutex
	layers [3]LevelRules
	until  map[string]time.Time // when overrides end; those without end are not here
	expiry *time.Timer          // for the first of them
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

// Environment returns a copy of the environment's layer.
func (l *Levels) Environment() LevelRules { return l.copy(layerEnvironment) }

// Configuration returns a copy of the configuration's layer.
func (l *Levels) Configuration() LevelRules { return l.copy(layerConfiguration) }

func (l *Levels) copy(layer int) LevelRules {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.layers[layer])
}

func (l *Levels) set(layer int, rules LevelRules) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.layers[layer] = maps.Clone(rules)
	l.refresh()
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
	if sev, _, ok := l.rule(e.logger); ok {
		return sev
	}
	if e.floor == nil {
		return 0
	}
	return e.floor()
}

// rule returns the rule that decides for a logger, and its layer.
func (l *Levels) rule(logger string) (minimum log.Severity, layer int, ok bool) {
	for layer, rules := range l.layers {
		if minimum, ok = ruleFor(rules, logger); ok {
			return minimum, layer, true
		}
	}
	return 0, 0, false
}

// Where a logger's level comes from, as [Levels.Effective] tells it.
const (
	FromOverride      = "override"
	FromEnvironment   = "environment"
	FromConfiguration = "configuration"
	FromExporters     = "exporters" // no rule: what some exporter accepts
)

// Effective returns a logger's level and where it comes from. Without a rule
// only a logger that is in use has one: ok is false for any other.
func (l *Levels) Effective(logger string) (minimum log.Severity, from string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if minimum, layer, ok := l.rule(logger); ok {
		return minimum, [...]string{FromOverride, FromEnvironment, FromConfiguration}[layer], true
	}
	for e := range l.live {
		if e.logger != logger {
			continue
		}
		// Several pipelines may know the name.
		if level := e.level.Value(); level != nil && (!ok || level.Minimum() < minimum) {
			minimum, ok = level.Minimum(), true
		}
	}
	return minimum, FromExporters, ok
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
