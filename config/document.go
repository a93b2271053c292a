package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/seed2f724858/sluice/processors"
)

// Option changes how a configuration is read or started.
type Option func(*options)

type options struct {
	blocking   bool
	attributes []attribute.KeyValue
	levels     processors.LevelRules
	steps      []processors.Processor
	meters     metric.MeterProvider
	exporters  []ExporterType
	err        error
}

// OnFullBlock makes async and batch processors whose on_full the file does not
// say wait for room, without a timeout: for programs that rather slow their
// input down than lose any of it.
func OnFullBlock() Option { return func(o *options) { o.blocking = true } }

// WithResource adds attributes to the resource where the file does not give
// them.
func WithResource(attrs ...attribute.KeyValue) Option {
	return func(o *options) { o.attributes = append(o.attributes, attrs...) }
}

// WithMeterProvider sends metrics about the pipeline to mp; the default is
// OpenTelemetry's global provider.
func WithMeterProvider(mp metric.MeterProvider) Option {
	return func(o *options) { o.meters = mp }
}

// WithLevels sets levels, in the notation of [processors.ParseLevels], for the
// loggers of which the file's logger_configurator/development does not speak.
// Of several, the last one to speak of a logger counts.
func WithLevels(spec string) Option {
	return func(o *options) {
		rules, err := processors.ParseLevels(spec)
		if err != nil {
			o.err = errors.Join(o.err, err)
		}
		if o.levels == nil {
			o.levels = processors.LevelRules{}
		}
		maps.Copy(o.levels, rules)
	}
}

// WithProcessors puts steps made in Go in front of those of the file: a filter
// that asks a function, or a batch in front of an OpenTelemetry exporter
// (exporters.FromExporter). Secrets are redacted before them. Starting the
// document makes them the runtime's, so it can be started once.
func WithProcessors(steps ...processors.Processor) Option {
	return func(o *options) { o.steps = append(o.steps, steps...) }
}

// WithExporterTypes adds kinds of exporters to those that a file may name: the
// heavy ones of package config/all, or your own. A name that is taken is an
// error.
func WithExporterTypes(types ...ExporterType) Option {
	return func(o *options) { o.exporters = append(o.exporters, types...) }
}

// Document is a configuration that has been read and found valid.
type Document struct {
	model   model
	options options
	secrets secrets
	ignored []string

	warnings Errors
	checks   []check
}

// model is the document's structure, by the published schema of version 1.1.
type model struct {
	FileFormat      fileFormat              `yaml:"file_format,required" hint:"the file begins with file_format: \"1.1\""`
	Disabled        bool                    `yaml:"disabled"`
	LogLevel        processors.Severity     `yaml:"log_level"`
	AttributeLimits limits                  `yaml:"attribute_limits"`
	Resource        resourceSettings        `yaml:"resource"`
	LoggerProvider  *loggerProvider         `yaml:"logger_provider"`
	Distribution    map[string]distribution `yaml:"distribution"`

	Propagator      section `yaml:"propagator"`
	TracerProvider  section `yaml:"tracer_provider"`
	MeterProvider   section `yaml:"meter_provider"`
	Instrumentation section `yaml:"instrumentation/development"`
}

// fileFormat is the version of the format.
type fileFormat string

var knownFormat = regexp.MustCompile(`^1\.[01](-rc\.\d+)?$`)

// UnmarshalText implements [encoding.TextUnmarshaler].
func (f *fileFormat) UnmarshalText(text []byte) error {
	if !knownFormat.Match(text) {
		return fmt.Errorf("unknown file format %q: want \"1.1\" or \"1.0\"", text)
	}
	*f = fileFormat(text)
	return nil
}

// section is a part of the document that is somebody else's to start.
type section struct{ given bool }

func (s *section) decodeNode(d *decoder, n *node) {
	if n.kind != nullKind {
		s.given = d.expect(n, mapKind)
	}
}

// distribution holds the settings of one vendor, of which only ours are read.
type distribution struct{ sluice sluiceSettings }

func (v *distribution) decodeNode(d *decoder, n *node) {
	if n.key == "sluice" {
		d.into(n, &v.sluice)
		return
	}
	d.expect(n, mapKind)
}

