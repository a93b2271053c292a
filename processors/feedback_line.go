package processors

import (
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/redact"
)

// maxLine bounds a line on standard error, in bytes.
const maxLine = 8 << 10

// line returns a record as one line for standard error: the body and the
// attributes, without secrets and without what a terminal would act on. Redact
// steps lie behind, so r is redacted here.
func line(r *record.Record) string {
	redact.Default().Record(r)
	var b strings.Builder
	if r.Body.Type() != attribute.EMPTY {
		escape(&b, r.Body.String())
	}
	for _, kv := range r.Attributes {
		escape(&b, " "+string(kv.Key)+"=")
		escape(&b, kv.Value.String())
	}
	if b.Len() >= maxLine {
		b.WriteString("…")
	}
	return strings.TrimPrefix(b.String(), " ")
}

// escape appends s as far as there is room, with escapes as in Go for all that
// is not printable, bidirectional controls included.
func escape(b *strings.Builder, s string) {
	for _, c := range s {
		switch {
		case b.Len() >= maxLine:
			return
		case strconv.IsPrint(c):
			b.WriteRune(c)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(c), "'"))
		}
	}
}
