package encode

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed2f724858/sluice/record"
)

// Bounds of a template and of the columns in it.
const (
	maxTemplate = 4096 // bytes
	maxWidth    = 200  // characters
)

// Layouts of package time for {time} and {local_time} without one.
const (
	timeLayout      = "2006-01-02T15:04:05.000Z"
	localTimeLayout = "2006-01-02T15:04:05.000Z07:00"
)

// Template fields, also the names they have in a template.
const (
	fieldTime       = "time"
	fieldLocalTime  = "local_time"
	fieldLevel      = "level"
	fieldLogger     = "logger"
	fieldMessage    = "message"
	fieldEvent      = "event"
	fieldTraceID    = "trace_id"
	fieldSpanID     = "span_id"
	fieldAttr       = "attr"
	fieldAttributes = "attributes"
	fieldException  = "exception"
)

var templateFields = []string{
	fieldTime, fieldLocalTime, fieldLevel, fieldLogger, fieldMessage, fieldAttr, fieldAttributes, fieldException,
	fieldTraceID, fieldSpanID, fieldEvent, string(FieldService), string(FieldPID), string(FieldHost), string(FieldSource), string(FieldResource),
}

// What {exception:…} takes.
var exceptionParts = map[string]attribute.Key{
	"type":    semconv.ExceptionTypeKey,
	"message": semconv.ExceptionMessageKey,
	"stack":   semconv.ExceptionStacktraceKey,
}

// segment is a piece of a template: text and the field behind it.
type segment struct {
	text string
	// gap is a space between text and field that is left out with the field.
	gap      bool
	field    string // "" behind the last field
	argument string
	width    int // 0 without
	right    bool
}

type templateEncoder struct {
	pairs
	segments []segment
	location *time.Location
	// shown are the attributes that fields of their own show.
	shown []string
}

// newTemplate returns the encoder of the text format with lines as o.Template
// has them; see [Options].
func newTemplate(o Options) (Encoder, error) {
	segments, err := parseTemplate(o.Template)
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	e := &templateEncoder{segments: segments, location: o.Location}
	if e.location == nil {
		e.location = time.Local
	}
	var include []Field
	for _, s := range segments {
		switch s.field {
		case fieldAttr:
			e.shown = append(e.shown, s.argument)
		case fieldException:
			if s.argument != "" {
				e.shown = append(e.shown, string(exceptionParts[s.argument]))
			} else {
				e.shown = append(e.shown, string(semconv.ExceptionTypeKey), string(semconv.ExceptionMessageKey))
			}
		default:
			if isField(s.field) {
				include = append(include, Field(s.field))
			}
		}
	}
	e.fields = newFields(Options{Include: include})
	return e, nil
}

// Append implements [Encoder].
func (e *templateEncoder) Append(dst []byte, r *record.Record) []byte {
	for i := range e.segments {
		s := &e.segments[i]
		dst = append(dst, s.text...)
		if s.field == "" {
			break
		}
		before := len(dst)
		if s.gap {
			dst = append(dst, ' ')
		}
		start := len(dst)
		dst = e.appendField(dst, s, r)
		switch {
		case s.right:
			dst = padLeft(dst, start, s.width)
		case s.width > 0:
			dst = padTo(dst, start, s.width)
		case len(dst) == start:
			dst = dst[:before]
		}
	}
	return append(dst, '\n')
}

func (e *templateEncoder) appendField(dst []byte, s *segment, r *record.Record) []byte {
	switch s.field {
	case fieldTime:
		switch t := r.Time(); {
		case t.IsZero():
		case s.argument == timeLayout:
			return appendMillis(dst, t)
		default:
			return t.UTC().AppendFormat(dst, s.argument)
		}
	case fieldLocalTime:
		if t := r.Time(); !t.IsZero() {
			return t.In(e.location).AppendFormat(dst, s.argument)
		}
	case fieldLevel:
		return appendLevel(dst, r)
	case fieldLogger:
		return appendVisible(dst, r.Logger())
	case fieldMessage:
		return e.appendMessage(dst, r)
	case fieldEvent:
		return appendVisible(dst, r.EventName)
	case fieldTraceID:
		if r.TraceID.IsValid() {
			return hex.AppendEncode(dst, r.TraceID[:])
		}
	case fieldSpanID:
		if r.SpanID.IsValid() {
			return hex.AppendEncode(dst, r.SpanID[:])
		}
	case fieldAttr:
		if v, ok := attributeAt(r.Attributes, s.argument); ok {
			return e.appendShown(dst, v)
		}
	case fieldAttributes:
		return e.appendOthers(dst, r)
	case fieldException:
		return e.appendException(dst, s.argument, r)
	case string(FieldService):
		return appendVisible(dst, serviceName(r))
	case string(FieldPID):
		return append(dst, e.fields.pid...)
	case string(FieldHost):
		return appendVisible(dst, e.fields.host)
	case string(FieldSource):
		if src, ok := e.fields.sourceOf(r); ok {
			return src.append(dst, appendVisible)
		}
	case string(FieldResource):
		return trimSpace(e.appendMap(dst, s.field, r.ResourceAttributes(), 1), len(dst))
	}
	return dst
}

