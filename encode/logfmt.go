package encode

import (
	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
)

type logfmtEncoder struct{ pairs }

// Logfmt returns the encoder of the logfmt format: key=value pairs in the
// order of [JSON], with the same "attr." rule for keys that clash.
//
// A value stands in double quotes, escaped as a JSON string, when it is empty,
// holds a space, a control character, an equals sign, a quote or a backslash,
// or is a string that reads as a number, boolean or null. In keys such
// characters become "_". Maps are flattened with dots ("order.id=7"), arrays
// are JSON in quotes, byte slices base64.
func Logfmt(o Options) Encoder {
	return &logfmtEncoder{pairs{fields: newFields(o), typed: true}}
}

// Append implements [Encoder].
func (e *logfmtEncoder) Append(dst []byte, r *record.Record) []byte {
	if t := r.Time(); !t.IsZero() {
		dst = append(dst, "time="...)
		dst = append(appendTime(dst, t), ' ')
	}
	if level := r.Level(); level != "" {
		dst = append(dst, "level="...)
		dst = append(e.appendText(dst, level), ' ')
	}
	if logger := r.Logger(); logger != "" {
		dst = append(dst, "logger="...)
		dst = append(e.appendText(dst, logger), ' ')
	}
	dst = append(dst, "msg="...)
	if r.Body.Type() == attribute.STRING {
		// Messages are mostly sentences: quotes around all make lines even.
		dst = appendQuoted(dst, r.Body.AsString())
	} else {
		dst = e.appendValue(dst, r.Body, 1)
	}
	dst = append(dst, ' ')
	dst = e.appendContext(dst, r)
	return endLine(e.appendAttributes(dst, r, nil))
}
