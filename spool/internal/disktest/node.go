package disktest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// node is a file or a directory.
type node struct {
	dir  bool
	born int // names may differ under the same seed; the order of creation does not

	// A directory's names as they are seen, as they are on the medium, and how
	// the ones came out of the others.
	names, durableNames map[string]*node
	renames             []naming

	// The same of a file's content.
	data, durable []byte
	changes       []change

	lock *Process
}

// naming is a change of a directory: to gets the node, from loses it. Either
// name may be empty.
type naming struct {
	from, to string
	n        *node
}

// change is a write, or a truncation if data is nil.
type change struct {
	at   int64
	data []byte
}

// maxChanges is how many changes may wait for a sync. Kernels, too, write by
// themselves what is old.
const maxChanges = 256

func (d *Disk) newFile() *node {
	d.births++
	return &node{born: d.births}
}

func (d *Disk) newDir() *node {
	d.births++
	return &node{dir: true, born: d.births, names: make(map[string]*node), durableNames: make(map[string]*node)}
}

func (d *node) link(name string, n *node) { d.rename("", name, n) }

func (d *node) rename(from, to string, n *node) {
	r := naming{from, to, n}
	r.apply(d.names)
	d.renames = append(d.renames, r)
	if len(d.renames) > maxChanges {
		for _, r := range d.renames[:maxChanges/2] {
			r.apply(d.durableNames)
		}
		d.renames = slices.Clone(d.renames[maxChanges/2:])
	}
}

func (r naming) apply(names map[string]*node) {
	if r.from != "" && names[r.from] == r.n {
		delete(names, r.from)
	}
	if r.to != "" {
		names[r.to] = r.n
	}
}

func (d *node) syncNames() {
	d.durableNames, d.renames = maps.Clone(d.names), nil
}

func (d *node) walk(name string, visit func(name string, n *node)) {
	visit(name, d)
	for _, base := range slices.Sorted(maps.Keys(d.names)) {
		child := base
		if name != "" {
			child = name + "/" + base
		}
		if n := d.names[base]; n.dir {
			n.walk(child, visit)
		} else {
			visit(child, n)
		}
	}
}

// byAge returns the names of what a directory holds, oldest first.
func byAge(names map[string]*node) []string {
	return slices.SortedFunc(maps.Keys(names), func(a, b string) int {
		return cmp.Or(names[a].born-names[b].born, strings.Compare(a, b))
	})
}

func (d *node) size() (bytes int64) {
	d.walk("", func(_ string, n *node) { bytes += int64(len(n.data)) })
	return bytes
}

func (n *node) change(c change) {
	c.data = slices.Clone(c.data)
	n.data = c.apply(n.data)
	n.changes = append(n.changes, c)
	if len(n.changes) > maxChanges {
		for _, c := range n.changes[:maxChanges/2] {
			n.durable = c.apply(n.durable)
		}
		n.changes = slices.Clone(n.changes[maxChanges/2:])
	}
}

// apply returns the content after the change.
func (c change) apply(content []byte) []byte {
	if c.data == nil {
		return resized(content, c.at)
	}
	if end := c.at + int64(len(c.data)); end > int64(len(content)) {
		content = resized(content, end)
	}
	copy(content[c.at:], c.data)
	return content
}

// resized cuts the content or appends zeros.
func resized(content []byte, size int64) []byte {
	if size <= int64(len(content)) {
		return content[:size]
	}
	return append(content, make([]byte, size-int64(len(content)))...)
}

func (n *node) syncData() {
	for _, c := range n.changes {
		n.durable = c.apply(n.durable)
	}
	n.changes = nil
}
