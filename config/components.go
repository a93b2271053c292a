package config

import (
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/discard"
	"github.com/seed2f724858/sluice/exporters/file"
	"github.com/seed2f724858/sluice/exporters/otlp"
	"github.com/seed2f724858/sluice/exporters/socket"
	"github.com/seed2f724858/sluice/exporters/terminal"
	"github.com/seed2f724858/sluice/exporters/webhook"
	"github.com/seed2f724858/sluice/processors"
)

// exporterTypes lists the exporters that this package knows.
func exporterTypes() []ExporterType {
	return []ExporterType{
		NewExporterType("console", noSettings, newConsole).Standard(),
		NewExporterType("discard", discard.DefaultConfig, discard.New),
		wrapperType("failover", newFailover),
		NewExporterType("file", file.DefaultConfig, file.New).claiming(filePath),
		NewExporterType("otlp", otlp.DefaultConfig, otlp.New).Network(),
		NewExporterType("otlp_http", defaultOTLPHTTP, newOTLPHTTP).Network().Standard(),
		{name: "ref", settings: func(ExporterType, *decoder, *node) exporterConfig { return &ref{} }},
		wrapperType("retry", newRetry),
		NewExporterType("socket", socket.DefaultConfig, socket.New).Network(),
		wrapperType("spool", newSpooled),
		NewExporterType("terminal", terminal.DefaultConfig, terminal.New),
		NewExporterType("webhook", webhook.DefaultConfig, webhook.New).Network(),
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

// noSettings are the settings of a component that has no keys.
func noSettings() struct{} { return struct{}{} }

// newConsole is the standard's console: our terminal with its defaults.
func newConsole(struct{}) (*terminal.Exporter, error) { return terminal.New(terminal.DefaultConfig()) }

// filePath is what a file exporter claims.
func filePath(settings any) (key, what string) {
	return pathClaim("path", "file", settings.(file.Config).Path)
}

// pathClaim returns the claim of an exporter that has a path for itself,
// whatever links lead there.
func pathClaim(key, noun, path string) (_, what string) {
	if path == "" {
		return "", ""
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = withoutLinks(abs)
	}
	return key, noun + " " + path
}

// withoutLinks follows the links in as much of an absolute path as exists.
func withoutLinks(path string) string {
	missing := ""
	for there := path; ; there = filepath.Dir(there) {
		if real, err := filepath.EvalSymlinks(there); err == nil {
			return filepath.Join(real, missing)
		}
		if there == filepath.Dir(there) {
			return path
		}
		missing = filepath.Join(filepath.Base(there), missing)
	}
}

// async is the batch engine with all its settings.
type async struct {
	Exporter               exporterNode `yaml:"exporter,required" hint:"such as exporter: {terminal: {}}"`
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
	sink, err := exporter.start(s)
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
	Exporter           exporterNode `yaml:"exporter,required" hint:"such as exporter: {terminal: {}}"`
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
