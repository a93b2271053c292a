// Package decode turns bytes into records: the lines that programs write, in
// JSON, logfmt, OTLP JSON or plain text, by [Decoder], and messages of OTLP in
// protobuf, by [OTLPProto].
//
// No line is ever lost: what a format cannot read becomes the body of a record
// as it stands. A message that is not sound is refused with an error.
package decode

import (
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

// Attributes of a record made from one part of a line that was longer than the
// limit of [Lines].
const (
	// PartKey is the number of the part, from 1.
	PartKey = attribute.Key("log.record.part")
	// LastPartKey is true on the last part and absent on the others.
	LastPartKey = attribute.Key("log.record.last_part")
)

// Options of a [Decoder].
type Options struct {
	// PythonLevels reads numbers under the level keys as Python's logging
	// counts (30 is a warning), not as pino and bunyan do (30 is info).
	PythonLevels bool
	// Severity is that of lines which do not tell theirs; 0 leaves it unset.
	Severity log.Severity
	// Now supplies the observed time; nil means [time.Now].
	Now func() time.Time
}

// keepAttributes bounds the memory kept for the next line.
const keepAttributes = 4096

type format int

const (
	formatAuto format = iota
	formatJSON
	formatLogfmt
	formatText
	formatOTLPJSON
)

var formatNames = []string{"auto", "json", "logfmt", "text", "otlp_json"}

// Decoder decodes lines of one format. It reuses memory between calls and is
// not safe for concurrent use.
type Decoder struct {
	format  format
	o       Options
	rec     record.Record
	raw     []string
	origins origins
}

// New returns a decoder of a format:
//
//   - json: an object a line; the members listed below become fields of the
//     record, all others attributes.
//   - logfmt: key=value pairs, with the keys of json.
//   - text: every line is a body.
//   - otlp_json: OTLP JSON lines, each with any number of records.
//   - auto: decides for each line. Objects that begin with "resourceLogs" are
//     OTLP, other objects JSON; a line that consists of at least two key=value
//     pairs, one of them a level, message or time, is logfmt; all else text.
//
// Keys of JSON and logfmt that become fields, first come first served:
//
//	body       msg, message, body, log; event where none of these is present
//	severity   severity_number (1 to 24), else a name or number under level,
//	           severity, lvl, severity_text, levelname, log.level, levelno
//	time       time, timestamp, ts, @timestamp: RFC 3339, or a Unix time in
//	           s, ms, µs or ns as a number or string
//	logger     logger, logger_name, log.logger, name
//	others     trace_id, span_id, event (the event's name), dropped_attributes
//
// A value that cannot be read so stays an attribute, and of equal keys the
// last one counts. Integers beyond 64 bits and fractions of more than 17 digits
// become strings rather than lose digits.
//
// Lines written by package encode come back as the records they were, with
// these exceptions. In json: what has no key there (resource, the scope beyond
// its name, trace flags, the observed time beside the timestamp, a severity
// whose text says otherwise, or is a number), byte slices and not finite floats, which are
// strings there, slices of mixed type that happen to be of one, and attributes
// with one of the keys above that the line has no own value for. In logfmt,
// besides: maps, which come back flat, and slices, which are strings.
// otlp_json gives back everything but slices of mixed type that happen to be
// of one.
func New(name string, o Options) (*Decoder, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	for i, n := range formatNames {
		if n == name {
			return &Decoder{format: format(i), o: o}, nil
		}
	}
	return nil, fmt.Errorf("unknown input format %q: want one of %s", name, strings.Join(formatNames, ", "))
}

// Decode calls yield for each record of the line: exactly one, except in OTLP,
// where a line may hold any number of them. The record is borrowed: it and its
// attributes are overwritten when yield has returned. logger is the logger's
// name as the line has it, "" if it has none. Only OTLP records have an Origin,
// then logger is the name of its scope; Origins are the same pointer for lines
// with the same resource and scope.
func (d *Decoder) Decode(l Line, yield func(r *record.Record, logger string)) {
	r := &d.rec
	if cap(r.Attributes) > keepAttributes {
		d.rec, d.raw = record.Record{}, nil
	}
	r.Reset()
	// One copy of the line is what all strings of the record are cut from.
	s := string(l.Text)
	now := d.o.Now()
	logger, done := "", false
	if l.Part == 0 {
		switch d.format {
		case formatJSON:
			logger, done = d.json(r, s)
		case formatLogfmt:
			logger, done = d.logfmt(r, s)
		case formatOTLPJSON:
			if d.otlp(s, now, yield) {
				return
			}
		case formatAuto:
			switch {
			case isOTLP(s):
				if d.otlp(s, now, yield) {
					return
				}
				logger, done = d.json(r, s)
			case isObject(s):
				logger, done = d.json(r, s)
			default:
				logger, done = d.logfmt(r, s)
			}
		}
	}
	if !done {
		r.Reset()
		logger = ""
		r.Body = attribute.StringValue(s)
		if l.Part > 0 {
			r.AddAttributes(PartKey.Int(l.Part))
			if l.Last {
				r.AddAttributes(LastPartKey.Bool(true))
			}
		}
	}
	r.Observed = now
	if r.Severity == 0 {
		r.Severity = d.o.Severity
	}
	yield(r, logger)
}
