package encode

import (
	"strings"
	"sync"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

const (
	// fewKeys is up to where comparing each key with each is quicker than a
	// map, and records almost always stay below it.
	fewKeys = 24
	// keepKeys bounds the maps kept for reuse.
	keepKeys = 4096
)

// distinct finds the attributes that count among those with equal keys: the
// last ones. It is cheap for few keys and linear for many.
type distinct struct {
	pool sync.Pool // of map[string]int
}

// of looks at kvs and returns what shadowed needs: for many keys the last
// index of each, nil for few. Keys that are not valid UTF-8 are looked at as
// they will be written, because different ones may come out equal.
func (d *distinct) of(kvs []attribute.KeyValue) map[string]int {
	if len(kvs) <= fewKeys && validKeys(kvs) {
		return nil
	}
	return d.index(kvs)
}

// index returns the last index of each key.
func (d *distinct) index(kvs []attribute.KeyValue) map[string]int {
	last, ok := d.pool.Get().(map[string]int)
	if !ok {
		last = make(map[string]int, len(kvs))
	}
	for i := range kvs {
		last[validKey(kvs[i].Key)] = i
	}
	return last
}

// done takes back what of returned.
func (d *distinct) done(last map[string]int) {
	if last != nil && len(last) <= keepKeys {
		clear(last)
		d.pool.Put(last)
	}
}

// shadowed reports whether a later attribute has the key of kvs[i].
func shadowed(kvs []attribute.KeyValue, i int, last map[string]int) bool {
	key := kvs[i].Key
	if last != nil {
		return last[validKey(key)] != i
	}
	for j := i + 1; j < len(kvs); j++ {
		if kvs[j].Key == key {
			return true
		}
	}
	return false
}

func validKeys(kvs []attribute.KeyValue) bool {
	for i := range kvs {
		if !utf8.ValidString(string(kvs[i].Key)) {
			return false
		}
	}
	return true
}

// validKey returns key as appendString writes it, before escaping.
func validKey(key attribute.Key) string {
	s := string(key)
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}

// escapePrefix stands before an attribute's key that would be taken for one of
// the format's own.
const escapePrefix = "attr."

// reserved reports whether key is one that the line formats write themselves
// in every configuration.
func reserved(key string) bool {
	switch key {
	case "time", "level", "logger", "msg", "trace_id", "span_id", "event", "dropped_attributes":
		return true
	}
	return false
}

// UnescapeKey returns the attribute key that the line formats write as key:
// "level" for "attr.level", "attr.level" for "attr.attr.level", and every key
// that is not escaped as it is.
func UnescapeKey(key string) string {
	if escaped(key) {
		return key[len(escapePrefix):]
	}
	return key
}

// escaped reports whether key is one of the formats' own, including the fields
// that may be included, behind one or more escapePrefix.
func escaped(key string) bool {
	rest, ok := strings.CutPrefix(key, escapePrefix)
	if !ok {
		return false
	}
	for ok {
		rest, ok = strings.CutPrefix(rest, escapePrefix)
	}
	return reserved(rest) || isField(rest)
}

func isField(key string) bool {
	switch Field(key) {
	case FieldService, FieldPID, FieldHost, FieldSource, FieldResource:
		return true
	}
	return false
}

// clashes reports whether an attribute of that key must be written with
// escapePrefix. So is every key that looks escaped already, hence no two keys
// come out equal and each can be read back.
func (f *fields) clashes(key string) bool {
	if key == "" {
		return false
	}
	switch key[0] {
	case 'a':
		return escaped(key)
	case 't', 'l', 'm', 'e', 'd':
		return reserved(key)
	case 's':
		return reserved(key) || f.has(key)
	case 'p', 'h', 'r':
		return f.has(key)
	}
	return false
}
