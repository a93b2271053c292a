package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Limits on what is read from a file.
const (
	maxFileSize = 1 << 20
	maxDepth    = 100
	maxNodes    = 100_000 // after aliases have been followed
)

// node is one value of the document: aliases followed, merges done,
// environment variables in their places.
type node struct {
	kind         kind
	line, column int

	text     string // of a scalar, after substitution
	source   string // of a scalar, as the file has it
	external bool   // part of text came from the environment

	items   []*node // of a list
	entries []entry // of a group of keys
}

type entry struct {
	key          string
	line, column int
	value        *node
}

// get returns the value of a key; nil if the key is not given or null.
func (n *node) get(key string) *node {
	for _, e := range n.entries {
		if e.key == key && e.value.kind != nullKind {
			return e.value
		}
	}
	return nil
}

// reader turns YAML into nodes and notes every problem on the way.
type reader struct {
	file    string
	errs    Errors
	secrets secrets

	nodes   int
	follows map[*yaml.Node]bool // aliases being followed
}

// read returns the document's root; nil when it cannot be made sense of.
func (r *reader) read(data []byte) *node {
	if len(data) > maxFileSize {
		r.fail(0, 0, "", fmt.Sprintf("the file is larger than %d KiB", maxFileSize>>10), "a configuration is never that large: is it the right file?")
		return nil
	}
	doc, err := parseYAML(data)
	if err != nil {
		line, column := syntaxPlace(err, data)
		hint := ""
		if text := lineOf(data, line); strings.Contains(text, "${") && strings.ContainsAny(text, "[{,") {
			hint = `between { } and between [ ] a reference stands in quotes: "${NAME}"`
		} else if strings.Contains(text, "\t") {
			hint = "YAML is indented with spaces, never with tabs"
		}
		r.fail(line, column, "", "no valid YAML: "+syntaxMessage(err), hint)
		return nil
	}
	if doc == nil || len(doc.Content) == 0 {
		return &node{kind: nullKind, line: 1, column: 1}
	}
	r.follows = map[*yaml.Node]bool{}
	n := r.node(doc.Content[0], "", 0)
	if len(r.errs) > 0 {
		return nil
	}
	return n
}

