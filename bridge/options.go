package bridge

import (
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// Option configures a [Handler].
type Option func(*config)

type config struct {
	scope      record.Scope
	pipeline   *processors.Pipeline
	provider   log.LoggerProvider
	levels     *processors.Levels
	source     bool
	stackLevel slog.Leveler
}

// WithPipeline sends records directly into p. Levels are p's own. It goes over
// [WithLoggerProvider].
func WithPipeline(p *processors.Pipeline) Option {
	return func(c *config) { c.pipeline = p }
}

// WithLoggerProvider sends records through otelslog into p. The default is
// OpenTelemetry's global provider.
func WithLoggerProvider(p log.LoggerProvider) Option {
	return func(c *config) { c.provider = p }
}

// WithLevels gives the handler a level of its own in front of a provider:
// records below the logger's level in l are not built. Without it the provider
// alone decides. With [WithPipeline] it has no effect.
func WithLevels(l *processors.Levels) Option {
	return func(c *config) { c.levels = l }
}

// WithVersion sets the instrumentation scope's version.
func WithVersion(version string) Option {
	return func(c *config) { c.scope.Version = version }
}

// WithSchemaURL sets the instrumentation scope's schema URL.
func WithSchemaURL(url string) Option {
	return func(c *config) { c.scope.SchemaURL = url }
}

// WithAttributes sets the instrumentation scope's attributes.
func WithAttributes(attrs ...attribute.KeyValue) Option {
	return func(c *config) { c.scope.Attributes = attrs }
}

// WithSource adds code.file.path, code.function.name and code.line.number of
// the log call, at a cost of two allocations a record.
func WithSource(on bool) Option {
	return func(c *config) { c.source = on }
}

// WithStackLevel sets the level from which records with an error get
// exception.stacktrace; the default is [slog.LevelError]. With nil none does.
func WithStackLevel(l slog.Leveler) Option {
	return func(c *config) { c.stackLevel = l }
}