// appendShown appends a value that stands by itself, without quotes.
func (e *templateEncoder) appendShown(dst []byte, v attribute.Value) []byte {
	switch v.Type() {
	case attribute.EMPTY:
		return dst
	case attribute.STRING:
		return appendVisible(dst, v.AsString())
	}
	return e.appendValue(dst, v, 1)
}

func (e *templateEncoder) appendException(dst []byte, part string, r *record.Record) []byte {
	if part != "" {
		v, _ := r.Attr(exceptionParts[part])
		return e.appendShown(dst, v)
	}
	start := len(dst)
	kind, _ := r.Attr(semconv.ExceptionTypeKey)
	dst = e.appendShown(dst, kind)
	message, ok := r.Attr(semconv.ExceptionMessageKey)
	if ok && len(dst) > start && message.Type() != attribute.EMPTY {
		dst = append(dst, ": "...)
	}
	return e.appendShown(dst, message)
}

// appendOthers appends the attributes that no field of their own shows, as
// key=value.
func (e *templateEncoder) appendOthers(dst []byte, r *record.Record) []byte {
	start := len(dst)
	_, hasSource := e.fields.sourceOf(r)
	last := e.json.of(r.Attributes)
	for i := range r.Attributes {
		kv := &r.Attributes[i]
		if shadowed(r.Attributes, i, last) || hasSource && isSource(kv.Key) || slices.Contains(e.shown, string(kv.Key)) {
			continue
		}
		v := kv.Value
		if v.Type() == attribute.MAP {
			var left bool
			if v, left = e.unshown(r.Attributes, i); !left {
				continue
			}
		}
		prefix := ""
		if e.fields.clashes(string(kv.Key)) {
			prefix = escapePrefix
		}
		dst = e.appendPair(dst, prefix, string(kv.Key), v, 1)
	}
	e.json.done(last)
	if r.Dropped > 0 {
		dst = append(dst, "dropped_attributes="...)
		dst = append(strconv.AppendInt(dst, int64(r.Dropped), 10), ' ')
	}
	return trimSpace(dst, start)
}

// trimSpace takes back the space behind the last of the pairs that begin at
// start.
func trimSpace(dst []byte, start int) []byte {
	if len(dst) > start {
		return dst[:len(dst)-1]
	}
	return dst
}

// unshown returns the map kvs[i] less what {attr:…} shows of its inside; left
// is false when that was all there was.
func (e *templateEncoder) unshown(kvs []attribute.KeyValue, i int) (v attribute.Value, left bool) {
	v = kvs[i].Value
	for _, name := range e.shown {
		if at, rest, ok := locate(kvs, name); ok && at == i {
			inner := without(v.AsMap(), rest)
			if len(inner) == 0 {
				return v, false
			}
			v = attribute.MapValue(inner...)
		}
	}
	return v, true
}

// attributeAt returns the attribute of that name: one with that very key, else
// one within a map, whose keys are joined by dots as in the text format.
func attributeAt(kvs []attribute.KeyValue, name string) (attribute.Value, bool) {
	i, rest, ok := locate(kvs, name)
	for ok && rest != "" {
		kvs = kvs[i].Value.AsMap()
		i, rest, ok = locate(kvs, rest)
	}
	if !ok {
		return attribute.Value{}, false
	}
	return kvs[i].Value, true
}

// locate returns the index of the one that holds name; rest is the name within
// that map, "" when it is the attribute itself.
func locate(kvs []attribute.KeyValue, name string) (i int, rest string, ok bool) {
	for i := len(kvs) - 1; i >= 0; i-- {
		if string(kvs[i].Key) == name {
			return i, "", true
		}
	}
	for i := len(kvs) - 1; i >= 0; i-- {
		rest, below := strings.CutPrefix(name, string(kvs[i].Key))
		if !below || len(rest) < 2 || rest[0] != '.' || kvs[i].Value.Type() != attribute.MAP || shadowed(kvs, i, nil) {
			continue
		}
		if _, found := attributeAt(kvs[i].Value.AsMap(), rest[1:]); found {
			return i, rest[1:], true
		}
	}
	return 0, "", false
}

// without returns kvs, which it changes, less the attribute of that name.
func without(kvs []attribute.KeyValue, name string) []attribute.KeyValue {
	i, rest, ok := locate(kvs, name)
	if !ok {
		return kvs
	}
	if rest != "" {
		if inner := without(kvs[i].Value.AsMap(), rest); len(inner) > 0 {
			kvs[i].Value = attribute.MapValue(inner...)
			return kvs
		}
	}
	return slices.Delete(kvs, i, i+1)
}

