package config

import "github.com/seed2f724858/sluice/processors"

// step is the type of a processor that is no way to an exporter. name returns
// where its settings keep the name that statistics know it by.
func step[C any, P processors.Processor](typ string, defaults func() C, build func(C) (P, error), name func(*C) *string) processorType {
	return processorType{typ, func(d *decoder, n *node) processorConfig {
		c := &stepConfig[C, P]{Config: defaults(), new: build}
		d.steps = append(d.steps, stepName{name(&c.Config), typ, n})
		return c
	}}
}

type stepConfig[C any, P processors.Processor] struct {
	Config C `yaml:",inline"`
	new    func(C) (P, error)
}

// Validate is the settings' own.
func (c *stepConfig[C, P]) Validate() error {
	if v, ok := any(c.Config).(validator); ok {
		return v.Validate()
	}
	return nil
}

func (c *stepConfig[C, P]) build(*starter) (processors.Processor, error) {
	p, err := c.new(c.Config)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// idle adds the places of processors that serve nobody: behind them stands no
// way to an exporter. What leads to exporters hands records on all the same.
func idle(list []processorNode, found []string) []string {
	served := false
	for i := len(list) - 1; i >= 0; i-- {
		if rt, ok := list[i].config.(*route); ok {
			for _, r := range rt.Rules {
				found = idle(r.Processors, found)
			}
		}
		if _, step := list[i].config.(bystander); !step {
			served = true
		} else if !served {
			found = append(found, list[i].at.path+" (no exporter stands behind it)")
		}
	}
	return found
}

// bystander is a processor that is no way to an exporter.
type bystander interface{ bystands() }

func (c *stepConfig[C, P]) bystands() {}
func (c *attributes) bystands()       {}

// stepName is the name of a step, to be settled when the whole document is
// known.
type stepName struct {
	name     *string // what the file says, and the result
	typ      string
	settings *node
}
