package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed2f724858/sluice/exporters"
)

// ExporterType is a kind of exporter that a configuration may name.
type ExporterType struct {
	name string
	// settings returns the settings' defaults, to be filled from n.
	settings func(t ExporterType, d *decoder, n *node) exporterConfig

	standard bool
	network  bool
	claim    func(settings any) (key, what string) // may be nil
}

// NewExporterType returns a type of exporters for [WithExporterTypes]. {NAME:
// {settings}} in a file is then the exporter that open makes of the settings.
//
// C is a struct whose fields have yaml tags; what a file does not say keeps
// the value that defaults gave it. [exporters.Duration], [exporters.Size],
// [exporters.Secret] and whatever else is an encoding.TextUnmarshaler is read
// from text. If C has a method Validate() error, it is called when a file is
// read; its errors (of errors.Join, if there are several) begin with the key
// that is wrong: "endpoint: …". If it has a method Check() error, that is
// called by [Document.Check], and must not touch anything. What a method
// Warnings() error returns, in the form of Validate's errors, is valid and
// probably not meant (see [Document.Warnings]); it shows no setting. Besides the settings a file may
// give a name to the exporter.
func NewExporterType[C any, S exporters.Sink](name string, defaults func() C, open func(C) (S, error)) ExporterType {
	return ExporterType{name: name, settings: func(t ExporterType, _ *decoder, _ *node) exporterConfig {
		unnamed := unnamedConfig[C, S]{Config: defaults(), typ: t, new: open}
		if t.standard {
			return &unnamed
		}
		return &namedConfig[C, S]{unnamedConfig: unnamed}
	}}
}

// Network returns t as one of destinations that may be out of reach for a
// while: unless a file has a retry or a spool in front of such an exporter, it
// gets a retry with the defaults.
func (t ExporterType) Network() ExporterType {
	t.network = true
	return t
}

// Standard returns t as one that has the keys of OpenTelemetry's schema and
// none besides: no name.
func (t ExporterType) Standard() ExporterType {
	t.standard = true
	return t
}

// claiming returns t as one whose exporters have something for themselves
// alone: claim returns what, and the key that names it.
func (t ExporterType) claiming(claim func(settings any) (key, what string)) ExporterType {
	t.claim = claim
	return t
}

// exporterTypes returns all types of exporters, by their names.
func (o *options) exporterTypes() ([]ExporterType, error) {
	all := append(exporterTypes(), o.exporters...)
	slices.SortStableFunc(all, func(a, b ExporterType) int { return strings.Compare(a.name, b.name) })
	for i, t := range all {
		if t.name == "" {
			return nil, errors.New("an exporter type has no name: make it with NewExporterType")
		}
		if i > 0 && all[i-1].name == t.name {
			return nil, fmt.Errorf("two exporter types have the name %q", t.name)
		}
	}
	return all, nil
}

// unnamedConfig are the settings of an exporter that a file can give no name.
type unnamedConfig[C any, S exporters.Sink] struct {
	Config C `yaml:",inline"`
	typ    ExporterType
	new    func(C) (S, error)
}

// namedConfig are the settings of an exporter that a file may give a name.
type namedConfig[C any, S exporters.Sink] struct {
	Name                string `yaml:"name"`
	unnamedConfig[C, S] `yaml:",inline"`
}

// Validate is the settings' own.
func (c *unnamedConfig[C, S]) Validate() error {
	if v, ok := any(&c.Config).(validator); ok {
		return v.Validate()
	}
	return nil
}

// Warnings are the settings' own.
func (c *unnamedConfig[C, S]) Warnings() error {
	if w, ok := any(&c.Config).(warner); ok {
		return w.Warnings()
	}
	return nil
}

// check is the settings' own Check.
func (c *unnamedConfig[C, S]) check() error {
	if v, ok := any(&c.Config).(interface{ Check() error }); ok {
		return v.Check()
	}
	return nil
}

func (c *unnamedConfig[C, S]) claims() (key, what string) {
	if c.typ.claim == nil {
		return "", ""
	}
	return c.typ.claim(c.Config)
}

func (c *unnamedConfig[C, S]) network() bool { return c.typ.network }

func (c *unnamedConfig[C, S]) label(typ string) string { return typ }

func (c *namedConfig[C, S]) label(typ string) string { return cmp.Or(c.Name, typ) }

func (c *unnamedConfig[C, S]) open(s *starter) (exporters.Sink, error) {
	sink, err := c.new(c.Config)
	if err != nil {
		return nil, err
	}
	if r, ok := any(sink).(exporters.Reopener); ok {
		s.reopeners = append(s.reopeners, r)
	}
	return sink, nil
}