// padLeft is padTo with the spaces in front.
func padLeft(dst []byte, start, width int) []byte {
	end := len(dst)
	dst = padTo(dst, start, width)
	n := len(dst) - end
	if n == 0 {
		return dst
	}
	copy(dst[start+n:], dst[start:end])
	for i := range n {
		dst[start+i] = ' '
	}
	return dst
}

// parseTemplate takes a template apart. Columns in its errors count characters
// from 1.
func parseTemplate(s string) ([]segment, error) {
	if len(s) > maxTemplate {
		return nil, fmt.Errorf("has %d bytes, more than the %d allowed", len(s), maxTemplate)
	}
	fail := func(at int, format string, args ...any) error {
		return fmt.Errorf("column %d: "+format, append([]any{utf8.RuneCountInString(s[:at]) + 1}, args...)...)
	}
	for i, r := range s {
		switch {
		case r == '\n' || r == '\r':
			return nil, fail(i, "a line break: one record is one line")
		case r != '\t' && (r < ' ' || r == 0x7f || hidden(r)):
			return nil, fail(i, "the control character %U", r)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			return nil, fail(i, "not valid UTF-8")
		}
	}
	var segments []segment
	var text []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '{' && c != '}' {
			text = append(text, c)
			continue
		}
		if i+1 < len(s) && s[i+1] == c {
			text = append(text, c)
			i++
			continue
		}
		if c == '}' {
			return nil, fail(i, "a } that closes nothing: write }} for a brace")
		}
		inner, _, closed := strings.Cut(s[i+1:], "}")
		if !closed {
			return nil, fail(i, "a { that is never closed: write {{ for a brace")
		}
		seg, err := parseField(inner)
		if err != nil {
			return nil, fail(i, "%w", err)
		}
		seg.text = string(text)
		seg.text, seg.gap = strings.CutSuffix(seg.text, " ")
		segments, text = append(segments, seg), text[:0]
		i += len(inner) + 1
	}
	if len(segments) == 0 {
		return nil, fmt.Errorf("%q shows no field: write it as in {time} {level} {message}", clip(s))
	}
	return append(segments, segment{text: string(text)}), nil
}

// parseField reads what stands between braces: NAME, NAME:ARGUMENT, and either
// with a width, <N or >N, behind it.
func parseField(s string) (seg segment, err error) {
	spec := s
	if i := strings.LastIndexAny(s, "<>"); i >= 0 && i+1 < len(s) && strings.Trim(s[i+1:], "0123456789") == "" {
		n, err := strconv.Atoi(s[i+1:])
		if err != nil || n < 1 || n > maxWidth {
			return seg, fmt.Errorf("a width of %s: it goes from 1 to %d", clip(s[i+1:]), maxWidth)
		}
		seg.width, seg.right, spec = n, s[i] == '>', s[:i]
	}
	var hasArgument bool
	seg.field, seg.argument, hasArgument = strings.Cut(spec, ":")
	if seg.field == "" {
		return seg, fmt.Errorf("{%s} names no field: want one of %s", clip(s), strings.Join(templateFields, ", "))
	}
	if !slices.Contains(templateFields, seg.field) {
		return seg, fmt.Errorf("unknown field %q: want one of %s (an attribute is written {attr:%s})",
			clip(seg.field), strings.Join(templateFields, ", "), clip(seg.field))
	}
	if hasArgument && seg.argument == "" {
		return seg, fmt.Errorf("nothing behind the colon of {%s}", clip(s))
	}
	switch seg.field {
	case fieldTime, fieldLocalTime:
		if !hasArgument {
			seg.argument = timeLayout
			if seg.field == fieldLocalTime {
				seg.argument = localTimeLayout
			}
		} else if !showsTime(seg.argument) {
			return seg, fmt.Errorf("the layout %q shows no part of a time: "+
				"it is written as Go writes 2006-01-02 15:04:05.000", clip(seg.argument))
		}
	case fieldAttr:
		if !hasArgument {
			return seg, fmt.Errorf("{%s} names no attribute: write {attr:NAME}, or {attributes} for all", clip(s))
		}
	case fieldException:
		if _, known := exceptionParts[seg.argument]; hasArgument && !known {
			return seg, fmt.Errorf("unknown part %q of an exception: want type, message or stack", clip(seg.argument))
		}
	default:
		if hasArgument {
			return seg, fmt.Errorf("the field %q takes nothing behind a colon; a width is written {%s<8} or {%s>8}",
				seg.field, seg.field, seg.field)
		}
	}
	return seg, nil
}

// showsTime reports whether times that differ in all their parts differ in
// that layout.
func showsTime(layout string) bool {
	a := time.Date(2001, 2, 3, 4, 5, 6, 789123456, time.UTC)
	b := time.Date(2018, 11, 22, 19, 38, 47, 100200300, time.UTC)
	return a.Format(layout) != b.Format(layout)
}

// clip bounds what an error repeats of its cause.
func clip(s string) string {
	if utf8.RuneCountInString(s) <= 40 {
		return s
	}
	return string([]rune(s)[:40]) + "…"
}
