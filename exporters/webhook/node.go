package webhook

import (
	"cmp"
	"fmt"
	"slices"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
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

// fixed is a value without fields.
type fixed []byte

func (f fixed) append(dst []byte, _ *scene) []byte { return append(dst, f...) }

type list []node

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
