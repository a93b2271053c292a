package config

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/seed2f724858/sluice/exporters"
)

// decoder fills Go values from nodes. A struct is filled by the yaml tags of
// its fields; ",inline" takes a struct's keys into its parent's, ",required"
// marks a key that must be given. What is not given, or null, keeps the value
// that is there already: the default. Whatever is wrong is noted with its
// place, and decoding goes on, so that all problems show at once.
type decoder struct {
	file    string
	unread  Errors // what the reader could not make sense of
	errs    Errors
	secrets secrets

	warnings Errors

	exporters  []ExporterType
	processors []processorType
	blocking   bool // see OnFullBlock

	branches []branchName
	steps    []stepName
	refs     []refUse
	wrappers []*exporterNode
	claimed  map[string]*node // what one exporter has for itself
	checks   []check
}

// nodeDecoder is what decodes itself.
type nodeDecoder interface {
	decodeNode(d *decoder, n *node)
}

type validator interface{ Validate() error }

var (
	nodeDecoderType     = reflect.TypeFor[nodeDecoder]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// fail notes a problem with n.
func (d *decoder) fail(n *node, msg, hint string) {
	d.failAt(n.line, n.column, n.path(), msg, hint)
}

// failKey notes a problem with the key of an entry.
func (d *decoder) failKey(e entry, msg, hint string) {
	d.failAt(e.line, e.column, e.value.path(), msg, hint)
}

func (d *decoder) failAt(line, column int, path, msg, hint string) {
	if slices.ContainsFunc(d.unread, func(e *Error) bool { return e.Line == line && e.Column == column }) {
		return // it was told already
	}
	d.errs.add(&Error{File: d.file, Line: line, Column: column, Path: path, Msg: msg, Hint: hint})
}

func (d *decoder) decode(n *node, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		if n.kind == nullKind {
			if v.Type().Elem() == secretType {
				d.doubtSecret(n, true)
			}
			return
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	switch pt := v.Addr().Type(); {
	case pt.Implements(nodeDecoderType):
		v.Addr().Interface().(nodeDecoder).decodeNode(d, n)
		return
	case n.kind == nullKind:
		return
	case pt.Implements(textUnmarshalerType):
		d.text(n, v.Addr().Interface().(encoding.TextUnmarshaler))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v)
	case reflect.Map:
		d.dictionary(n, v)
	case reflect.Slice:
		if elem := v.Type().Elem(); n.kind != listKind && elem.Kind() == reflect.Struct {
			// Nothing of n shows, as it does in the hint of expect: a list of
			// headers holds secrets.
			d.fail(n, fmt.Sprintf("want %s, have %s", listKind, n.kind), listOf(elem))
			return
		}
		if !d.expect(n, listKind) {
			return
		}
		s := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
		for i, item := range n.items {
			if item.kind == nullKind && !s.Index(i).Addr().Type().Implements(nodeDecoderType) {
				d.fail(item, "an item of the list is empty", "")
				continue
			}
			d.decode(item, s.Index(i))
		}
		v.Set(s)
	case reflect.String:
		// What comes from the environment is text until something else is
		// expected: a directory may be called 2026.
		if n.kind < listKind && n.external || d.expect(n, stringKind) {
			v.SetString(n.text)
		}
	case reflect.Bool:
		if d.expect(n, boolKind) {
			v.SetBool(strings.EqualFold(n.text, "true"))
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if !d.expect(n, intKind) {
			return
		}
		if i, ok := parseInt(n.text); ok && !v.OverflowInt(i) {
			v.SetInt(i)
		} else {
			d.fail(n, "the number is too large", "")
		}
	case reflect.Float64:
		if n.kind != intKind && !d.expect(n, floatKind) {
			return
		}
		if f, ok := parseFloat(n.text); ok {
			v.SetFloat(f)
		} else {
			d.fail(n, "the number is too large", "")
		}
	default:
		d.fail(n, fmt.Sprintf("a setting of type %s cannot be read from a file", v.Type()), "")
	}
}

// example returns the text of a setting as a hint shows it. What is no short
// name may be the URL of an endpoint, with a password in it, or a key.
func example(source string) string {
	if len(source) > 16 || strings.ContainsAny(source, "@/") {
		return "…"
	}
	return source
}

// listOf returns a hint that shows a list of one such item.
func listOf(item reflect.Type) string {
	v := reflect.New(item)
	if item := v.Type(); item.Implements(nodeDecoderType) || item.Implements(textUnmarshalerType) {
		return ""
	}
	names := keys(fields(v.Elem(), map[string]field{}))
	if len(names) > 3 {
		return "a list of one item is written [{…}]"
	}
	return fmt.Sprintf("a list of one item is written [{%s: …}]", strings.Join(names, ": …, "))
}

// expect reports whether n is of the kind wanted, and notes if it is not.
func (d *decoder) expect(n *node, want kind) bool {
	if n.kind == want {
		return true
	}
	hint := ""
	switch {
	case n.external:
		hint = "the value comes from the environment"
	case n.kind == nullKind:
	case want == stringKind && n.kind < listKind:
		hint = fmt.Sprintf("put it in quotes: %q", clip(n.source))
	case n.kind == stringKind && want < stringKind && resolve(n.text) == want:
		hint = "leave the quotes out: " + clip(n.source)
	case want == intKind && n.kind == stringKind:
		if ms, err := exporters.ParseDuration(n.text); err == nil {
			hint = fmt.Sprintf("the standard's durations are in milliseconds, without a unit: %d", ms.Std().Milliseconds())
		}
	case want == listKind && n.kind < listKind:
		hint = fmt.Sprintf("a list of one item is written [%s]", example(n.source))
	case want == mapKind && n.kind == listKind:
		hint = "leave the dashes out"
	}
	d.fail(n, fmt.Sprintf("want %s, have %s", want, n.kind), hint)
	return false
}

func (d *decoder) text(n *node, v encoding.TextUnmarshaler) {
	if n.kind >= listKind {
		d.expect(n, stringKind)
		return
	}
	if _, ok := v.(*exporters.Secret); ok {
		d.doubtSecret(n, false)
		if !n.external {
			d.secrets.add(exporters.Secret(n.text).String(), n.text, nil)
		}
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
	d.fail(n, msg, hint)
}

func (d *decoder) dictionary(n *node, v reflect.Value) {
	if !d.expect(n, mapKind) {
		return
	}
	m := reflect.MakeMapWithSize(v.Type(), len(n.entries))
	for _, e := range n.entries {
		if v.Type().Elem() == secretType && e.value.kind == nullKind {
			d.doubtSecret(e.value, true) // and it is left out, as in the standard's lists
			continue
		}
		value := reflect.New(v.Type().Elem()).Elem()
		d.decode(e.value, value)
		m.SetMapIndex(reflect.ValueOf(e.value.key).Convert(v.Type().Key()), value)
	}
	v.Set(m)
}

// field is a settable field of a struct.
type field struct {
	value    reflect.Value
	required bool
	hint     string // what to do when it is missing
}

// fields returns the settable fields of a struct by their keys.
func fields(v reflect.Value, into map[string]field) map[string]field {
	for i := range v.NumField() {
		tags := v.Type().Field(i).Tag
		tag, ok := tags.Lookup("yaml")
		if !ok || tag == "-" {
			continue
		}
		name, option, _ := strings.Cut(tag, ",")
		if option == "inline" {
			fields(v.Field(i), into)
			continue
		}
		into[name] = field{v.Field(i), option == "required", tags.Get("hint")}
	}
	return into
}

func keys(m map[string]field) []string { return slices.Sorted(maps.Keys(m)) }

func (d *decoder) structure(n *node, v reflect.Value) {
	if !d.expect(n, mapKind) {
		return
	}
	before := len(d.errs)
	known := fields(v, map[string]field{})
	var meant []string // keys that are misspelt
	for _, e := range n.entries {
		if f, ok := known[e.value.key]; ok {
			d.decode(e.value, f.value)
			continue
		}
		hint := hintElsewhere(n.key, e.value.key)
		if hint == "" {
			hint = suggestKey(e.value.key, known)
			if key := nearest(e.value.key, keys(known)); key != "" && n.child(key) == nil {
				meant = append(meant, key)
			}
		}
		d.failKey(e, fmt.Sprintf("unknown key %q", clip(e.value.key)), hint)
	}
	for _, key := range keys(known) {
		if f := known[key]; f.required && n.get(key) == nil && !slices.Contains(meant, key) {
			d.missing(n, key, f.hint)
		}
	}
	if val, ok := v.Addr().Interface().(validator); ok {
		if err := val.Validate(); err != nil {
			d.invalid(n, err, before, meant)
		}
	}
	if len(d.errs) == before {
		d.doubt(n, v.Addr().Interface())
	}
}

// suggestKey returns a hint for an unknown key, which may belong into a group.
func suggestKey(wrong string, known map[string]field) string {
	if key, _, joined := strings.Cut(wrong, ":"); joined {
		if _, ok := known[key]; ok {
			return "put a blank behind the colon of " + key
		}
	}
	if nearest(wrong, keys(known)) != "" {
		return suggest(wrong, keys(known), "keys")
	}
	inner := map[string]string{} // the group of each key
	for _, group := range keys(known) {
		v := known[group].value
		if pt := v.Addr().Type(); v.Kind() == reflect.Struct && !pt.Implements(nodeDecoderType) && !pt.Implements(textUnmarshalerType) {
			for key := range fields(v, map[string]field{}) {
				inner[key] = group
			}
		}
	}
	if best := nearest(wrong, slices.Sorted(maps.Keys(inner))); best != "" {
		return fmt.Sprintf("did you mean %q, under %q?", best, inner[best])
	}
	return suggest(wrong, keys(known), "keys")
}

func (d *decoder) missing(n *node, key, hint string) {
	given := n.child(key)
	if given == nil {
		d.fail(n, fmt.Sprintf("the key %q is missing", key), hint)
		return
	}
	if strings.Contains(given.source, "${") {
		hint = given.source + " is not set"
	}
	d.fail(given, "the value is missing", hint)
}
