package processors

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
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
	asking atomic.Int64 // floors that are being asked
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

	// What floor said, and the numbers of the latest question and of the one
	// that this answers.
	lowest          log.Severity
	asked, answered uint64
}

// Level is one logger's effective level, kept up to date by its [Levels] for
// as long as it is reachable.
type Level struct {
	min atomic.Int32
	// The runtime packs small objects without pointers together and keeps all
	// of them for one: see runtime.AddCleanup.
	_ *Level
}

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
	l.reapply("")
}

// Refresh asks every live logger's floor again. It does nothing where a floor
// is being asked on the same goroutine.
func (l *Levels) Refresh() {
	if l.withinFloor() {
		return
	}
	l.mu.Lock()
	entries := slices.Collect(maps.Keys(l.live))
	l.mu.Unlock()
	for _, e := range entries {
		if e.level.Value() != nil {
			l.ask(e)
		}
	}
}

// reapply sets the levels of the loggers that a changed name or glob covers. It
// wants the lock, and asks no floors: there may be thousands of loggers.
func (l *Levels) reapply(changed ...string) {
	for e := range l.live {
		if slices.ContainsFunc(changed, func(pattern string) bool { return covers(pattern, e.logger) }) {
			l.apply(e)
		}
	}
}

// apply sets an entry's level. It wants the lock.
func (l *Levels) apply(e *levelEntry) {
	if level := e.level.Value(); level != nil {
		minimum, _, ok := l.rule(e.logger)
		if !ok {
			minimum = e.lowest
		}
		level.min.Store(int32(minimum))
	}
}

// ask asks an entry's floor, without the lock: it runs users' code. Of several
// answers the one that was asked for last holds.
func (l *Levels) ask(e *levelEntry) {
	l.mu.Lock()
	e.asked++
	turn := e.asked
	l.mu.Unlock()
	lowest := l.callFloor(e.floor)
	l.mu.Lock()
	defer l.mu.Unlock()
	if turn > e.answered {
		e.answered, e.lowest = turn, lowest
		l.apply(e)
	}
}

// callFloor asks a floor; nil is that of everything.
//
//go:noinline
func (l *Levels) callFloor(floor func() log.Severity) log.Severity {
	if floor == nil {
		return log.SeverityUndefined
	}
	l.asking.Add(1)
	defer l.asking.Add(-1)
	return floor()
}

var callFloorCode = sync.OnceValue(func() extent { return extentOf((*Levels).callFloor) })

// withinFloor reports whether a floor has called back. The stack is looked at
// only while some floor is being asked.
func (l *Levels) withinFloor() bool {
	return l.asking.Load() > 0 && nearest(callFloorCode()) >= 0
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
// severity that anything below accepts; it is asked here and by [Levels.Refresh].
// If it needs a level itself, that one has no floor until the next Refresh. The
// Level stays current until it becomes unreachable, so that loggers made for
// many names leave nothing behind.
func (l *Levels) For(logger string, floor func() log.Severity) *Level {
	level := &Level{}
	e := &levelEntry{logger: logger, floor: floor, level: weak.Make(level)}
	l.mu.Lock()
	l.live[e] = struct{}{}
	l.apply(e)
	l.mu.Unlock()
	if !l.withinFloor() { // else it would call itself for ever
		l.ask(e)
	}
	runtime.AddCleanup(level, func(e *levelEntry) {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.live, e)
	}, e)
	return level
}
