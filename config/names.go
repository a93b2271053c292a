package config

import (
	"fmt"
	"strconv"
)

// branchName is the name of one way to an exporter, to be settled when the
// whole document is known.
type branchName struct {
	name     *string // what the file says, and the result
	settings *node
	exporter *exporterNode
}

// branch notes that the settings of a processor lead to an exporter, whose
// name in statistics name becomes.
func (d *decoder) branch(name *string, settings *node, exporter *exporterNode) {
	d.branches = append(d.branches, branchName{name, settings, exporter})
}

// settleNames gives every branch a name of its own: the one in the file, else
// the exporter's type, with a number from the second on ("file", "file/2").
func (d *decoder) settleNames() {
	taken := map[string]*node{}
	var unnamed []branchName
	for _, b := range d.branches {
		said := b.settings.get("name")
		switch {
		case *b.name != "":
		case b.exporter.named != nil:
			*b.name, said = b.exporter.label, b.exporter.named
		default:
			unnamed = append(unnamed, b)
			continue
		}
		if first, twice := taken[*b.name]; twice && said != nil {
			d.fail(said, fmt.Sprintf("the name is taken by the exporter in line %d", first.line), "names tell exporters apart in statistics: choose another one")
			continue
		}
		taken[*b.name] = said
	}
	for _, b := range unnamed {
		name := b.exporter.label
		for i := 2; taken[name] != nil; i++ {
			name = b.exporter.label + "/" + strconv.Itoa(i)
		}
		*b.name = name
		taken[name] = b.settings
	}
}

// claimer is an exporter that has something for itself alone.
type claimer interface{ claims() (key, what string) }

// settleClaim notes what an exporter has for itself, and the exporter that
// wants it too.
func (d *decoder) settleClaim(e *exporterNode, settings *node) {
	c, ok := e.config.(claimer)
	if !ok {
		return
	}
	key, what := c.claims()
	if what == "" {
		return
	}
	at := settings.child(key)
	if at == nil {
		at = settings
	}
	if first, twice := d.claimed[what]; twice {
		d.fail(at, fmt.Sprintf("two exporters on one %s: the first is in line %d, column %d", key, first.line, first.column),
			"define it once under distribution: {sluice: {exporters: …}} and use {ref: NAME}")
		return
	}
	d.claimed[what] = at
}
