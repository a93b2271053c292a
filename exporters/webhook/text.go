package webhook

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/seed2f724858/sluice/encode"
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
		return fixed(quoteJSON(literal.String())), nil
	}
	return &text{t, append(pieces, piece{text: literal.String()})}, nil
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
