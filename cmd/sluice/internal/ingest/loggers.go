package ingest

import (
	"strings"

	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// Bounds of the cache of loggers, whose names are input.
const (
	maxLoggers    = 1024
	maxLoggerName = 256
)

// loggers keeps a pipeline's loggers by what the lines name: a logger, or an
// OTLP origin.
type loggers struct {
	pipeline *processors.Pipeline
	fallback string // names the logger of lines that name none
	byName   map[string]*processors.Logger
	byOrigin map[*record.Origin]*processors.Logger
}

func newLoggers(p *processors.Pipeline, fallback string) *loggers {
	return &loggers{
		pipeline: p,
		fallback: fallback,
		byName:   map[string]*processors.Logger{},
		byOrigin: map[*record.Origin]*processors.Logger{},
	}
}

// get returns the logger for a record; origin is nil except for OTLP.
func (c *loggers) get(origin *record.Origin, name string) *processors.Logger {
	if origin != nil {
		if l := c.byOrigin[origin]; l != nil {
			return l
		}
		l := c.ofOrigin(origin)
		keep(c.byOrigin, origin, l)
		return l
	}
	if name == "" {
		name = c.fallback
	}
	if l := c.byName[name]; l != nil {
		return l
	}
	// The name is part of the line, which it must not keep alive.
	name = strings.Clone(name)
	l := c.pipeline.Logger(record.Scope{Name: name})
	if len(name) <= maxLoggerName {
		keep(c.byName, name, l)
	}
	return l
}

// ofOrigin returns a logger that keeps what OTLP says about where a record
// comes from, completed with what it leaves open.
func (c *loggers) ofOrigin(origin *record.Origin) *processors.Logger {
	o := *origin
	if o.Scope.Name == "" {
		o.Scope.Name = c.fallback
	}
	if o.Resource == nil || len(o.Resource.Attributes) == 0 {
		return c.pipeline.Logger(o.Scope)
	}
	return c.pipeline.LoggerFor(&o)
}

// keep adds to a cache, which it empties first when it is full.
func keep[K comparable](cache map[K]*processors.Logger, key K, l *processors.Logger) {
	if len(cache) >= maxLoggers {
		clear(cache)
	}
	cache[key] = l
}
