package processors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/redact"
)

// grouping makes keys of those parts of records that a step's `by` names:
// records with equal keys belong together. Keys are compared as they are, not
// by a hash, so that what differs is never taken for equal.
type grouping struct {
	parts []part
	// longest is how many bytes of a part count; 0 means all.
	longest int
}

// part is a part of a record.
type part struct {
	name  string
	kind  partKind
	attrs attribute.Key // of an attribute
}

type partKind int

const (
	attributePart partKind = iota
	bodyPart
	severityPart
	loggerPart
	eventPart
)

var partKinds = map[string]partKind{"body": bodyPart, "severity": severityPart, "logger": loggerPart, "event": eventPart}

// meantParts are other words for parts of a record. An attribute of that name
// would hardly ever be there, and records that lack it are equal.
var meantParts = map[string]string{
	"message": "body", "msg": "body", "level": "severity", "levelname": "severity", "severity_text": "severity",
	"name": "logger", "logger_name": "logger", "event_name": "event", "event_names": "event", "loggers": "logger",
}

// attributePrefix reaches attributes that have the name of another part.
const attributePrefix = "attributes."

// maxParts bounds the parts of a key.
const maxParts = 16

// newGrouping reads `by`: "body", "severity", "logger" and "event" are those
// parts of the record, every other word is the key of an attribute, and
// "attributes.KEY" is so for any KEY.
func newGrouping(by []string, longest int) (*grouping, error) {
	g := &grouping{longest: longest}
	var errs []error
	if len(by) > maxParts {
		errs = append(errs, fmt.Errorf("by has %d items: want at most %d", len(by), maxParts))
	}
	seen := map[part]bool{}
	for i, name := range by {
		p := part{kind: partKinds[name]}
		if p.kind == attributePart {
			p.attrs = attribute.Key(strings.TrimPrefix(name, attributePrefix))
			if meant := meantParts[name]; meant != "" {
				errs = append(errs, fmt.Errorf("by[%d] is %q: want %q, or %q if an attribute has that name", i, name, meant, attributePrefix+name))
				continue
			}
			if p.attrs == "" {
				errs = append(errs, fmt.Errorf("by[%d] is %q: want body, severity, logger, event or the key of an attribute", i, name))
				continue
			}
		}
		if seen[p] {
			errs = append(errs, fmt.Errorf("by[%d]: %q stands in the list twice", i, name))
		}
		seen[p] = true
		p.name = name
		g.parts = append(g.parts, p)
	}
	return g, errors.Join(errs...)
}

// keyBuffers hold the keys of records under way.
var keyBuffers = sync.Pool{New: func() any { return new(make([]byte, 0, 512)) }}

// maxKeyBuffer is the largest buffer that is kept.
const maxKeyBuffer = 1 << 16

func releaseKey(buf *[]byte) {
	if cap(*buf) <= maxKeyBuffer {
		keyBuffers.Put(buf)
	}
}

// appendKey appends r's key to b. It allocates nothing for scalars if b has
// room.
func (g *grouping) appendKey(b []byte, r *record.Record) []byte {
	for i := range g.parts {
		switch p := &g.parts[i]; p.kind {
		case bodyPart:
			b = g.appendValue(b, r.Body)
		case severityPart:
			// The text counts only where it is all there is.
			b = binary.AppendVarint(b, int64(r.Severity))
			if r.Severity == log.SeverityUndefined {
				b = g.appendText(b, r.SeverityText)
			}
		case loggerPart:
			b = g.appendText(b, r.Logger())
		case eventPart:
			b = g.appendText(b, r.EventName)
		default:
			v, ok := r.Attr(p.attrs)
			if !ok {
				b = append(b, absent)
				continue
			}
			b = g.appendValue(b, v)
		}
	}
	return b
}

// absent stands for an attribute that is not there; it is no value's type.
const absent = 0xff

// appendText appends s with its length, so that what follows cannot be taken
// for a part of it.
func (g *grouping) appendText(b []byte, s string) []byte {
	if g.longest > 0 && len(s) > g.longest {
		s = s[:g.longest]
	}
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func (g *grouping) appendValue(b []byte, v attribute.Value) []byte {
	switch v.Type() {
	case attribute.STRING, attribute.BYTESLICE:
		return g.appendText(append(b, byte(v.Type())), v.AsString())
	case attribute.SLICE, attribute.MAP, attribute.STRINGSLICE:
		start := len(b)
		b = appendNested(b, v)
		if g.longest > 0 && len(b)-start > g.longest {
			b = b[:start+g.longest]
		}
		return b
	}
	return appendNested(b, v)
}

// appendNested appends v with its type, and the number of what it contains.
func appendNested(b []byte, v attribute.Value) []byte {
	b = append(b, byte(v.Type()))
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	switch v.Type() {
	case attribute.EMPTY:
	case attribute.BOOL:
		if v.AsBool() {
			return append(b, 1)
		}
		return append(b, 0)
	case attribute.INT64:
		b = binary.BigEndian.AppendUint64(b, uint64(v.AsInt64()))
	case attribute.FLOAT64:
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(v.AsFloat64()))
	case attribute.STRINGSLICE:
		list := v.AsStringSlice()
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, s := range list {
			text(s)
		}
	case attribute.SLICE:
		list := v.AsSlice()
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, e := range list {
			b = appendNested(b, e)
		}
	case attribute.MAP:
		list := v.AsMap()
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, kv := range list {
			text(string(kv.Key))
			b = appendNested(b, kv.Value)
		}
	case attribute.STRING, attribute.BYTESLICE:
		text(v.AsString())
	default: // slices of numbers and bools, whose text says it all
		text(v.String())
	}
	return b
}

// maxDescription bounds the bytes of one part in a description.
const maxDescription = 64

// maxDescribed bounds what of a part is looked at for its description.
const maxDescribed = 4 << 10

// describe returns r's key for people, without secrets: "logger=shop.cart, tenant=acme".
func (g *grouping) describe(r *record.Record) string {
	var b strings.Builder
	for i := range g.parts {
		p := &g.parts[i]
		var s string
		switch p.kind {
		case bodyPart:
			s = r.Body.String()
		case severityPart:
			s = r.Level()
		case loggerPart:
			s = r.Logger()
		case eventPart:
			s = r.EventName
		default:
			if v, ok := r.Attr(p.attrs); ok {
				s = v.String()
			}
		}
		// The step may stand in front of a redact. Half a secret may not look
		// like one: first this, then the cut.
		if p.kind == attributePart && redact.Default().Key(string(p.attrs)) {
			s = redact.DefaultReplacement
		}
		s, _ = redact.Default().String(s[:min(len(s), maxDescribed)])
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.name + "=" + clip(s, maxDescription))
	}
	return b.String()
}

// clip returns at most n bytes of s, whole characters, and an ellipsis for the
// rest.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
