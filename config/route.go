package config

import (
	"errors"
	"fmt"

	"github.com/seed2f724858/sluice/processors"
)

// simple is the standard's processor.
type simple struct {
	Exporter exporterNode `yaml:"exporter,required" hint:"such as exporter: {terminal: {}}"`

	name string
}

func newSimple(d *decoder, n *node) processorConfig {
	c := &simple{}
	d.branch(&c.name, n, &c.Exporter)
	return c
}

func (c *simple) build(s *starter) (processors.Processor, error) {
	sink, err := c.Exporter.start(s)
	if err != nil {
		return nil, err
	}
	cfg := processors.DefaultSimpleConfig()
	cfg.Name = c.name
	p, err := processors.NewSimple(sink, cfg)
	if err != nil {
		return nil, closing(s, sink, err)
	}
	return p, nil
}

// route hands records to the rules that match them.
type route struct {
	Rules []rule `yaml:"rules,required"`
}

type rule struct {
	Match      processors.Match `yaml:"match"`
	Processors []processorNode  `yaml:"processors"`
	Stop       bool             `yaml:"stop"`
}

// Validate finds rules without any effect.
func (r *rule) Validate() error {
	if len(r.Processors) == 0 && !r.Stop {
		return errors.New("the rule does nothing: give it processors, or stop: true to drop what it matches")
	}
	return nil
}

// Validate finds a route without rules.
func (c *route) Validate() error {
	if len(c.Rules) == 0 {
		return errors.New("rules: the list is empty")
	}
	return nil
}

func (c *route) build(s *starter) (processors.Processor, error) {
	var rules []processors.Rule
	closeAll := func() {
		for _, r := range rules {
			s.close(r.Processors)
		}
	}
	for _, r := range c.Rules {
		steps, err := s.build(r.Processors)
		if err != nil {
			closeAll()
			return nil, err
		}
		rules = append(rules, processors.Rule{Match: r.Match, Processors: steps, Stop: r.Stop})
	}
	p, err := processors.NewRoute(rules...)
	if err != nil {
		closeAll()
		return nil, fmt.Errorf("route: %w", err)
	}
	return p, nil
}
