package config

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/processors"
)

// exporterConfig are the settings of one exporter.
type exporterConfig interface {
	// label is what statistics call the exporter unless the file names it.
	label(typ string) string
	// network reports whether the exporter wants a retry in front of it.
	network() bool
	// open returns the exporter itself.
	open(s *starter) (exporters.Sink, error)
}

// processorType is a kind of processor that a file may name.
type processorType struct {
	name string
	// config returns the settings' defaults, to be filled from n.
	config func(d *decoder, n *node) processorConfig
}

// processorConfig are the settings of one processor.
type processorConfig interface {
	build(s *starter) (processors.Processor, error)
}

// exporterNode is a place for an exporter in the settings of a component:
// {TYPE: {settings}}.
type exporterNode struct {
	at     place
	typ    string
	label  string
	named  *node // where the file names it; nil if it does not
	config exporterConfig
}

// processorNode is a place for a processor: {TYPE: {settings}}.
type processorNode struct {
	at     place
	config processorConfig
}

// place is where something stands in a file.
type place struct {
	file, path   string
	line, column int
}

// fail makes err, which starting the thing at p gave, an [Error].
func (p place) fail(s *starter, err error) error {
	if nested, ok := err.(*Error); ok {
		return nested
	}
	msg, hint := advise(s.secrets.hide(err.Error()))
	if hint == "" {
		hint = remedy(err)
	}
	return &Error{
		File: p.file, Line: p.line, Column: p.column, Path: p.path,
		Msg: printable(msg), Hint: printable(hint), cause: err,
	}
}

// checker are settings that can tell what of the world outside would keep
// their component from starting, without touching it.
type checker interface{ check() error }

type check struct {
	at       place
	settings checker
}

// component takes {TYPE: settings} apart and returns the index of the type.
// Settings that are null are settings without any key.
func (d *decoder) component(n *node, noun string, types []string) (i int, settings *node, at place, ok bool) {
	switch {
	case n.kind < listKind:
		d.fail(n, fmt.Sprintf("want one %s with its settings, have %s", noun, n.kind),
			noun+"s are written {TYPE: {settings}}; types here: "+strings.Join(types, ", "))
		return
	case !d.expect(n, mapKind):
		return
	case len(n.entries) != 1:
		d.fail(n, fmt.Sprintf("want exactly one %s, have %d keys", noun, len(n.entries)), "types here: "+strings.Join(types, ", "))
		return
	}
	e := n.entries[0]
	settings = e.value
	at = place{d.file, settings.path(), e.line, e.column}
	if i = slices.Index(types, settings.key); i < 0 {
		hint := d.otherKind(noun, settings.key)
		if hint == "" {
			hint = suggest(settings.key, types, noun+"s")
		}
		d.failKey(e, fmt.Sprintf("%s %q is not built into this binary", noun, clip(settings.key)), hint)
		return
	}
	if settings.kind == nullKind {
		settings.kind = mapKind
		settings.line, settings.column = e.line, e.column
	}
	return i, settings, at, true
}

// otherKind returns a hint for a component that stands where one of the other
// kind belongs, or that is known elsewhere.
func (d *decoder) otherKind(noun, typ string) string {
	if noun == "processor" && slices.ContainsFunc(d.exporters, func(t ExporterType) bool { return t.name == typ }) {
		return fmt.Sprintf("%s is an exporter: write - async: {exporter: {%s: {…}}}", typ, typ)
	}
	if noun == "exporter" && slices.ContainsFunc(d.processors, func(t processorType) bool { return t.name == typ }) {
		return typ + " is a processor: it stands in the list of processors"
	}
	switch typ {
	case "otlp_grpc": // which would link gRPC to every program
		return "it comes with package config/all: config.Load(file, all.Options()...), or sluice.WithConfigOptions(all.Options()...); otlp_http needs neither"
	case "otlp_file/development":
		return "file: {format: otlp_json} writes the same lines"
	}
	return ""
}

func (e *exporterNode) decodeNode(d *decoder, n *node) {
	if n.kind == nullKind {
		return // whether it may be missing is for the parent to say
	}
	types := make([]string, len(d.exporters))
	for i, t := range d.exporters {
		types[i] = t.name
	}
	i, settings, at, ok := d.component(n, "exporter", types)
	if !ok {
		return
	}
	e.at, e.typ = at, types[i]
	e.config = d.exporters[i].settings(d.exporters[i], d, settings)
	d.into(settings, e.config)
	if _, shared := e.config.(*ref); !shared {
		e.named = settings.get("name")
	}
	e.label = e.config.label(types[i])
	if c, ok := e.config.(checker); ok {
		d.checks = append(d.checks, check{at, c})
	}
	if _, ok := e.config.(wrapper); ok {
		d.wrappers = append(d.wrappers, e)
	}
	d.settleClaim(e, settings)
}

func (e *exporterNode) open(s *starter) (exporters.Sink, error) {
	sink, err := e.config.open(s)
	if err != nil {
		return nil, e.at.fail(s, err)
	}
	return sink, nil
}

func (p *processorNode) decodeNode(d *decoder, n *node) {
	types := make([]string, len(d.processors))
	for i, t := range d.processors {
		types[i] = t.name
	}
	i, settings, at, ok := d.component(n, "processor", types)
	if !ok {
		return
	}
	p.at, p.config = at, d.processors[i].config(d, settings)
	d.into(settings, p.config)
}

// into fills what cfg points to.
func (d *decoder) into(n *node, cfg any) {
	d.decode(n, reflect.ValueOf(cfg).Elem())
}

// starter turns settings into running components.
type starter struct {
	ctx      context.Context
	secrets  secrets
	blocking bool // see OnFullBlock
	shared   map[string]*shared
	// reopeners are the exporters that Runtime.Reopen asks.
	reopeners []exporters.Reopener
}

// build returns the running processors of a list. If one cannot be built,
// those before it are shut down.
func (s *starter) build(list []processorNode) ([]processors.Processor, error) {
	var built []processors.Processor
	for _, p := range list {
		step, err := p.config.build(s)
		if err != nil {
			s.close(built)
			return nil, p.at.fail(s, err)
		}
		built = append(built, step)
	}
	return built, nil
}

// close shuts down processors that nothing has passed through yet.
func (s *starter) close(built []processors.Processor) {
	for _, b := range built {
		_ = b.Shutdown(s.ctx) // err is the one that is told
	}
}
