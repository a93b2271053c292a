package encode

import (
	"encoding/hex"
	"strconv"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
)

// maxPath bounds the dotted keys of flattened maps. Maps further down are
// written as JSON, else many leaves below long keys would multiply a record's
// size.
const maxPath = 256

// pairs appends key=value pairs, each with a space behind it: what the formats
// logfmt, text and pretty have in common. Maps are flattened, their keys
// joined by dots; other nested values are JSON.
type pairs struct {
	fields fields
	json   jsonEncoder
	// typed makes strings that read as a number, a boolean, null or JSON
	// appear in quotes, so that a reader can tell them apart.
	typed bool
}

// appendContext appends what correlates a record, and the included fields.
func (p *pairs) appendContext(dst []byte, r *record.Record) []byte {
	if r.TraceID.IsValid() {
		dst = append(dst, "trace_id="...)
		dst = hex.AppendEncode(dst, r.TraceID[:])
		dst = append(dst, ' ')
	}
	if r.SpanID.IsValid() {
		dst = append(dst, "span_id="...)
		dst = hex.AppendEncode(dst, r.SpanID[:])
		dst = append(dst, ' ')
	}
	if r.EventName != "" {
		dst = append(dst, "event="...)
		dst = append(p.appendText(dst, r.EventName), ' ')
	}
	if !p.fields.any {
		return dst
	}
	if p.fields.service {
		if name := serviceName(r); name != "" {
			dst = append(dst, "service="...)
			dst = append(p.appendText(dst, name), ' ')
		}
	}
	if p.fields.pid != "" {
		dst = append(dst, "pid="...)
		dst = append(append(dst, p.fields.pid...), ' ')
	}
	if p.fields.host != "" {
		dst = append(dst, "host="...)
		dst = append(p.appendText(dst, p.fields.host), ' ')
	}
	if s, ok := p.fields.sourceOf(r); ok {
		dst = append(dst, `source="`...)
		dst = append(s.append(dst, appendString), '"', ' ')
	}
	if p.fields.resource {
		dst = p.appendMap(dst, string(FieldResource), r.ResourceAttributes(), 1)
	}
	return dst
}

// appendAttributes appends r's attributes, those excepted for which skip (it
// may be nil) is true.
func (p *pairs) appendAttributes(dst []byte, r *record.Record, skip func(attribute.Key) bool) []byte {
	_, hasSource := p.fields.sourceOf(r)
	last := p.json.of(r.Attributes)
	for i := range r.Attributes {
		kv := &r.Attributes[i]
		if shadowed(r.Attributes, i, last) || hasSource && isSource(kv.Key) || skip != nil && skip(kv.Key) {
			continue
		}
		prefix := ""
		if p.fields.clashes(string(kv.Key)) {
			prefix = escapePrefix
		}
		dst = p.appendPair(dst, prefix, string(kv.Key), kv.Value, 1)
	}
	p.json.done(last)
	if r.Dropped > 0 {
		dst = append(dst, "dropped_attributes="...)
		dst = append(strconv.AppendInt(dst, int64(r.Dropped), 10), ' ')
	}
	return dst
}

// appendPair appends one attribute. prefix is what precedes the key, with its
// dot; it is clean already.
func (p *pairs) appendPair(dst []byte, prefix, key string, v attribute.Value, depth int) []byte {
	start := len(dst)
	dst = append(dst, prefix...)
	dst = appendKey(dst, key)
	if v.Type() == attribute.MAP && depth <= MaxDepth && len(dst)-start <= maxPath {
		if kvs := v.AsMap(); len(kvs) > 0 {
			path := string(dst[start:])
			return p.appendMap(dst[:start], path, kvs, depth)
		}
	}
	dst = append(dst, '=')
	return append(p.appendValue(dst, v, depth), ' ')
}

func (p *pairs) appendMap(dst []byte, path string, kvs []attribute.KeyValue, depth int) []byte {
	last := p.json.of(kvs)
	for i := range kvs {
		if !shadowed(kvs, i, last) {
			dst = p.appendPair(dst, path+".", string(kvs[i].Key), kvs[i].Value, depth+1)
		}
	}
	p.json.done(last)
	return dst
}

// appendValue appends the right side of a pair.
func (p *pairs) appendValue(dst []byte, v attribute.Value, depth int) []byte {
	switch v.Type() {
	case attribute.STRING:
		return p.appendText(dst, v.AsString())
	case attribute.FLOAT64:
		return AppendFloat(dst, v.AsFloat64())
	case attribute.INT64, attribute.BOOL, attribute.EMPTY:
		return p.json.appendValue(dst, &v, depth)
	}
	start := len(dst)
	dst = p.json.appendValue(dst, &v, depth)
	if v.Type() == attribute.BYTESLICE || p.typed {
		text := string(dst[start:])
		if v.Type() == attribute.BYTESLICE {
			text = text[1 : len(text)-1] // Base64 needs no escapes.
		}
		return p.appendText(dst[:start], text)
	}
	return dst
}

// appendText appends a string, in quotes where it needs them.
func (p *pairs) appendText(dst []byte, s string) []byte {
	if !isBare(s) || p.typed && readsAsOther(s) {
		return appendQuoted(dst, s)
	}
	return append(dst, s...)
}

// readsAsOther reports whether the bare word s looks like a value that is no
// string: a number, a boolean or null. The logfmt format writes strings that
// do in quotes.
func readsAsOther(s string) bool {
	switch s {
	case "":
		return false
	case "true", "false", "null", "NaN", "Infinity", "-Infinity":
		return true
	}
	if s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c == '.', c == 'e', c == 'E', c == '+', c == '-':
		default:
			return false
		}
	}
	return true
}

// endLine turns the space behind the last pair into the newline.
func endLine(dst []byte) []byte {
	if n := len(dst); n > 0 && dst[n-1] == ' ' {
		dst[n-1] = '\n'
		return dst
	}
	return append(dst, '\n')
}
