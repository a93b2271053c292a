package encode

import (
	"strings"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed2f724858/sluice/record"
)

// Column widths of the pretty format. What is longer pushes the rest of its
// line to the right.
const (
	loggerWidth  = 12
	messageWidth = 32
)

// ANSI sequences (ECMA-48 SGR). Nothing else of the kind is ever written.
const (
	reset    = "\x1b[0m"
	bold     = "\x1b[1m"
	dim      = "\x1b[2m"
	red      = "\x1b[31m"
	green    = "\x1b[32m"
	yellow   = "\x1b[33m"
	cyan     = "\x1b[36m"
	redBlock = "\x1b[1;97;41m"
)

type prettyEncoder struct {
	pairs
	color    bool
	location *time.Location
}

// Pretty returns the encoder of the pretty format, for terminals:
//
//	10:15:30.123 ERROR shop.cart    payment refused                  order.id=7
//	             | *net.OpError: connection refused
//	             | main.pay(...)
//	             |     /app/cart.go:42
//
// that is the local time, level, logger, message and attributes in columns;
// below, indented, the exception (attributes exception.type,
// exception.message, exception.stacktrace) with each line of its stack trace
// escaped by itself.
func Pretty(o Options) Encoder {
	e := &prettyEncoder{
		pairs: pairs{fields: newFields(o)},
		color: o.Color, location: o.Location,
	}
	if e.location == nil {
		e.location = time.Local
	}
	return e
}

// Append implements [Encoder].
func (e *prettyEncoder) Append(dst []byte, r *record.Record) []byte {
	if t := r.Time(); !t.IsZero() {
		t = t.In(e.location)
		dst = e.begin(dst, dim)
		dst = appendClock(dst, t)
		dst = append(e.end(dst), ' ')
	} else {
		dst = append(dst, indent...)
	}

	start := len(dst)
	dst = appendLevel(dst, r)
	dst = padTo(dst, start, levelWidth)
	if style := levelStyle(r.Severity); e.color && style != "" {
		level := string(dst[start:])
		dst = append(append(append(dst[:start], style...), level...), reset...)
	}
	dst = append(dst, ' ')

	if logger := r.Logger(); logger != "" {
		dst = e.begin(dst, cyan)
		start = len(dst)
		dst = appendVisible(dst, logger)
		dst = padTo(dst, start, loggerWidth)
		dst = append(e.end(dst), ' ')
	}

	if r.Severity >= log.SeverityError {
		dst = e.begin(dst, bold)
	}
	start = len(dst)
	if r.Body.Type() == attribute.STRING {
		dst = appendIndented(dst, r.Body.AsString())
	} else {
		dst = e.appendMessage(dst, r)
	}
	end := len(dst)
	dst = padTo(dst, start, messageWidth)
	if r.Severity >= log.SeverityError {
		dst = e.end(dst)
	}
	dst = append(dst, ' ')

	beforePairs := len(dst)
	dst = e.begin(dst, dim)
	afterStyle := len(dst)
	dst = e.appendAttributes(dst, r, isException)
	dst = e.appendContext(dst, r)
	if len(dst) == afterStyle {
		dst = dst[:beforePairs]
		if !e.color {
			dst = dst[:end] // No padding at the end of the line.
		}
	} else {
		dst = e.end(dst[:len(dst)-1])
	}
	dst = endLine(dst)
	return e.appendException(dst, r)
}

func (e *prettyEncoder) appendException(dst []byte, r *record.Record) []byte {
	kind, _ := r.Attr(semconv.ExceptionTypeKey)
	message, _ := r.Attr(semconv.ExceptionMessageKey)
	if kind.Type() != attribute.EMPTY || message.Type() != attribute.EMPTY {
		dst = append(dst, indent+"| "...)
		dst = e.begin(dst, red)
		dst = e.appendPlainValue(dst, kind)
		if kind.Type() != attribute.EMPTY && message.Type() != attribute.EMPTY {
			dst = append(dst, ": "...)
		}
		dst = e.appendPlainValue(dst, message)
		dst = append(e.end(dst), '\n')
	}
	stack, ok := r.Attr(semconv.ExceptionStacktraceKey)
	if !ok {
		return dst
	}
	if stack.Type() != attribute.STRING {
		stack = attribute.StringValue(stack.String())
	}
	lines := strings.TrimRight(stack.AsString(), "\r\n")
	if lines == "" {
		return dst
	}
	for line := range strings.SplitSeq(lines, "\n") {
		dst = append(dst, indent+"| "...)
		dst = e.begin(dst, dim)
		dst = appendIndented(dst, strings.TrimRight(line, "\r"))
		dst = append(e.end(dst), '\n')
	}
	return dst
}

// appendIndented shows leading tabs as spaces: stack traces have them, also
// those that come line by line from a program's standard error.
func appendIndented(dst []byte, line string) []byte {
	for strings.HasPrefix(line, "\t") {
		dst = append(dst, "    "...)
		line = line[1:]
	}
	return appendVisible(dst, line)
}

// indent is as wide as the time and the space behind it.
const indent = "             "

func (e *prettyEncoder) appendPlainValue(dst []byte, v attribute.Value) []byte {
	switch v.Type() {
	case attribute.EMPTY:
		return dst
	case attribute.STRING:
		return appendVisible(dst, v.AsString())
	}
	return e.json.appendValue(dst, &v, 1)
}

func isException(key attribute.Key) bool {
	switch key {
	case semconv.ExceptionTypeKey, semconv.ExceptionMessageKey, semconv.ExceptionStacktraceKey:
		return true
	}
	return false
}

func (e *prettyEncoder) begin(dst []byte, style string) []byte {
	if e.color {
		dst = append(dst, style...)
	}
	return dst
}

func (e *prettyEncoder) end(dst []byte) []byte { return e.begin(dst, reset) }

func levelStyle(s log.Severity) string {
	switch {
	case s < log.SeverityTrace1:
		return ""
	case s < log.SeverityInfo1:
		return dim
	case s < log.SeverityWarn1:
		return green
	case s < log.SeverityError1:
		return yellow
	case s < log.SeverityFatal1:
		return red
	}
	return redBlock
}

// padTo fills dst up with spaces until what stands behind start is width
// characters wide.
func padTo(dst []byte, start, width int) []byte {
	for n := utf8.RuneCount(dst[start:min(len(dst), start+utf8.UTFMax*width)]); n < width; n++ {
		dst = append(dst, ' ')
	}
	return dst
}
