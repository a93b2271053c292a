package config

import (
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/discard"
	"github.com/seed2f724858/sluice/exporters/file"
	"github.com/seed2f724858/sluice/exporters/terminal"
	"github.com/seed2f724858/sluice/processors"
)

// exporterTypes lists the exporters that this package knows.
func exporterTypes() []exporterType {
	return []exporterType{
		standard("console", terminal.DefaultConfig, terminal.New),
		destination("discard", discard.DefaultConfig, discard.New, nil),
		destination("terminal", terminal.DefaultConfig, terminal.New, nil),
		destination("file", file.DefaultConfig, file.New, func(c file.Config) (string, string) { return filePath(c.Path) }),
		{"ref", func() exporterConfig { return &ref{} }},
		{"retry", func() exporterConfig { return &retry{RetryConfig: exporters.DefaultRetryConfig()} }},
	}
}

// processorTypes lists the processors that this package knows.
func processorTypes() []processorType {
	return []processorType{
		{"async", newAsync},
		{"attributes", newAttributes},
		{"batch", newBatch},
		step("dedup", processors.DefaultDedupConfig, processors.NewDedup, func(c *processors.DedupConfig) *string { return &c.Name }),
		step("filter", processors.DefaultFilterConfig, processors.NewFilter, func(c *processors.FilterConfig) *string { return &c.Name }),
		step("flight_recorder", processors.DefaultFlightRecorderConfig, processors.NewFlightRecorder, func(c *processors.FlightRecorderConfig) *string { return &c.Name }),
		step("rate_limit", processors.DefaultRateLimitConfig, processors.NewRateLimit, func(c *processors.RateLimitConfig) *string { return &c.Name }),
		redactType,
		{"route", func(*decoder, *node) processorConfig { return &route{} }},
		step("sample", processors.DefaultSampleConfig, processors.NewSample, func(c *processors.SampleConfig) *string { return &c.Name }),
		step("severity", processors.DefaultSeverityConfig, processors.NewSeverityStep, func(c *processors.SeverityConfig) *string { return &c.Name }),
		{"simple", newSimple},
	}
}

// destination is the type of an exporter with a package of its own. claim,
// which may be nil, returns a key of the settings, and what it names that two
// exporters cannot have at a time.
func destination[C any, S exporters.Sink](name string, defaults func() C, open func(C) (S, error), claim func(C) (key, what string)) exporterType {
	return exporterType{name, func() exporterConfig {
		return &destinationConfig[C, S]{Config: defaults(), new: open, claim: claim}
	}}
}

type destinationConfig[C any, S exporters.Sink] struct {
	Name   string `yaml:"name"`
	Config C      `yaml:",inline"`
	new    func(C) (S, error)
	claim  func(C) (key, what string)
}

// Validate is the settings' own.
func (c *destinationConfig[C, S]) Validate() error {
	if v, ok := any(c.Config).(validator); ok {
		return v.Validate()
	}
	return nil
}

// check is the settings' own Check.
func (c *destinationConfig[C, S]) check() error {
	if v, ok := any(c.Config).(interface{ Check() error }); ok {
		return v.Check()
	}
	return nil
}

func (c *destinationConfig[C, S]) claims() (key, what string) {
	if c.claim == nil {
		return "", ""
	}
	return c.claim(c.Config)
}

func (c *destinationConfig[C, S]) label(typ string) string {
	if c.Name != "" {
		return c.Name
	}
	return typ
}

func (c *destinationConfig[C, S]) open(s *starter) (exporters.Sink, error) {
	sink, err := c.new(c.Config)
	if err != nil {
		return nil, err
	}
	if r, ok := any(sink).(exporters.Reopener); ok {
		s.reopeners = append(s.reopeners, r)
	}
	return sink, nil
}

// standard is the type of an exporter of OpenTelemetry's schema that has no
// keys there.
func standard[C any, S exporters.Sink](name string, config func() C, open func(C) (S, error)) exporterType {
	return exporterType{name, func() exporterConfig {
		return &standardConfig{func() (exporters.Sink, error) { return open(config()) }}
	}}
}

type standardConfig struct {
	new func() (exporters.Sink, error)
}

func (c *standardConfig) label(typ string) string               { return typ }
func (c *standardConfig) open(*starter) (exporters.Sink, error) { return c.new() }

