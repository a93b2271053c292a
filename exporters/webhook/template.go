package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/seed2f724858/sluice/record"
)

const (
	// maxTemplate bounds a template in bytes, maxNesting its depth.
	maxTemplate = 64 << 10
	maxNesting  = 64
)

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
		o = append(o, member{key, append(quoteJSON(key), ':'), value})
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

// quoteJSON returns s as JSON.
func quoteJSON(s string) []byte {
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
