package config

import (
	"errors"
	"fmt"
	"maps"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/processors"
)

// configurator is logger_configurator/development.
type configurator struct {
	Default *loggerSettings `yaml:"default_config"`
	Loggers []loggerRule    `yaml:"loggers"`
}

type loggerRule struct {
	Name   string         `yaml:"name,required"`
	Config loggerSettings `yaml:"config,required"`
}

type loggerSettings struct {
	Enabled         *bool               `yaml:"enabled"`
	MinimumSeverity processors.Severity `yaml:"minimum_severity"`
	TraceBased      bool                `yaml:"trace_based"`
}

// Validate finds loggers with two rules.
func (c *configurator) Validate() error {
	var errs []error
	seen := map[string]bool{}
	for i, l := range c.Loggers {
		if seen[l.Name] {
			errs = append(errs, fmt.Errorf("loggers[%d]: name: the logger %q has a rule already", i, l.Name))
		}
		seen[l.Name] = true
	}
	return errors.Join(errs...)
}

// minimum returns the lowest severity that is logged.
func (s *loggerSettings) minimum() log.Severity {
	switch {
	case s.Enabled != nil && !*s.Enabled:
		return processors.SeverityOff
	case s.MinimumSeverity != 0:
		return log.Severity(s.MinimumSeverity)
	default:
		return log.SeverityTrace1
	}
}

// rules returns the levels: the file's over the code's.
func (c *configurator) rules(code processors.LevelRules) processors.LevelRules {
	rules := maps.Clone(code)
	if rules == nil {
		rules = processors.LevelRules{}
	}
	if c.Default != nil {
		rules[""] = c.Default.minimum()
	}
	for _, l := range c.Loggers {
		rules[l.Name] = l.Config.minimum()
	}
	return rules
}

// traceBased returns for which loggers records follow their trace's sampling.
func (c *configurator) traceBased() map[string]bool {
	rules := map[string]bool{}
	if c.Default != nil {
		rules[""] = c.Default.TraceBased
	}
	for _, l := range c.Loggers {
		rules[l.Name] = l.Config.TraceBased
	}
	return rules
}