// parseYAML returns the only document of data.
func parseYAML(data []byte) (doc *yaml.Node, err error) {
	// The parser reports broken input by panics of its own, which it catches;
	// this catches those that it does not expect.
	defer func() {
		if p := recover(); p != nil {
			doc, err = nil, fmt.Errorf("yaml: %v", p)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	doc = &yaml.Node{}
	if err := dec.Decode(doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	var second yaml.Node
	switch err := dec.Decode(&second); {
	case errors.Is(err, io.EOF):
		return doc, nil
	case err != nil:
		return nil, err
	default:
		return nil, fmt.Errorf("yaml: line %d: a second document begins here; only one is read", second.Line)
	}
}

var (
	syntaxLine    = regexp.MustCompile(`^yaml: line (\d+): `)
	unknownAnchor = regexp.MustCompile(`unknown anchor '(.*)' referenced`)
)

func syntaxMessage(err error) string {
	msg := syntaxLine.ReplaceAllString(err.Error(), "")
	return strings.TrimPrefix(msg, "yaml: ")
}

// syntaxPlace finds the place of a syntax error, of which the parser tells a
// line at most, and that one too small where its grammar, not its scanner,
// found the error. The column is that of the line's first character.
func syntaxPlace(err error, data []byte) (line, column int) {
	if m := syntaxLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
	}
	msg := syntaxMessage(err)
	if m := unknownAnchor.FindStringSubmatch(msg); m != nil {
		if before, _, found := bytes.Cut(data, []byte("*"+m[1])); found {
			return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
		}
	}
	if strings.HasPrefix(msg, "did not find expected") {
		line++
	}
	line = max(1, min(line, bytes.Count(data, []byte("\n"))+1))
	text := lineOf(data, line)
	return line, len(text) - len(strings.TrimLeft(text, " \t")) + 1
}

func lineOf(data []byte, line int) string {
	for range line - 1 {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	text, _, _ := bytes.Cut(data, []byte("\n"))
	return string(text)
}

func (r *reader) fail(line, column int, path, msg, hint string) {
	r.errs = append(r.errs, &Error{File: r.file, Line: line, Column: column, Path: path, Msg: msg, Hint: hint})
}

// node converts y. It returns a null node for what is broken, and nothing
// more once the document has turned out too large.
func (r *reader) node(y *yaml.Node, path string, depth int) *node {
	n := &node{line: y.Line, column: y.Column}
	r.nodes++
	switch {
	case r.nodes > maxNodes:
		if r.nodes == maxNodes+1 {
			r.fail(y.Line, y.Column, path, fmt.Sprintf("more than %d values, aliases counted as often as they are used", maxNodes), "")
		}
		return n
	case depth > maxDepth:
		r.fail(y.Line, y.Column, path, fmt.Sprintf("nested more than %d levels deep", maxDepth), "")
		return n
	}
	switch y.Kind {
	case yaml.AliasNode:
		if r.follows[y.Alias] {
			r.fail(y.Line, y.Column, path, fmt.Sprintf("the alias *%s stands inside of what it stands for", y.Value), "")
			return n
		}
		r.follows[y.Alias] = true
		defer delete(r.follows, y.Alias)
		return r.node(y.Alias, path, depth+1)
	case yaml.SequenceNode:
		r.tag(y, "!!seq", path)
		n.kind = listKind
		for i, item := range y.Content {
			n.items = append(n.items, r.node(item, fmt.Sprintf("%s[%d]", path, i), depth+1))
		}
	case yaml.MappingNode:
		r.tag(y, "!!map", path)
		n.kind = mapKind
		r.entries(n, y, path, depth)
	case yaml.ScalarNode:
		r.scalar(n, y, path)
	}
	return n
}

func (r *reader) tag(y *yaml.Node, want, path string) {
	if y.Tag != "" && y.Tag != want {
		r.fail(y.Line, y.Column, path, fmt.Sprintf("unknown tag %s", y.Tag), "leave the tag out")
	}
}

func (r *reader) entries(n *node, y *yaml.Node, path string, depth int) {
	seen := map[string]int{}
	var merges []*node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			r.fail(key.Line, key.Column, path, "a key is plain text", "")
			continue
		}
		if key.Tag == "!!merge" {
			merges = append(merges, r.node(value, path, depth+1))
			continue
		}
		if line, twice := seen[key.Value]; twice {
			r.fail(key.Line, key.Column, join(path, key.Value), fmt.Sprintf("the key stands here twice, first in line %d", line), "")
			continue
		}
		seen[key.Value] = key.Line
		n.entries = append(n.entries, entry{key.Value, key.Line, key.Column, r.node(value, join(path, key.Value), depth+1)})
	}
	for _, m := range merges {
		r.merge(n, m, path)
	}
}

// merge adds what "<<" brings in and n does not have itself
// (https://yaml.org/type/merge.html).
func (r *reader) merge(n, from *node, path string) {
	switch from.kind {
	case mapKind:
		have := make(map[string]bool, len(n.entries))
		for _, e := range n.entries {
			have[e.key] = true
		}
		for _, e := range from.entries {
			if !have[e.key] {
				n.entries = append(n.entries, e)
			}
		}
	case listKind:
		for _, item := range from.items {
			if item.kind == listKind {
				r.fail(item.line, item.column, path, "<< takes a group of keys, or a list of them", "")
				continue
			}
			r.merge(n, item, path)
		}
	default:
		r.fail(from.line, from.column, path, "<< takes a group of keys, or a list of them", "")
	}
}

func (r *reader) scalar(n *node, y *yaml.Node, path string) {
	text, values, err := substitute(y.Value)
	if err != nil {
		r.fail(y.Line, y.Column, path, err.Error(), "write ${NAME}, ${env:NAME} or ${NAME:-default}; $$ stands for a $ itself")
		return
	}
	n.text, n.source, n.external = text, y.Value, len(values) > 0
	if n.external {
		r.secrets.add(y.Value, text, values)
	}
	switch {
	case y.Style&yaml.TaggedStyle != 0:
		kinds := map[string]kind{"!!null": nullKind, "!!bool": boolKind, "!!int": intKind, "!!float": floatKind, "!!str": stringKind}
		k, ok := kinds[y.Tag]
		if !ok {
			r.tag(y, "", path)
			return
		}
		if got := resolve(text); k != stringKind && got != k && (k != floatKind || got != intKind) {
			r.fail(y.Line, y.Column, path, fmt.Sprintf("the value is not what its tag %s says", y.Tag), "leave the tag out")
			return
		}
		n.kind = k
	case y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		n.kind = stringKind
	default:
		n.kind = resolve(text)
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