type loggerProvider struct {
	Processors   []processorNode `yaml:"processors,required" hint:"give it at least one, such as async"`
	Limits       limits          `yaml:"limits"`
	Configurator configurator    `yaml:"logger_configurator/development"`
}

// Validate finds a provider without processors.
func (p *loggerProvider) Validate() error {
	if len(p.Processors) == 0 {
		return errors.New("processors: the list is empty: write at least one, such as async")
	}
	return nil
}

// limits are what the schema calls AttributeLimits and LogRecordLimits.
type limits struct {
	ValueLength *int `yaml:"attribute_value_length_limit"`
	Count       *int `yaml:"attribute_count_limit"`
}

// Validate finds negative limits.
func (l *limits) Validate() error {
	if l.ValueLength != nil && *l.ValueLength < 0 {
		return fmt.Errorf("attribute_value_length_limit is negative: write no such key for no limit")
	}
	if l.Count != nil && *l.Count < 0 {
		return fmt.Errorf("attribute_count_limit is negative: want 0 or more")
	}
	return nil
}

func (l *limits) apply(to *processors.Limits) {
	if l.ValueLength != nil {
		to.ValueLength = *l.ValueLength
	}
	if l.Count != nil {
		to.AttributeCount = *l.Count
	}
}

// Load reads the configuration file at path. What is wrong with its contents
// comes back as [Errors], all at once.
func Load(path string, opts ...Option) (*Document, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return Parse(path, data, opts...)
}

// Parse reads a configuration. name is what errors call it. What is wrong with
// it comes back as [Errors], all at once.
//
// References to environment variables are replaced as the specification has
// it; see the package documentation.
func Parse(name string, data []byte, opts ...Option) (*Document, error) {
	doc := &Document{}
	for _, opt := range opts {
		opt(&doc.options)
	}
	if doc.options.err != nil {
		return nil, fmt.Errorf("config: %w", doc.options.err)
	}
	exporters, err := doc.options.exporterTypes()
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	r := &reader{file: name}
	root := r.document(data)
	if root == nil {
		r.errs.sort()
		return nil, r.errs
	}
	d := &decoder{
		file:       name,
		unread:     r.errs,
		secrets:    r.secrets,
		exporters:  exporters,
		processors: processorTypes(),
		blocking:   doc.options.blocking,
		claimed:    map[string]*node{},
	}
	if root.kind == nullKind {
		root.kind = mapKind // an empty file: what is missing will be said
	}
	d.into(root, &doc.model)
	defined := doc.model.Distribution["sluice"].sluice.Exporters
	d.settleRefs(defined)
	d.settleNesting()
	d.settleNames()
	if problems := append(r.errs, d.errs...); len(problems) > 0 {
		problems.sort()
		return nil, problems[:min(len(problems), maxErrors)]
	}
	d.warnings.sort()
	doc.warnings = d.warnings
	doc.secrets = d.secrets
	doc.checks = d.checks
	doc.ignored = append(doc.model.notStarted(), d.unused(defined)...)
	if doc.model.LoggerProvider != nil {
		doc.ignored = append(doc.ignored, idle(doc.model.LoggerProvider.Processors, nil)...)
	}
	return doc, nil
}

// notStarted returns the parts of the document that are read, and no more.
func (m *model) notStarted() []string {
	var names []string
	for _, s := range []struct {
		name  string
		given bool
	}{
		{"log_level", m.LogLevel != 0 && m.LogLevel.String() != "info"},
		{"propagator", m.Propagator.given},
		{"tracer_provider", m.TracerProvider.given},
		{"meter_provider", m.MeterProvider.given},
		{"instrumentation/development", m.Instrumentation.given},
	} {
		if s.given {
			names = append(names, s.name)
		}
	}
	return names
}

// Check reports what would keep the document's components from starting here
// and now: a file that this user may not write, say. It touches nothing.
func (d *Document) Check() error {
	s := &starter{secrets: d.secrets}
	var problems Errors
	for _, c := range d.checks {
		if err := c.settings.check(); err != nil {
			problems = append(problems, c.at.fail(s, err).(*Error))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	problems.sort()
	return problems
}

// Ignored returns the keys of what stands in the document, is valid, and is
// not used by this package: other signals' providers, an exporter that nothing
// refers to, a processor behind which no exporter stands.
func (d *Document) Ignored() []string { return d.ignored }
