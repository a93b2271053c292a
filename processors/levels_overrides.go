package processors

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
	"weak"

	"go.opentelemetry.io/otel/log"
)

const (
	// maxOverrides bounds the live layer, maxOverrideName the names in it:
	// both may come over the network.
	maxOverrides    = 256
	maxOverrideName = 1024
)

// Override is a rule of the live layer, which goes over all others.
type Override struct {
	// Logger is the name or glob of the loggers, as in [LevelRules].
	Logger string
	// Minimum is the lowest severity that they log; SeverityOff is none.
	Minimum log.Severity
	// Until is when the rule ends by itself; zero is never.
	Until time.Time
}

// Set overrides the level of a logger and its children (a name or glob as in
// [LevelRules], "" for every logger) for that long, or with 0 until [Levels.Unset].
// It takes the place of an earlier override of the same name.
func (l *Levels) Set(logger string, minimum log.Severity, lifetime time.Duration) error {
	switch {
	case minimum < log.SeverityTrace1 || minimum > SeverityOff:
		return fmt.Errorf("levels: %d is no level: want 1 (trace) to %d (off)", minimum, SeverityOff)
	case lifetime < 0:
		return fmt.Errorf("levels: an override for %s would be over already: want more than 0s, or 0s for one without end", lifetime)
	case len(logger) > maxOverrideName:
		return fmt.Errorf("levels: a logger's name has %d bytes: at most %d can be overridden", len(logger), maxOverrideName)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	rules := l.layers[layerOverride]
	if _, known := rules[logger]; !known && len(rules) >= maxOverrides {
		return fmt.Errorf("levels: %d loggers are overridden, more than that cannot be: take back some, or use a glob", len(rules))
	}
	if rules == nil {
		rules = LevelRules{}
		l.layers[layerOverride] = rules
		l.until = map[string]time.Time{}
	}
	rules[logger] = minimum
	delete(l.until, logger)
	if lifetime > 0 {
		l.until[logger] = time.Now().Add(lifetime)
	}
	l.reapply(logger)
	l.schedule()
	return nil
}

// Unset takes back the override of that very name, and reports whether there
// was one.
func (l *Levels) Unset(logger string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	rules := l.layers[layerOverride]
	if _, ok := rules[logger]; !ok {
		return false
	}
	delete(rules, logger)
	delete(l.until, logger)
	l.reapply(logger)
	l.schedule()
	return true
}

// Overrides returns the live layer, ordered by name.
func (l *Levels) Overrides() []Override {
	l.mu.Lock()
	defer l.mu.Unlock()
	rules := l.layers[layerOverride]
	all := make([]Override, 0, len(rules))
	for logger, minimum := range rules {
		all = append(all, Override{Logger: logger, Minimum: minimum, Until: l.until[logger]})
	}
	slices.SortFunc(all, func(a, b Override) int { return cmp.Compare(a.Logger, b.Logger) })
	return all
}

// schedule sets the timer for the first override that ends. It wants the lock.
func (l *Levels) schedule() {
	if l.expiry != nil {
		l.expiry.Stop()
		l.expiry = nil
	}
	if len(l.until) == 0 {
		return
	}
	first := slices.MinFunc(slices.Collect(maps.Values(l.until)), time.Time.Compare)
	// Weak: a timer that runs for days must not keep what the levels refer to,
	// which is a whole pipeline. So there is nothing to stop at its Shutdown.
	self := weak.Make(l)
	l.expiry = time.AfterFunc(time.Until(first), func() {
		if l := self.Value(); l != nil {
			l.expire()
		}
	})
}

// expire removes the overrides whose time has come.
func (l *Levels) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	var ended []string
	for logger, end := range l.until {
		if !end.After(now) {
			delete(l.layers[layerOverride], logger)
			delete(l.until, logger)
			ended = append(ended, logger)
		}
	}
	l.reapply(ended...)
	l.schedule()
}
