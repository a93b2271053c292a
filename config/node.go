package config

import (
	"fmt"
	"strconv"
	"strings"
)

// node is one value of the document: aliases followed, merges done,
// environment variables in their places.
type node struct {
	kind         kind
	line, column int

	parent *node // nil for the root
	key    string
	index  int // in a list; -1 below a key

	text     string   // of a scalar, after substitution
	source   string   // of a scalar, as the file has it
	external bool     // part of text came from the environment
	unset    []string // references without a value and a default

	items   []*node // of a list
	entries []entry // of a group of keys
}

type entry struct {
	line, column int // of the key
	value        *node
}

// get returns the value of a key; nil if the key is not given or null.
func (n *node) get(key string) *node {
	for _, e := range n.entries {
		if e.value.key == key && e.value.kind != nullKind {
			return e.value
		}
	}
	return nil
}

// child returns the value that "key" or "key[1]" leads to; nil if none.
func (n *node) child(key string) *node {
	name, index, indexed := strings.Cut(key, "[")
	for _, e := range n.entries {
		switch {
		case e.value.key != name:
			continue
		case !indexed:
			return e.value
		}
		if i, err := strconv.Atoi(strings.TrimSuffix(index, "]")); err == nil && i >= 0 && i < len(e.value.items) {
			return e.value.items[i]
		}
	}
	return nil
}

// path returns the way to n through the document.
func (n *node) path() string {
	switch {
	case n.parent == nil:
		return ""
	case n.index >= 0:
		return fmt.Sprintf("%s[%d]", n.parent.path(), n.index)
	}
	if above := n.parent.path(); above != "" {
		return above + "." + clip(n.key)
	}
	return clip(n.key)
}

// clip shortens what a message quotes from a file.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
