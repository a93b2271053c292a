package encode

import (
	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
)

type textEncoder struct{ pairs }

// Text returns the encoder of the text format, one line for people:
//
//	2026-11-21T10:15:30.123Z ERROR shop.cart: payment refused order.id=7
//
// that is time (UTC, milliseconds), level ("-" when unset), logger, message
// and key=value pairs. In the message control characters and the like show as
// \n, \x1b, \u202e; values that are not plain words are quoted as JSON strings.
// Keys are those of [Logfmt], so that a search finds the same in every format.
// [New] returns an encoder whose lines look as a template says.
func Text(o Options) Encoder {
	return &textEncoder{pairs{fields: newFields(o)}}
}

// Append implements [Encoder].
func (e *textEncoder) Append(dst []byte, r *record.Record) []byte {
	if t := r.Time(); !t.IsZero() {
		dst = append(appendMillis(dst, t), ' ')
	}
	start := len(dst)
	dst = appendLevel(dst, r)
	dst = append(padTo(dst, start, levelWidth), ' ')
	if logger := r.Logger(); logger != "" {
		dst = append(appendVisible(dst, logger), ':', ' ')
	}
	start = len(dst)
	if dst = e.appendMessage(dst, r); len(dst) > start {
		dst = append(dst, ' ')
	}
	dst = e.appendContext(dst, r)
	return endLine(e.appendAttributes(dst, r, nil))
}

// levelWidth is that of the longest base name ("ERROR").
const levelWidth = 5

func appendLevel(dst []byte, r *record.Record) []byte {
	if level := r.Level(); level != "" {
		return appendVisible(dst, level)
	}
	return append(dst, '-')
}

// appendMessage appends the body: nothing without one.
func (p *pairs) appendMessage(dst []byte, r *record.Record) []byte {
	switch r.Body.Type() {
	case attribute.EMPTY:
		return dst
	case attribute.STRING:
		return appendVisible(dst, r.Body.AsString())
	}
	return p.json.appendValue(dst, &r.Body, 1)
}
