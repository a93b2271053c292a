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

// naming is a name to be settled.
type naming struct {
	name     *string // what the file says, and the result
	said     *node   // where it says so; nil if it does not
	fallback string
	settings *node
}

// settleNames gives every branch and every step a name of its own.
func (d *decoder) settleNames() {
	var branches, steps []naming
	for _, b := range d.branches {
		n := naming{b.name, b.settings.get("name"), b.exporter.label, b.settings}
		if *b.name == "" && b.exporter.named != nil {
			*b.name, n.said = b.exporter.label, b.exporter.named
		}
		branches = append(branches, n)
	}
	for _, s := range d.steps {
		steps = append(steps, naming{s.name, s.settings.get("name"), s.typ, s.settings})
	}
	d.settle("exporter", branches)
	d.settle("processor", steps)
}

// settle settles names: the one in the file, else the fallback, with a number
// from the second on ("file", "file/2").
func (d *decoder) settle(noun string, list []naming) {
	taken := map[string]*node{}
	var unnamed []naming
	for _, n := range list {
		if *n.name == "" {
			unnamed = append(unnamed, n)
			continue
		}
		if first, twice := taken[*n.name]; twice && n.said != nil {
			d.fail(n.said, fmt.Sprintf("the name is taken by the %s in line %d", noun, first.line), "names tell "+noun+"s apart in statistics: choose another one")
			continue
		}
		taken[*n.name] = n.said
	}
	for _, n := range unnamed {
		name := n.fallback
		for i := 2; taken[name] != nil; i++ {
			name = n.fallback + "/" + strconv.Itoa(i)
		}
		*n.name, taken[name] = name, n.settings
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
			"give each a "+key+" of its own, or define one exporter under distribution: {sluice: {exporters: …}} and use {ref: NAME}")
		return
	}
	d.claimed[what] = at
}
