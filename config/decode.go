package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// decoder fills Go values from nodes. A struct is filled by the yaml tags of
// its fields; ",inline" takes a struct's keys into its parent's, ",required"
// marks a key that must be given. What is not given, or null, keeps the value
// that is there already: the default. Whatever is wrong is noted with its
// place, and decoding goes on, so that all problems show at once.
type decoder struct {
	file    string
	errs    Errors
	secrets secrets

	exporters  []exporterType
	processors []processorType
	blocking   bool // see OnFullBlock

	branches []branchName
	refs     []refUse
	claimed  map[string]place // what one exporter has for itself
}

// nodeDecoder is what decodes itself.
type nodeDecoder interface {
	decodeNode(d *decoder, n *node, path string)
}

type validator interface{ Validate() error }

var (
	nodeDecoderType     = reflect.TypeFor[nodeDecoder]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func (d *decoder) fail(n *node, path, msg, hint string) *Error {
	return d.failAt(n.line, n.column, path, msg, hint)
}

func (d *decoder) failAt(line, column int, path, msg, hint string) *Error {
	e := &Error{File: d.file, Line: line, Column: column, Path: path, Msg: msg, Hint: hint}
	d.errs = append(d.errs, e)
	return e
}

func (d *decoder) decode(n *node, v reflect.Value, path string) {
	if v.Kind() == reflect.Pointer {
		if n.kind == nullKind {
			return
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	switch pt := v.Addr().Type(); {
	case pt.Implements(nodeDecoderType):
		v.Addr().Interface().(nodeDecoder).decodeNode(d, n, path)
		return
	case n.kind == nullKind:
		return
	case pt.Implements(textUnmarshalerType):
		d.text(n, v.Addr().Interface().(encoding.TextUnmarshaler), path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Map:
		d.dictionary(n, v, path)
	case reflect.Slice:
		if !d.expect(n, listKind, path) {
			return
		}
		s := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
		for i, item := range n.items {
			at := fmt.Sprintf("%s[%d]", path, i)
			if item.kind == nullKind && !s.Index(i).Addr().Type().Implements(nodeDecoderType) {
				d.fail(item, at, "an item of the list is empty", "")
				continue
			}
			d.decode(item, s.Index(i), at)
		}
		v.Set(s)
	case reflect.String:
		// What comes from the environment is text until something else is
		// expected: a directory may be called 2026.
		if n.kind < listKind && n.external || d.expect(n, stringKind, path) {
			v.SetString(n.text)
		}
	case reflect.Bool:
		if d.expect(n, boolKind, path) {
			v.SetBool(strings.EqualFold(n.text, "true"))
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if !d.expect(n, intKind, path) {
			return
		}
		if i, ok := parseInt(n.text); ok && !v.OverflowInt(i) {
			v.SetInt(i)
		} else {
			d.fail(n, path, "the number is too large", "")
		}
	case reflect.Float64:
		if n.kind != intKind && !d.expect(n, floatKind, path) {
			return
		}
		if f, ok := parseFloat(n.text); ok {
			v.SetFloat(f)
		} else {
			d.fail(n, path, "the number is too large", "")
		}
	default:
		d.fail(n, path, fmt.Sprintf("a setting of type %s cannot be read from a file", v.Type()), "")
	}
}

// expect reports whether n is of the kind wanted, and notes if it is not.
func (d *decoder) expect(n *node, want kind, path string) bool {
	if n.kind == want {
		return true
	}
	hint := ""
	switch {
	case n.external:
		hint = "the value comes from the environment"
	case n.kind == nullKind:
	case want == stringKind && n.kind < listKind:
		hint = fmt.Sprintf("put it in quotes: %q", n.source)
	case n.kind == stringKind && want < stringKind && resolve(n.text) == want:
		hint = "leave the quotes out: " + n.source
	case want == listKind && n.kind < listKind:
		hint = fmt.Sprintf("a list of one item is written [%s]", n.source)
	case want == mapKind && n.kind == listKind:
		hint = "leave the dashes out"
	}
	d.fail(n, path, fmt.Sprintf("want %s, have %s", want, n.kind), hint)
	return false
}

func (d *decoder) text(n *node, v encoding.TextUnmarshaler, path string) {
	if n.kind >= listKind {
		d.expect(n, stringKind, path)
		return
	}
	err := v.UnmarshalText([]byte(n.text))
	if err == nil {
		return
	}
	msg := err.Error()
	if n.external {
		// The message would tell what the environment holds. What it says of
		// the reference is as much of a help.
		msg = "the value from the environment cannot be read"
		if err := v.UnmarshalText([]byte(n.source)); err != nil {
			msg = err.Error()
		}
	}
	msg, hint := advise(msg)
	d.fail(n, path, msg, hint)
}

// advise takes what to do out of a message: "wrong: write this", or the word
// that was probably meant in `unknown "wrod": want word, sword or ward`.
func advise(msg string) (rest, hint string) {
	if i := strings.LastIndex(msg, ": write "); i > 0 {
		return msg[:i], msg[i+2:]
	}
	what, valid, ok := strings.Cut(msg, ": want ")
	_, wrong, quoted := strings.Cut(what, `"`)
	if !ok || !quoted {
		return msg, ""
	}
	wrong, _, _ = strings.Cut(wrong, `"`)
	valid, _, _ = strings.Cut(valid, " (")
	words := strings.FieldsFunc(strings.ReplaceAll(valid, " or ", ","), func(r rune) bool { return r == ',' || r == ' ' || r == '"' })
	if best := nearest(wrong, words); best != "" {
		return msg, fmt.Sprintf("did you mean %q?", best)
	}
	return msg, ""
}

func (d *decoder) dictionary(n *node, v reflect.Value, path string) {
	if !d.expect(n, mapKind, path) {
		return
	}
	m := reflect.MakeMapWithSize(v.Type(), len(n.entries))
	for _, e := range n.entries {
		value := reflect.New(v.Type().Elem()).Elem()
		d.decode(e.value, value, join(path, e.key))
		m.SetMapIndex(reflect.ValueOf(e.key).Convert(v.Type().Key()), value)
	}
	v.Set(m)
}

type field struct {
	value    reflect.Value
	required bool
}

// fields returns the settable fields of a struct by their keys.
func fields(v reflect.Value, into map[string]field) map[string]field {
	for i := range v.NumField() {
		tag, ok := v.Type().Field(i).Tag.Lookup("yaml")
		if !ok || tag == "-" {
			continue
		}
		name, option, _ := strings.Cut(tag, ",")
		if option == "inline" {
			fields(v.Field(i), into)
			continue
		}
		into[name] = field{v.Field(i), option == "required"}
	}
	return into
}

func (d *decoder) structure(n *node, v reflect.Value, path string) {
	if !d.expect(n, mapKind, path) {
		return
	}
	before := len(d.errs)
	known := fields(v, map[string]field{})
	for _, e := range n.entries {
		f, ok := known[e.key]
		if !ok {
			d.failAt(e.line, e.column, join(path, e.key), fmt.Sprintf("unknown key %q", e.key), suggest(e.key, keys(known), "keys"))
			continue
		}
		d.decode(e.value, f.value, join(path, e.key))
	}
	for _, key := range keys(known) {
		if known[key].required && n.get(key) == nil && !d.failedAt(before, join(path, key)) {
			d.missing(n, path, key)
		}
	}
	// What is broken already would only be complained about twice.
	if val, ok := v.Addr().Interface().(validator); ok && len(d.errs) == before {
		if err := val.Validate(); err != nil {
			d.invalid(n, path, err)
		}
	}
}

func keys(m map[string]field) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// failedAt reports whether a problem since the given one has the path.
func (d *decoder) failedAt(since int, path string) bool {
	return slices.ContainsFunc(d.errs[since:], func(e *Error) bool { return e.Path == path })
}

func (d *decoder) missing(n *node, path, key string) {
	for _, e := range n.entries {
		if e.key == key {
			hint := ""
			if strings.Contains(e.value.source, "${") {
				hint = e.value.source + " is not set"
			}
			d.fail(e.value, join(path, key), "the value is missing", hint)
			return
		}
	}
	d.fail(n, path, fmt.Sprintf("the key %q is missing", key), "")
}

// invalid notes what a Validate found. A message that begins with a key
// ("rotation.max_size: …", "max_queue_size is …") belongs where that stands.
func (d *decoder) invalid(n *node, path string, err error) {
	for _, msg := range messages(err) {
		d.place(n, path, d.secrets.hide(msg))
	}
}

// messages takes an error made by errors.Join apart, also below a prefix.
func messages(err error) []string {
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		if err.Error() != errors.Join(e.Unwrap()...).Error() {
			break
		}
		var all []string
		for _, inner := range e.Unwrap() {
			all = append(all, messages(inner)...)
		}
		return all
	case interface{ Unwrap() error }:
		inner := e.Unwrap()
		if inner == nil {
			break
		}
		prefix, ok := strings.CutSuffix(err.Error(), inner.Error())
		if !ok {
			break
		}
		all := messages(inner)
		for i := range all {
			all[i] = prefix + all[i]
		}
		return all
	}
	return []string{err.Error()}
}

func (d *decoder) place(n *node, path, msg string) {
	for {
		key, rest := leadingKey(msg)
		next := n.child(key)
		if next == nil {
			break
		}
		n, path = next, join(path, key)
		after, ok := strings.CutPrefix(rest, ": ")
		if !ok {
			after, ok = strings.CutPrefix(rest, ".")
		}
		if !ok {
			break
		}
		msg = after
	}
	if n.kind == nullKind && strings.Contains(n.source, "${") {
		d.fail(n, path, msg, n.source+" is not set")
		return
	}
	msg, hint := advise(msg)
	d.fail(n, path, msg, hint)
}

// leadingKey splits what may be a key, with an index, off a message.
func leadingKey(msg string) (key, rest string) {
	i := 0
	for i < len(msg) && (msg[i] == '_' || msg[i] == '[' || msg[i] == ']' || isAlpha(msg[i]) || isDigit(msg[i])) {
		i++
	}
	return msg[:i], msg[i:]
}

// child returns the value that "key" or "key[1]" leads to; nil if none.
func (n *node) child(key string) *node {
	name, index, indexed := strings.Cut(key, "[")
	for _, e := range n.entries {
		switch {
		case e.key != name:
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
