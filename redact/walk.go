package redact

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// walk goes through a nested value and remembers the path to where it is.
type walk struct {
	*Redactor
	path [maxPath]byte
	n    int // of path
}

// enter goes to a key and returns the length of the path before.
func (w *walk) enter(key string) (back int) {
	back = w.n
	if w.n > 0 && w.n < maxPath {
		w.path[w.n] = '.'
		w.n++
	}
	w.n += copy(w.path[w.n:], key)
	return back
}

// value returns v with the secrets in it replaced. depth is v's own.
func (w *walk) value(v attribute.Value, depth int) (attribute.Value, bool) {
	switch v.Type() {
	case attribute.STRING:
		s, ok := w.String(v.AsString())
		if ok {
			v = attribute.StringValue(s)
		}
		return v, ok
	case attribute.BYTESLICE:
		s, ok := w.String(v.AsString()) // bytes are kept as a string
		if ok {
			v = attribute.ByteSliceValue([]byte(s))
		}
		return v, ok
	case attribute.INT64:
		return w.number(v)
	case attribute.STRINGSLICE, attribute.SLICE, attribute.MAP:
		if depth > maxDepth {
			return attribute.StringValue(w.mark("")), true
		}
	}
	return w.nested(v, depth)
}

func (w *walk) nested(v attribute.Value, depth int) (_ attribute.Value, changed bool) {
	switch v.Type() {
	case attribute.STRINGSLICE:
		elems := v.AsStringSlice()
		for i := range elems {
			if i > 0 && w.isArgument(elems[i-1], elems[i]) {
				elems[i], changed = w.mark(elems[i]), true
			} else if s, ok := w.String(elems[i]); ok {
				elems[i], changed = s, true
			}
		}
		if changed {
			return attribute.StringSliceValue(elems), true
		}
	case attribute.SLICE:
		elems := v.AsSlice()
		for i := range elems {
			if i > 0 && elems[i-1].Type() == attribute.STRING && elems[i].Type() == attribute.STRING && w.isArgument(elems[i-1].AsString(), elems[i].AsString()) {
				elems[i], changed = attribute.StringValue(w.mark(elems[i].AsString())), true
			} else if e, ok := w.value(elems[i], depth+1); ok {
				elems[i], changed = e, true
			}
		}
		if changed {
			return attribute.SliceValue(elems...), true
		}
	case attribute.MAP:
		kvs := v.AsMap()
		hidden := w.pair(kvs)
		if w.url(kvs) {
			changed = true
		}
		for i := range kvs {
			back := w.enter(string(kvs[i].Key))
			if i == hidden && w.hide(&kvs[i]) || w.member(&kvs[i], depth) {
				changed = true
			}
			w.n = back
		}
		if changed {
			return attribute.MapValue(kvs...), true
		}
	}
	return v, false
}

// member redacts one entry of a map, which the path ends with.
func (w *walk) member(kv *attribute.KeyValue, depth int) bool {
	path := string(kv.Key)
	if w.n < maxPath {
		path = string(w.path[:w.n])
	}
	if w.keyed(kv, path) {
		return true
	}
	v, ok := w.value(kv.Value, depth+1)
	if ok {
		kv.Value = v
	}
	return ok
}

// isArgument reports whether arg is the secret value of the flag before it.
func (w *walk) isArgument(flag, arg string) bool {
	return w.isFlag(flag) && arg != "" && arg[0] != '-' && !w.isMark(arg)
}

// pair returns the index of the value of a map whose name another entry has,
// as in {"name": "DB_PASSWORD", "value": …}, if the name is a secret's; else -1.
func (w *walk) pair(kvs []attribute.KeyValue) int {
	secret, value := false, -1
	for i := range kvs {
		switch key := string(kvs[i].Key); {
		case value < 0 && strings.EqualFold(key, "value") && kvs[i].Value.Type() != attribute.BOOL && kvs[i].Value.Type() != attribute.EMPTY:
			value = i
		case kvs[i].Value.Type() == attribute.STRING && (strings.EqualFold(key, "name") || strings.EqualFold(key, "key")):
			secret = w.Key(kvs[i].Value.AsString())
		}
	}
	if !secret {
		return -1
	}
	return value
}

// url redacts the password in the fields of a net/url.URL, which User holds as
// user:password.
func (w *walk) url(kvs []attribute.KeyValue) bool {
	user, raw := -1, false
	for i := range kvs {
		switch kvs[i].Key {
		case "User":
			user = i
		case "RawQuery":
			raw = true
		}
	}
	if user < 0 || !raw || w.on&urlPasswords == 0 || kvs[user].Value.Type() != attribute.STRING {
		return false
	}
	name, password, ok := strings.Cut(kvs[user].Value.AsString(), ":")
	if !ok || password == "" || w.isMark(password) {
		return false
	}
	kvs[user].Value = attribute.StringValue(name + ":" + w.mark(password))
	return true
}

// isFlag reports whether arg is a command line's flag whose value, the next
// argument, is secret.
func (w *walk) isFlag(arg string) bool {
	start := run(arg, 0, dash)
	return w.on&assignments != 0 && (start == 1 || start == 2) && run(arg, start, token) == len(arg) && namedSecret(arg[start:])&assignments != 0
}
