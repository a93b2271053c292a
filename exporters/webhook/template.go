package webhook

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

const (
	// maxTemplate bounds a template in bytes, maxNesting its depth.
	maxTemplate = 64 << 10
	maxNesting  = 64
)

// The keys of objects that stand for something else.
const (
	keySeverity = "$severity"
	keyRecords  = "$records"
)

// node is a part of a template. It appends a JSON value made of s.
type node interface {
	append(dst []byte, s *scene) []byte
}

// scene is what a template shows.
type scene struct {
	recs []record.Record
	// rec is the record that fields are about: within $records each of recs,
	// elsewhere the most severe one.
	rec *record.Record
	// text is room for a string.
	text []byte
}

// template makes bodies of records.
type template struct {
	root node
	// many tells that it has a place for several records.
	many bool
	// fixed are its strings without fields.
	fixed []string
}

// append appends the body of a request with recs.
func (t *template) append(dst []byte, recs []record.Record) []byte {
	worst := &recs[0]
	for i := range recs {
		if recs[i].Severity > worst.Severity {
			worst = &recs[i]
		}
	}
	return t.root.append(dst, &scene{recs: recs, rec: worst})
}

// minKey is the length from which a word may be a key.
const minKey = 16

// keys returns those of the template's own strings that may be secret.
func (t *template) keys() []string {
	return slices.DeleteFunc(slices.Clone(t.fixed), func(s string) bool {
		return len(s) < minKey || strings.ContainsAny(s, " \n")
	})
}

// parseTemplate reads c's template.
func parseTemplate(c Config) (*template, error) {
	source := c.Template.Reveal()
	if len(source) > maxTemplate {
		return nil, fmt.Errorf("has %d bytes, more than %d", len(source), maxTemplate)
	}
	p := templateParser{dec: json.NewDecoder(strings.NewReader(source)), texts: newTexts(c)}
	p.dec.UseNumber()
	root, err := p.value("$", 1)
	if err == nil {
		if _, end := p.dec.Token(); end != io.EOF {
			err = errors.New("something stands behind the JSON document")
		}
	}
	if err != nil {
		return nil, p.place(source, err)
	}
	return &template{root: root, many: p.many, fixed: p.texts.fixed}, nil
}

type templateParser struct {
	dec    *json.Decoder
	texts  *texts
	many   bool
	within bool // $records
}

// place says in which line an error of the JSON is.
func (p *templateParser) place(text string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the JSON document ends too early")
	}
	before := text[:min(int(p.dec.InputOffset()), len(text))]
	return fmt.Errorf("line %d: %w", 1+strings.Count(before, "\n"), err)
}

// value reads a value. path says where it is.
func (p *templateParser) value(path string, depth int) (node, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("%s: nested deeper than %d", clip(path), maxNesting)
	}
	tok, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	switch v := tok.(type) {
	case json.Delim:
		if v == '[' {
			return p.array(path, depth)
		}
		return p.object(path, depth)
	case string:
		n, err := p.texts.parse(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", clip(path), err)
		}
		return n, nil
	}
	text, err := json.Marshal(tok)
	return fixed(text), err
}

// fixed is a value without fields.
type fixed []byte

func (f fixed) append(dst []byte, _ *scene) []byte { return append(dst, f...) }

type list []node

func (p *templateParser) array(path string, depth int) (node, error) {
	var l list
	for p.dec.More() {
		n, err := p.value(path+"["+strconv.Itoa(len(l))+"]", depth+1)
		if err != nil {
			return nil, err
		}
		l = append(l, n)
	}
	_, err := p.dec.Token()
	return l, err
}

func (l list) append(dst []byte, s *scene) []byte {
	dst = append(dst, '[')
	for i, n := range l {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = n.append(dst, s)
	}
	return append(dst, ']')
}

type (
	object []member
	member struct {
		key   string
		text  []byte // the key as JSON, with its colon
		value node
	}
)

func (p *templateParser) object(path string, depth int) (node, error) {
	var o object
	for p.dec.More() {
		tok, err := p.dec.Token()
		if err != nil {
			return nil, err
		}
		key := tok.(string) // or the decoder would have complained
		if slices.ContainsFunc(o, func(m member) bool { return m.key == key }) {
			return nil, fmt.Errorf("%s: the key %q stands there twice", clip(path), clip(key))
		}
		if key == keyRecords {
			if p.within {
				return nil, fmt.Errorf("%s: %s stands within another", clip(path), keyRecords)
			}
			p.many, p.within = true, true
		}
		value, err := p.value(path+"."+key, depth+1)
		if err != nil {
			return nil, err
		}
		if key == keyRecords {
			p.within = false
		}
		o = append(o, member{key, append(quote(key), ':'), value})
	}
	if _, err := p.dec.Token(); err != nil {
		return nil, err
	}
	for _, m := range o {
		switch {
		case m.key != keySeverity && m.key != keyRecords:
		case len(o) > 1:
			return nil, fmt.Errorf("%s: %s must be the only key of its object", clip(path), m.key)
		case m.key == keyRecords:
			return each{m.value}, nil
		default:
			return newChoice(path, m.value)
		}
	}
	return o, nil
}

func (o object) append(dst []byte, s *scene) []byte {
	dst = append(dst, '{')
	for i, m := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, m.text...)
		dst = m.value.append(dst, s)
	}
	return append(dst, '}')
}

// each is an array with an element for each record.
type each struct{ element node }

func (e each) append(dst []byte, s *scene) []byte {
	rec := s.rec
	dst = append(dst, '[')
	for i := range s.recs {
		if i > 0 {
			dst = append(dst, ',')
		}
		s.rec = &s.recs[i]
		dst = e.element.append(dst, s)
	}
	s.rec = rec
	return append(dst, ']')
}

// choice is one of several values, by the record's severity.
type choice []option

type option struct {
	from  log.Severity
	value node
}

func newChoice(path string, n node) (node, error) {
	o, ok := n.(object)
	if !ok || len(o) == 0 {
		return nil, fmt.Errorf("%s: want an object of severities below %s", clip(path), keySeverity)
	}
	var c choice
	for _, m := range o {
		from, ok := record.ParseSeverity(m.key)
		if !ok {
			return nil, fmt.Errorf("%s: %q below %s is no severity: want one like info, warn, error2", clip(path), clip(m.key), keySeverity)
		}
		c = append(c, option{from, m.value})
	}
	slices.SortStableFunc(c, func(a, b option) int { return cmp.Compare(a.from, b.from) })
	return c, nil
}

// append appends the value of the highest severity that the record reaches,
// else that of the lowest.
func (c choice) append(dst []byte, s *scene) []byte {
	i := len(c) - 1
	for i > 0 && c[i].from > s.rec.Severity {
		i--
	}
	return c[i].value.append(dst, s)
}

// whole is the record as an object of the json format.
type whole struct{ enc encode.Encoder }

func (w whole) append(dst []byte, s *scene) []byte {
	dst = w.enc.Append(dst, s.rec)
	return dst[:len(dst)-1] // the line feed
}

// quote returns s as JSON.
func quote(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string into a buffer
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// clip bounds what an error repeats of its cause.
func clip(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:80], "") + "…"
}