// filePath is what a file exporter claims.
func filePath(path string) (key, what string) {
	if path == "" {
		return "", ""
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return "path", "file " + path
}

// retry writes again what its exporter could not deliver.
type retry struct {
	Name                  string       `yaml:"name"`
	Exporter              exporterNode `yaml:"exporter,required" hint:"such as exporter: {terminal: }"`
	exporters.RetryConfig `yaml:",inline"`
}

func (c *retry) label(string) string {
	if c.Name != "" {
		return c.Name
	}
	return c.Exporter.label
}

func (c *retry) open(s *starter) (exporters.Sink, error) {
	sink, err := c.Exporter.open(s)
	if err != nil {
		return nil, err
	}
	r, err := exporters.NewRetry(sink, c.RetryConfig)
	if err != nil {
		return nil, closing(s, sink, err)
	}
	return r, nil
}

// closing shuts down a sink in front of which err happened.
func closing(s *starter, sink exporters.Sink, err error) error {
	_ = sink.Shutdown(s.ctx) // nothing was written to it
	return err
}

// async is the batch engine with all its settings.
type async struct {
	Exporter               exporterNode `yaml:"exporter,required" hint:"such as exporter: {terminal: }"`
	processors.BatchConfig `yaml:",inline"`
}

func newAsync(d *decoder, n *node) processorConfig {
	c := &async{BatchConfig: processors.DefaultBatchConfig()}
	if d.blocking && n.get("on_full") == nil {
		c.OnFull = processors.Block
		c.BlockTimeout = exporters.Unlimited
	}
	if size := n.get("max_queue_size"); size != nil && n.get("max_export_batch_size") == nil {
		// A small queue makes small batches; only a contradiction is an error.
		if i, ok := parseInt(size.text); ok && i > 0 {
			c.MaxExportBatchSize = int(min(int64(c.MaxExportBatchSize), i))
		}
	}
	d.branch(&c.Name, n, &c.Exporter)
	return c
}

func (c *async) build(s *starter) (processors.Processor, error) {
	return startBatch(s, &c.Exporter, c.BatchConfig)
}

func startBatch(s *starter, exporter *exporterNode, cfg processors.BatchConfig) (processors.Processor, error) {
	sink, err := exporter.open(s)
	if err != nil {
		return nil, err
	}
	b, err := processors.NewBatch(sink, cfg)
	if err != nil {
		return nil, closing(s, sink, err)
	}
	return b, nil
}

// batch is the standard's processor: its keys, its defaults, its policy (a
// full queue gives up its oldest record, as the SDK's does), and no bound but
// the number of records.
type batch struct {
	Exporter           exporterNode `yaml:"exporter,required" hint:"such as exporter: {terminal: }"`
	ScheduleDelay      int64        `yaml:"schedule_delay"` // ms
	ExportTimeout      int64        `yaml:"export_timeout"` // ms, 0 is no limit
	MaxQueueSize       int          `yaml:"max_queue_size"`
	MaxExportBatchSize int          `yaml:"max_export_batch_size"`

	name   string
	onFull processors.OnFull
}

func newBatch(d *decoder, n *node) processorConfig {
	c := &batch{
		ScheduleDelay:      1000,
		ExportTimeout:      30000,
		MaxQueueSize:       2048,
		MaxExportBatchSize: 512,
		onFull:             processors.DropOldest,
	}
	if d.blocking {
		c.onFull = processors.Block
	}
	d.branch(&c.name, n, &c.Exporter)
	return c
}

// Validate holds the standard's bounds
// (https://opentelemetry.io/docs/specs/otel/logs/sdk/#batching-processor).
func (c *batch) Validate() error {
	const longest = math.MaxInt64 / int64(time.Millisecond)
	for _, v := range []struct {
		key         string
		have, least int64
	}{
		{"schedule_delay", c.ScheduleDelay, 0},
		{"export_timeout", c.ExportTimeout, 0},
		{"max_queue_size", int64(c.MaxQueueSize), 1},
		{"max_export_batch_size", int64(c.MaxExportBatchSize), 1},
	} {
		if v.have < v.least || v.have > longest {
			return fmt.Errorf("%s is %d: want at least %d and at most %d", v.key, v.have, v.least, longest)
		}
	}
	return nil
}

func (c *batch) build(s *starter) (processors.Processor, error) {
	cfg := processors.BatchConfig{
		Name:               c.name,
		MaxQueueSize:       c.MaxQueueSize,
		MaxQueueBytes:      math.MaxInt64,
		MaxExportBatchSize: min(c.MaxExportBatchSize, c.MaxQueueSize),
		ScheduleDelay:      milliseconds(c.ScheduleDelay),
		ExportTimeout:      milliseconds(c.ExportTimeout),
		OnFull:             c.onFull,
		BlockTimeout:       exporters.Unlimited,
	}
	if c.ExportTimeout == 0 {
		cfg.ExportTimeout = exporters.Unlimited
	}
	return startBatch(s, &c.Exporter, cfg)
}

func milliseconds(n int64) exporters.Duration {
	return exporters.Duration(time.Duration(n) * time.Millisecond)
}
