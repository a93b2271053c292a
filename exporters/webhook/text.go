package webhook

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// fieldRecord is a field of this package: as the whole of a string it is the
// record as an object.
const fieldRecord = "{record}"

// texts makes strings with fields in them, all in the same way.
type texts struct {
	html    bool
	max     int // characters of a string; 0 is no bound
	include []encode.Field
	line    encode.Encoder // shows one line of a text
	// fixed are the strings without fields, of which one may be a key.
	fixed []string
	// shown are the attributes that fields show by name.
	shown []string
}

func newTexts(c Config) *texts {
	line, _ := encode.New("text", encode.Options{Template: "{message}"}) // is one
	return &texts{html: c.Escape == "html", max: c.MaxText, include: c.Include, line: line}
}

// text is a string with fields.
type text struct {
	*texts
	pieces []piece
}

// piece is some text and a field behind it.
type piece struct {
	text string
	// gap is a space between text and field that goes with the field.
	gap   bool
	field field
}

// field appends what it shows of a record, in lines of visible characters.
type field func(dst []byte, r *record.Record) []byte

// parse reads a string of a template.
func (t *texts) parse(s string) (node, error) {
	if s == fieldRecord {
		enc, err := encode.New("json", encode.Options{Include: t.include})
		return whole{enc}, err
	}
	var pieces []piece
	var literal strings.Builder
	for rest := s; rest != ""; {
		i := strings.IndexAny(rest, "{}")
		if i < 0 {
			literal.WriteString(rest)
			break
		}
		literal.WriteString(rest[:i])
		brace, after := rest[i], rest[i+1:]
		if after != "" && after[0] == brace { // {{ and }} are braces
			literal.WriteByte(brace)
			rest = after[1:]
			continue
		}
		end := strings.IndexByte(after, '}')
		if brace == '}' || end < 0 {
			return nil, fmt.Errorf("a single %c: write {{ or }} for a brace", brace)
		}
		f, err := t.field(after[:end])
		if err != nil {
			return nil, err
		}
		before, gap := strings.CutSuffix(literal.String(), " ")
		pieces = append(pieces, piece{before, gap, f})
		literal.Reset()
		rest = after[end+1:]
	}
	if pieces == nil {
		t.fixed = append(t.fixed, literal.String())
		return fixed(quote(literal.String())), nil
	}
	return &text{t, append(pieces, piece{text: literal.String()})}, nil
}

// field returns the field of that name, with what stands behind the name.
func (t *texts) field(spec string) (field, error) {
	if spec == "record" {
		return nil, fmt.Errorf("%s makes an object: it must be all of its string", fieldRecord)
	}
	enc, err := encode.New("text", encode.Options{Template: "{" + spec + "}"})
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: column 1: "))
	}
	name, _, _ := strings.Cut(strings.ReplaceAll(spec, ">", "<"), "<") // without a width
	t.shown = append(t.shown, keysOf(name)...)
	visible := func(dst []byte, r *record.Record) []byte {
		dst = enc.Append(dst, r)
		return dst[:len(dst)-1] // the line feed
	}
	if name == "attributes" {
		return func(dst []byte, r *record.Record) []byte {
			others := *r
			others.Attributes = t.notShown(r.Attributes)
			return visible(dst, &others)
		}, nil
	}
	// What may have lines keeps them: JSON has a place for line feeds.
	value := valueOf(spec)
	if value == nil {
		return visible, nil
	}
	return func(dst []byte, r *record.Record) []byte {
		if v := value(r); v.Type() == attribute.STRING {
			return t.appendLines(dst, v.AsString())
		}
		return visible(dst, r)
	}, nil
}

var exceptionKeys = map[string]string{
	"exception:type":    string(semconv.ExceptionTypeKey),
	"exception:message": string(semconv.ExceptionMessageKey),
	"exception:stack":   string(semconv.ExceptionStacktraceKey),
}

// keysOf returns the attributes that a field shows.
func keysOf(field string) []string {
	if field == "exception" {
		return []string{string(semconv.ExceptionTypeKey), string(semconv.ExceptionMessageKey)}
	}
	if key, ok := exceptionKeys[field]; ok {
		return []string{key}
	}
	if key, ok := strings.CutPrefix(field, "attr:"); ok {
		return []string{key}
	}
	return nil
}

// notShown returns the attributes that no field of the template shows by name.
func (t *texts) notShown(kvs []attribute.KeyValue) (others []attribute.KeyValue) {
	for _, kv := range kvs {
		if !slices.Contains(t.shown, string(kv.Key)) {
			others = append(others, kv)
		}
	}
	return others
}

// valueOf returns where the value of a field stands, nil for a field that is
// not one value, or has a width.
func valueOf(field string) func(*record.Record) attribute.Value {
	if field == "message" {
		return func(r *record.Record) attribute.Value { return r.Body }
	}
	keys := keysOf(field)
	if len(keys) != 1 {
		return nil
	}
	return func(r *record.Record) attribute.Value {
		v, _ := r.Attr(attribute.Key(keys[0]))
		return v
	}
}

// appendLines appends s with its line feeds and tabs; what else is not to be
// shown raw is escaped as in the text format.
func (t *texts) appendLines(dst []byte, s string) []byte {
	for s = t.clip(s); ; {
		i := strings.IndexAny(s, "\n\t")
		if i < 0 {
			return t.appendVisible(dst, s)
		}
		dst = t.appendVisible(dst, strings.TrimSuffix(s[:i], "\r"))
		dst = append(dst, s[i])
		s = s[i+1:]
	}
}

func (t *texts) appendVisible(dst []byte, s string) []byte {
	if s == "" {
		return dst
	}
	r := record.Record{Body: attribute.StringValue(s)}
	dst = t.line.Append(dst, &r)
	return dst[:len(dst)-1] // the line feed
}

// clip saves the work on what will be cut anyway.
func (t *texts) clip(s string) string {
	if most := (t.max + 1) * utf8.UTFMax; t.max > 0 && len(s) > most {
		return s[:most]
	}
	return s
}

// append implements node.
func (t *text) append(dst []byte, s *scene) []byte {
	buf := s.text[:0]
	for _, p := range t.pieces {
		buf = append(buf, p.text...)
		if p.field == nil {
			continue
		}
		start := len(buf)
		if p.gap {
			buf = append(buf, ' ')
		}
		shown := len(buf)
		if buf = p.field(buf, s.rec); len(buf) == shown {
			buf = buf[:start]
		} else if t.html {
			buf = appendEntities(buf[:shown], string(buf[shown:]))
		}
	}
	s.text = buf
	return appendJSON(dst, buf, t.max)
}

var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func appendEntities(dst []byte, s string) []byte { return append(dst, entities.Replace(s)...) }

// appendJSON appends text, valid UTF-8, as a JSON string (RFC 8259 section 7)
// of at most so many characters; 0 is no bound.
func appendJSON(dst, text []byte, most int) []byte {
	const hex = "0123456789abcdef"
	cut := most > 0 && utf8.RuneCount(text) > most
	dst = append(dst, '"')
	for i, n := 0, 1; i < len(text); n++ {
		if cut && n == most {
			dst = append(dst, "…"...)
			break
		}
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
		i += size
	}
	return append(dst, '"')
}
