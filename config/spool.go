package config

import (
	"cmp"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/spool"
)

// spooled keeps records on disk until its exporter has taken them.
type spooled struct {
	Name         string       `yaml:"name"`
	Exporter     exporterNode `yaml:"exporter,required" hint:"such as exporter: {otlp_http: {}}"`
	spool.Config `yaml:",inline"`
}

func newSpooled(d *decoder, n *node) wrapper {
	c := &spooled{Config: spool.DefaultConfig()}
	if d.blocking && n.get("on_full") == nil {
		c.OnFull = spool.Block
	}
	return c
}

func (c *spooled) wraps() []*exporterNode { return []*exporterNode{&c.Exporter} }

// network is false: the queue itself is never out of reach.
func (c *spooled) network() bool { return false }

func (c *spooled) label(string) string { return cmp.Or(c.Name, c.Exporter.label) }

func (c *spooled) claims() (key, what string) {
	return pathClaim("directory", "directory", c.Directory)
}

func (c *spooled) check() error { return c.Check() }

func (c *spooled) open(s *starter) (exporters.Sink, error) {
	sink, err := c.Exporter.open(s)
	if err != nil {
		return nil, err
	}
	q, err := spool.New(sink, c.Config)
	if err != nil {
		return nil, closing(s, sink, err)
	}
	return q, nil
}
