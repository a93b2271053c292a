package config

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Limits on what is read from a file.
const (
	maxFileSize = 1 << 20
	maxDepth    = 100
	maxNodes    = 100_000 // after aliases have been followed
)

// reader turns YAML into nodes and notes every problem on the way.
type reader struct {
	file    string
	errs    Errors
	secrets secrets

	nodes   int
	follows map[*yaml.Node]bool // aliases being followed
}

// document returns the root; nil when the data cannot be made sense of.
func (r *reader) document(data []byte) *node {
	if len(data) > maxFileSize {
		r.failAt(1, 1, "", fmt.Sprintf("the file is larger than %d KiB", maxFileSize>>10), "a configuration is never that large: is it the right file?")
		return nil
	}
	doc, err := parseYAML(data)
	if err != nil {
		line, column := syntaxPlace(err, data)
		var hint string
		if text := lineOf(data, line); strings.Contains(text, "${") && strings.ContainsAny(text, "[{,") {
			hint = `between { } and between [ ] a reference stands in quotes: "${NAME}"`
		} else if !utf8.Valid(data) {
			hint = "the file is no text in UTF-8: is it the right file?"
		} else if strings.Contains(text, "\t") {
			hint = "YAML is indented with spaces, never with tabs"
		}
		r.failAt(line, column, "", "no valid YAML: "+syntaxMessage(err), hint)
		return nil
	}
	if doc == nil || len(doc.Content) == 0 {
		return &node{kind: nullKind, line: 1, column: 1}
	}
	r.follows = map[*yaml.Node]bool{}
	n := r.read(doc.Content[0], &node{index: -1}, 0)
	if r.nodes > maxNodes {
		return nil
	}
	return n
}

// fail notes a problem at y, which n stands for.
func (r *reader) fail(y *yaml.Node, n *node, msg, hint string) {
	r.failAt(y.Line, y.Column, n.path(), msg, hint)
}

func (r *reader) failAt(line, column int, path, msg, hint string) {
	r.errs.add(&Error{File: r.file, Line: line, Column: column, Path: path, Msg: msg, Hint: hint})
}

// read fills n from y. What is broken stays null; nothing more is read once
// the document has turned out too large.
func (r *reader) read(y *yaml.Node, n *node, depth int) *node {
	n.line, n.column = y.Line, y.Column
	r.nodes++
	switch {
	case r.nodes > maxNodes:
		if r.nodes == maxNodes+1 {
			r.fail(y, n, fmt.Sprintf("more than %d values, aliases counted as often as they are used", maxNodes), "")
		}
		return n
	case depth > maxDepth:
		r.fail(y, n, fmt.Sprintf("nested more than %d levels deep", maxDepth), "")
		return n
	}
	switch y.Kind {
	case yaml.AliasNode:
		if r.follows[y.Alias] {
			r.fail(y, n, fmt.Sprintf("the alias *%s stands inside of what it stands for", clip(y.Value)), "")
			return n
		}
		r.follows[y.Alias] = true
		defer delete(r.follows, y.Alias)
		return r.read(y.Alias, n, depth+1)
	case yaml.SequenceNode:
		r.tag(y, n, "!!seq")
		n.kind = listKind
		for i, item := range y.Content {
			n.items = append(n.items, r.read(item, &node{parent: n, index: i}, depth+1))
		}
	case yaml.MappingNode:
		r.tag(y, n, "!!map")
		n.kind = mapKind
		r.entries(y, n, depth)
	case yaml.ScalarNode:
		r.scalar(y, n)
	}
	return n
}

func (r *reader) tag(y *yaml.Node, n *node, want string) {
	if y.Tag != "" && y.Tag != want {
		r.fail(y, n, "unknown tag "+clip(y.Tag), "leave the tag out")
	}
}

func (r *reader) entries(y *yaml.Node, n *node, depth int) {
	first := map[string]int{}
	var merges []*node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			r.fail(key, n, "a key is plain text", "")
			continue
		}
		if key.Tag == "!!merge" {
			// What it brings in has its place in n.
			merges = append(merges, r.read(value, &node{parent: n.parent, key: n.key, index: n.index}, depth+1))
			continue
		}
		child := &node{parent: n, key: key.Value, index: -1}
		if line, twice := first[key.Value]; twice {
			r.fail(key, child, fmt.Sprintf("the key stands here twice, first in line %d", line), "")
			continue
		}
		first[key.Value] = key.Line
		n.entries = append(n.entries, entry{key.Line, key.Column, r.read(value, child, depth+1)})
	}
	for _, m := range merges {
		r.merge(n, m)
	}
}

// merge adds what "<<" brings in and n does not have itself
// (https://yaml.org/type/merge.html).
func (r *reader) merge(n, from *node) {
	have := make(map[string]bool, len(n.entries))
	for _, e := range n.entries {
		have[e.value.key] = true
	}
	groups := []*node{from}
	if from.kind == listKind {
		groups = from.items
	}
	for _, g := range groups {
		if g.kind != mapKind {
			r.failAt(g.line, g.column, n.path(), "<< takes a group of keys, or a list of them", "")
		}
		for _, e := range g.entries {
			if !have[e.value.key] {
				have[e.value.key] = true
				n.entries = append(n.entries, e)
			}
		}
	}
}

func (r *reader) scalar(y *yaml.Node, n *node) {
	sub, err := substitute(y.Value)
	if err != nil {
		r.fail(y, n, err.Error(), "write ${NAME}, ${env:NAME} or ${NAME:-default}; $$ stands for a $ itself")
		return
	}
	text := sub.text
	n.text, n.source, n.external, n.unset = text, y.Value, len(sub.values) > 0, sub.unset
	if n.external {
		r.secrets.add(y.Value, text, sub.values)
	}
	switch {
	case y.Style&yaml.TaggedStyle != 0:
		kinds := map[string]kind{"!!null": nullKind, "!!bool": boolKind, "!!int": intKind, "!!float": floatKind, "!!str": stringKind}
		k, ok := kinds[y.Tag]
		if !ok {
			r.tag(y, n, "")
			return
		}
		if got := resolve(text); k != stringKind && got != k && (k != floatKind || got != intKind) {
			r.fail(y, n, fmt.Sprintf("the value is not what its tag %s says", y.Tag), "leave the tag out")
			return
		}
		n.kind = k
	case y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		n.kind = stringKind
	default:
		n.kind = resolve(text)
	}
}
