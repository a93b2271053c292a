// Package encode turns records into bytes. Encoders append to the caller's
// buffer, keep no state between calls, cannot fail whatever the record holds,
// and allocate nothing for scalar attributes.
//
// Rules that hold in every format:
//
//   - One record is one frame: a line ended by the only newline in it
//     (the pretty format adds indented lines for stack traces).
//   - Output is valid UTF-8. Bytes that are not become U+FFFD, or \xNN in the
//     formats for people.
//   - Control characters (C0, DEL, C1), line and paragraph separators
//     (U+2028, U+2029) and bidirectional overrides never appear raw, so no
//     terminal interprets what a record holds and no record looks like two.
//   - Of attributes with equal keys the last one counts.
//   - Values nested deeper than [MaxDepth] become the string [TooDeep].
//   - A timestamp that is not set is the observed one; without both there is
//     no time, never 1970.
package encode

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed2f724858/sluice/record"
)

// Encoder appends one record to dst as one framed unit (a line with its
// newline, for the line formats) and returns the extended slice. Encoders are
// safe for concurrent use.
type Encoder interface {
	Append(dst []byte, r *record.Record) []byte
}

// BatchEncoder is an Encoder of a format that groups records (OTLP groups them
// by resource and scope).
type BatchEncoder interface {
	Encoder
	// AppendBatch appends recs as one framed unit; nothing for no records.
	AppendBatch(dst []byte, recs []record.Record) []byte
}

// MaxDepth is how deep maps and slices may nest in an attribute or a body; the
// attribute's own value is at depth 1. Of OTLP's protobuf messages, the value
// stands in the sixth and each level takes three more; those are 99 at most, as
// parsers in C++ and Java refuse more than 100 unless told otherwise
// (https://protobuf.dev/reference/cpp/api-docs/google.protobuf.io.coded_stream/).
const MaxDepth = 31

// TooDeep stands in for what is nested deeper than [MaxDepth].
const TooDeep = "[nested too deep]"

// Options say what an encoder shows beyond the record's own fields.
type Options struct {
	// Include lists further fields. They stand in the order of the constants
	// of type [Field], whatever the order here. OTLP, which carries the whole
	// resource anyway, ignores it.
	Include []Field
	// Color makes the pretty format use ANSI colours.
	Color bool
	// Location is the time zone of the pretty format and of {local_time} in a
	// template; nil means [time.Local]. All else is written in UTC.
	Location *time.Location
	// Template, if not empty, is what lines of the text format look like:
	// text with fields in braces. What a record lacks shows as nothing, and one
	// space in front of it goes with it. Include is not used beside it.
	//
	//	{time:LAYOUT}        the time in UTC, in a layout of package time;
	//	                     {time} is that of [Text]
	//	{local_time:LAYOUT}  the same in the local time zone
	//	{level}              the severity text, else OpenTelemetry's short
	//	                     name, "-" when unset
	//	{logger} {message}   the logger's name and the body
	//	{attr:NAME}          an attribute; dots in its name reach into maps
	//	{attributes}         those that no other field shows, as key=value
	//	{exception}          the exception, "TYPE: MESSAGE"; or one part of it:
	//	                     {exception:type|message|stack}
	//	{resource}           the resource's attributes, as resource.KEY=value
	//	{trace_id} {span_id} {event} {service} {pid} {host} {source}
	//	{{ }}                braces
	//
	// {FIELD<8} fills up to 8 characters with spaces behind, {FIELD>8} with
	// spaces in front. Values stand without quotes but, as everywhere, control
	// characters and the like in them are escaped. The template itself may
	// hold tabs, no other control characters.
	Template string
}

// Field is something an encoder can show that is not an attribute.
type Field string

// Fields that can be included.
const (
	// FieldService is service.name of the resource.
	FieldService Field = "service"
	// FieldPID is the id of this process.
	FieldPID Field = "pid"
	// FieldHost is this machine's host name.
	FieldHost Field = "host"
	// FieldSource is where the log call stands, as "FILE:LINE FUNCTION". It
	// takes the place of the attributes code.file.path, code.line.number and
	// code.function.name, and is absent without code.file.path.
	FieldSource Field = "source"
	// FieldResource is all attributes of the resource, as an object.
	FieldResource Field = "resource"
)

var fieldNames = []string{"service", "pid", "host", "source", "resource"}

// ParseField returns the field of that name.
func ParseField(name string) (Field, error) {
	if !slices.Contains(fieldNames, name) {
		return "", fmt.Errorf("unknown field %q: want one of %s", name, strings.Join(fieldNames, ", "))
	}
	return Field(name), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (f *Field) UnmarshalText(text []byte) error {
	v, err := ParseField(string(text))
	if err == nil {
		*f = v
	}
	return err
}

var formatNames = []string{"json", "logfmt", "text", "pretty", "otlp_json"}

// New returns the encoder of a format: json, logfmt, text, pretty or
// otlp_json. It fails for an unknown format or field, and names the known ones,
// and for a template that cannot be read or stands beside another format than
// text.
func New(format string, o Options) (Encoder, error) {
	for _, f := range o.Include {
		if _, err := ParseField(string(f)); err != nil {
			return nil, fmt.Errorf("include: %w", err)
		}
	}
	if o.Template != "" && format != "text" && slices.Contains(formatNames, format) {
		return nil, fmt.Errorf("template: the format %s has none: write format: text", format)
	}
	switch format {
	case "json":
		return JSON(o), nil
	case "logfmt":
		return Logfmt(o), nil
	case "text":
		if o.Template != "" {
			return newTemplate(o)
		}
		return Text(o), nil
	case "pretty":
		return Pretty(o), nil
	case "otlp_json":
		return OTLPJSON(), nil
	}
	return nil, fmt.Errorf("unknown format %q: want one of %s", format, strings.Join(formatNames, ", "))
}
