package config

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/seed2f724858/sluice/exporters"
)

// wrapper are the settings of an exporter that stands in front of others.
type wrapper interface {
	exporterConfig
	wraps() []*exporterNode
}

// wrapperType is the type of exporters in front of others. defaults returns the
// settings' defaults, to be filled from n.
func wrapperType(name string, defaults func(d *decoder, n *node) wrapper) ExporterType {
	return ExporterType{name: name, settings: func(_ ExporterType, d *decoder, n *node) exporterConfig {
		return defaults(d, n)
	}}
}

// misplaced says why an exporter of one type cannot stand behind one of
// another, and what to do about it.
var misplaced = map[[2]string][2]string{
	{"retry", "retry"}:    {"a retry stands in front of this one already", "leave one of them out"},
	{"retry", "spool"}:    {"the spool tries again by itself, for as long as it takes", "leave the retry in front of it out"},
	{"spool", "retry"}:    {"the spool tries again by itself, for as long as it takes", "leave the retry out"},
	{"spool", "spool"}:    {"a spool stands in front of this one already", "leave one of them out"},
	{"failover", "retry"}: {"nobody else would be asked before this retry has given up, and then the records are dropped", "put the retry in front of the failover"},
	{"failover", "spool"}: {"it takes records whether or not its exporter works, and nobody else would be asked", "put the spool in front of the failover"},
}

// settleNesting finds exporters that cannot stand where they do. The targets
// of refs are known by now.
func (d *decoder) settleNesting() {
	for _, outer := range d.wrappers {
		for _, inner := range outer.config.(wrapper).wraps() {
			typ := inner.typ
			if r, ok := inner.config.(*ref); ok {
				typ = r.target.typ
			}
			if why, ok := misplaced[[2]string{outer.typ, typ}]; ok {
				d.failAt(inner.at.line, inner.at.column, inner.at.path, why[0], why[1])
			}
		}
	}
}

// start opens the exporter of a processor. One that may be out of reach for a
// while gets a retry.
func (e *exporterNode) start(s *starter) (exporters.Sink, error) {
	sink, err := e.open(s)
	if err != nil || !e.config.network() {
		return sink, err
	}
	return newRetrier(s, sink, defaultRetry(s.blocking))
}

// defaultRetry returns the settings of a retry of which the file says nothing.
// For who rather waits than loses a record it does not give up.
func defaultRetry(blocking bool) exporters.RetryConfig {
	cfg := exporters.DefaultRetryConfig()
	if blocking {
		cfg.MaxElapsed = exporters.Unlimited
	}
	return cfg
}

func newRetrier(s *starter, sink exporters.Sink, cfg exporters.RetryConfig) (exporters.Sink, error) {
	r, err := exporters.NewRetry(sink, cfg)
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

// retry writes again what its exporter could not deliver.
type retry struct {
	Name                  string       `yaml:"name"`
	Exporter              exporterNode `yaml:"exporter,required" hint:"such as exporter: {otlp_http: {}}"`
	exporters.RetryConfig `yaml:",inline"`
}

func newRetry(d *decoder, _ *node) wrapper { return &retry{RetryConfig: defaultRetry(d.blocking)} }

func (c *retry) wraps() []*exporterNode { return []*exporterNode{&c.Exporter} }

// network is false: one retry is enough.
func (c *retry) network() bool { return false }

func (c *retry) label(string) string { return cmp.Or(c.Name, c.Exporter.label) }

func (c *retry) open(s *starter) (exporters.Sink, error) {
	sink, err := c.Exporter.open(s)
	if err != nil {
		return nil, err
	}
	return newRetrier(s, sink, c.RetryConfig)
}

// failover writes to the first of several exporters that works.
type failover struct {
	Name      string         `yaml:"name"`
	Exporters []exporterNode `yaml:"exporters,required" hint:"such as exporters: [{otlp_http: {}}, {file: {path: spare.jsonl}}]"`
}

func newFailover(*decoder, *node) wrapper { return &failover{} }

// Validate finds a failover without a choice.
func (c *failover) Validate() error {
	if n := len(c.Exporters); n < 2 {
		return fmt.Errorf("exporters: want two or more, have %d", n)
	}
	for i, e := range c.Exporters {
		if e.config == nil {
			return fmt.Errorf("exporters[%d]: the exporter is missing", i)
		}
	}
	return nil
}

func (c *failover) wraps() []*exporterNode {
	all := make([]*exporterNode, len(c.Exporters))
	for i := range c.Exporters {
		all[i] = &c.Exporters[i]
	}
	return all
}

// network reports whether any exporter may be out of reach.
func (c *failover) network() bool {
	return slices.ContainsFunc(c.Exporters, func(e exporterNode) bool { return e.config.network() })
}

// label is that of the preferred exporter.
func (c *failover) label(string) string {
	if c.Name == "" && len(c.Exporters) > 0 {
		return c.Exporters[0].label
	}
	return c.Name
}

func (c *failover) open(s *starter) (exporters.Sink, error) {
	var sinks []exporters.Sink
	closeAll := func(err error) error {
		for _, sink := range sinks {
			err = closing(s, sink, err)
		}
		return err
	}
	for i := range c.Exporters {
		sink, err := c.Exporters[i].open(s)
		if err != nil {
			return nil, closeAll(err)
		}
		sinks = append(sinks, sink)
	}
	f, err := exporters.NewFailover(sinks...)
	if err != nil {
		return nil, closeAll(err)
	}
	return f, nil
}
