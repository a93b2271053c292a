package redact

import (
	"strconv"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
)

const (
	// maxPath bounds the path of a key within maps, in bytes; the path of what
	// lies deeper is not looked at, its key is.
	maxPath = 256
	// maxDepth bounds how deep values are followed. Encoders end long before.
	maxDepth = 1000
)

// Key reports whether what stands under key is secret, whatever it is.
func (d *Redactor) Key(key string) bool {
	return namedSecret(key)&d.on&^urlPasswords != 0 || d.listed(key)
}

// listed reports whether one of Config.Keys matches.
func (d *Redactor) listed(key string) bool {
	for _, pattern := range d.keys {
		if glob(pattern, key) {
			return true
		}
	}
	return false
}

// Record redacts r's body and attributes, and puts a redacted copy in the
// place of r's origin if that holds a secret (such as a resource whose
// process.command_args hold one); the copy is made once and kept with the
// original. Severity text and event name stay as they are. It returns how many
// values of the body and the attributes it changed.
func (d *Redactor) Record(r *record.Record) (changed int) {
	if r.Body.Type() != attribute.EMPTY {
		if v, ok := d.Value(r.Body); ok {
			r.Body = v
			changed++
		}
	}
	changed += d.Attributes(r.Attributes)
	if r.Origin != nil {
		r.Origin = d.Origin(r.Origin)
	}
	return changed
}

// Attributes redacts kvs in place and returns how many it changed. Values are
// replaced, not written into: they may be shared.
func (d *Redactor) Attributes(kvs []attribute.KeyValue) (changed int) {
	for i := range kvs {
		if kv := &kvs[i]; d.keyed(kv, string(kv.Key)) || d.content(kv) {
			changed++
		}
	}
	return changed
}

// content redacts what is in the value of kv.
func (d *Redactor) content(kv *attribute.KeyValue) (changed bool) {
	switch kv.Value.Type() {
	case attribute.STRING:
		var s string
		if s, changed = d.String(kv.Value.AsString()); changed {
			kv.Value = attribute.StringValue(s)
		}
	case attribute.INT64:
		kv.Value, changed = d.number(kv.Value)
	case attribute.EMPTY, attribute.BOOL, attribute.FLOAT64:
	default:
		w := walk{Redactor: d}
		w.enter(string(kv.Key))
		kv.Value, changed = w.value(kv.Value, 1)
	}
	return changed
}

// Value returns v with the secrets in it replaced, and whether there were any.
// The keys of maps count, at any depth.
func (d *Redactor) Value(v attribute.Value) (attribute.Value, bool) {
	if v.Type() == attribute.STRING {
		s, ok := d.String(v.AsString())
		if ok {
			v = attribute.StringValue(s)
		}
		return v, ok
	}
	w := walk{Redactor: d}
	return w.value(v, 1)
}

// keyed replaces the value of kv, whose path is given, if that is secret
// because of its key. A flag tells nothing under a name that is secret by
// itself; neither does what is empty.
func (d *Redactor) keyed(kv *attribute.KeyValue, path string) bool {
	key := string(kv.Key)
	t := kv.Value.Type()
	if t == attribute.EMPTY {
		return false
	}
	named := namedSecret(path)
	number := t == attribute.INT64 || t == attribute.FLOAT64
	secret := t != attribute.BOOL && named&d.on&^urlPasswords != 0 && !(number && named&counted != 0)
	if !secret && len(d.keys) > 0 {
		secret = d.listed(key) || len(path) > len(key) && d.listed(path)
	}
	return secret && !(t == attribute.STRING && isDirectory(key, kv.Value.AsString())) && d.hide(kv)
}

// hide replaces the whole value of kv, if there is one.
func (d *Redactor) hide(kv *attribute.KeyValue) bool {
	text := ""
	switch t := kv.Value.Type(); {
	case t == attribute.STRING, t == attribute.BYTESLICE:
		text = kv.Value.AsString() // bytes are kept as a string
		if t == attribute.STRING && (text == "" || d.isMark(text)) {
			return false
		}
	case d.hashKey != nil:
		text = kv.Value.String()
	}
	kv.Value = attribute.StringValue(d.mark(text))
	return true
}

// number replaces a whole number that is a card's.
func (d *Redactor) number(v attribute.Value) (attribute.Value, bool) {
	n := v.AsInt64()
	if d.on&creditCards == 0 || n < 1e12 {
		return v, false
	}
	s, ok := d.scan(strconv.FormatInt(n, 10))
	if ok {
		v = attribute.StringValue(s)
	}
	return v, ok
}
