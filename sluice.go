package sluice

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.yaml.in/yaml/v3"

	"github.com/seed2f724858/sluice/config"
)

// Environment variables that name a configuration file; the first one that is
// set counts.
const (
	EnvConfig     = "SLUICE_CONFIG"
	EnvOTelConfig = "OTEL_CONFIG_FILE"
)

// Runtime is a running pipeline with its loggers. Its methods are those of
// [config.Runtime]: Logger and LoggerProvider are the ways in; Stats and Health
// tell how it goes; ForceFlush and Shutdown deliver what is queued. Levels
// change while it runs through Levels().Set.
type Runtime = config.Runtime

// Option changes what [Start] starts.
type Option func(*options)

type options struct {
	configFile   string
	file         string
	toFile       bool
	console      string
	noConsole    bool
	destinations bool // options chose some
	service      string
	attributes   []attribute.KeyValue
	levels       []string
	meters       metric.MeterProvider
	config       []config.Option
	setDefault   bool
}

// WithFile writes records from DEBUG up to a file, as JSON lines. It is
// rotated at 100 MiB, and 10 backups are kept. The console then shows records
// from INFO up, however low the levels are. Given twice, the last one counts; more
// files take a configuration file.
func WithFile(path string) Option {
	return func(o *options) { o.file, o.toFile, o.destinations = path, true, true }
}

// WithConsole sets the format of standard output: pretty, text, json or
// logfmt. By default it is pretty on a terminal, json elsewhere.
func WithConsole(format string) Option {
	return func(o *options) { o.console, o.noConsole, o.destinations = format, false, true }
}

// WithoutConsole keeps standard output free. It needs WithFile beside it.
func WithoutConsole() Option {
	return func(o *options) { o.noConsole, o.destinations = true, true }
}

// WithService names the program in every record's resource (service.name and
// service.version); an empty version is left out. A configuration file that
// names it differently goes over this. Exporters send the resource along; JSON
// lines show it where a file exporter's include says so.
func WithService(name, version string) Option {
	return func(o *options) {
		o.service = name
		o.attributes = []attribute.KeyValue{semconv.ServiceName(name)}
		if version != "" {
			o.attributes = append(o.attributes, semconv.ServiceVersion(version))
		}
	}
}

// WithLevels sets levels: "info,shop.db=debug". The default is INFO, with a
// file DEBUG. A configuration file goes over this where it speaks of the same
// logger, and the environment variable SLUICE_LEVELS over both.
func WithLevels(spec string) Option {
	return func(o *options) { o.levels = append(o.levels, spec) }
}

// WithMeterProvider sends metrics about queues, exporters and steps to mp, under
// the names of OpenTelemetry's semantic conventions. The default is the global
// provider.
func WithMeterProvider(mp metric.MeterProvider) Option {
	return func(o *options) { o.meters = mp }
}

// WithConfigFile starts what an OpenTelemetry declarative configuration file
// says. WithFile, WithConsole and WithoutConsole, which the file makes
// pointless, are an error beside it. An empty path is as if it were not given.
func WithConfigFile(path string) Option {
	return func(o *options) { o.configFile = path }
}

// WithConfigOptions changes how a configuration file is read and started: it
// may name the exporters of package config/all with all.Options(), and your
// own with [config.WithExporterTypes]; [config.WithProcessors] puts steps made
// in Go in front of those of the file. Where no file is named, they hold for
// the destinations that options choose.
func WithConfigOptions(opts ...config.Option) Option {
	return func(o *options) { o.config = append(o.config, opts...) }
}

// WithDefault makes the runtime the default of package slog, and so of package
// log, and of OpenTelemetry's global LoggerProvider: see
// [config.Runtime.SetDefault]. Their records come from a logger named as the
// service, or without one as the program.
//
// log.Fatal ends the process at once, without Shutdown, and so loses its own
// message in the queue: return an error to main instead.
func WithDefault() Option {
	return func(o *options) { o.setDefault = true }
}

// Start starts a runtime. Without options it writes records from INFO up to
// standard output.
//
// A file named by the environment variable SLUICE_CONFIG, else by
// OTEL_CONFIG_FILE, takes the place of the destinations that options choose,
// so that who runs the program has the last word; only WithConfigFile goes
// over it.
func Start(opts ...Option) (*Runtime, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	doc, err := o.document()
	if err != nil {
		return nil, fmt.Errorf("sluice: %w", err)
	}
	rt, err := doc.Start(context.Background())
	if err != nil {
		return nil, fmt.Errorf("sluice: %w", plain(err))
	}
	if o.setDefault {
		rt.SetDefault(o.defaultLogger())
	}
	return rt, nil
}

func (o *options) defaultLogger() string {
	if o.service != "" {
		return o.service
	}
	return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
}

func (o *options) document() (*config.Document, error) {
	if o.configFile != "" && o.destinations {
		return nil, errors.New("WithConfigFile stands alone: the destinations of other options belong into the file")
	}
	with := []config.Option{config.WithResource(o.attributes...), config.WithMeterProvider(o.meters)}
	path, from := o.configFile, ""
	for _, name := range []string{EnvConfig, EnvOTelConfig} {
		if path == "" {
			path, from = os.Getenv(name), name+": "
		}
	}
	if path == "" {
		base := "info"
		if o.toFile {
			base = "debug"
		}
		with = append(with, config.WithLevels(base))
	}
	for _, spec := range o.levels {
		with = append(with, config.WithLevels(spec))
	}
	with = append(with, o.config...)
	if path != "" {
		doc, err := config.Load(path, with...)
		if err != nil && from != "" && o.configFile == "" {
			return nil, fmt.Errorf("%s%w", from, err)
		}
		return doc, err
	}
	if o.noConsole && !o.toFile {
		return nil, errors.New("no destination is left: WithoutConsole needs WithFile beside it")
	}
	data, err := yaml.Marshal(o.settings())
	if err != nil {
		return nil, err
	}
	doc, err := config.Parse(generated, data, with...)
	return doc, plain(err)
}

type group = map[string]any

// settings returns the configuration that the options stand for: there is one
// way to build a pipeline.
func (o *options) settings() group {
	var processors []any
	if !o.noConsole {
		terminal := group{}
		if o.console != "" {
			terminal["format"] = literal(o.console)
		}
		async := group{"exporter": group{"terminal": terminal}}
		if o.toFile {
			async["match"] = group{"minimum_severity": "info"}
		}
		processors = append(processors, group{"async": async})
	}
	if o.toFile {
		file := group{
			"path":      literal(o.file),
			"rotation":  group{"max_size": "100MiB"},
			"retention": group{"max_files": 10},
		}
		processors = append(processors, group{"async": group{"exporter": group{"file": file}}})
	}
	return group{
		"file_format":     "1.1",
		"logger_provider": group{"processors": processors},
	}
}

// literal keeps a text from being taken for a reference to the environment.
func literal(s string) string { return strings.ReplaceAll(s, "$", "$$") }

// generated is the name of a configuration that no file holds.
const generated = "(options)"

// plain takes the places out of errors about a configuration that nobody sees.
func plain(err error) error {
	e, ok := errors.AsType[*config.Error](err)
	if !ok || e.File != generated {
		return err
	}
	if cause := e.Unwrap(); cause != nil {
		return cause
	}
	_, where, _ := strings.Cut(e.Path, ".exporter.")
	if e.Hint != "" {
		return fmt.Errorf("%s: %s: %s", where, e.Msg, e.Hint)
	}
	return fmt.Errorf("%s: %s", where, e.Msg)
}
