package decode

import (
	"encoding/hex"
	"math"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// field is a part of the record that a key may stand for.
type field int

const (
	noField field = iota
	fieldBody
	fieldLevel
	fieldTime
	fieldLogger
	fieldTraceID
	fieldSpanID
	fieldEvent
	fieldDropped
	fieldCount
)

// maxRank is the number of keys a field may have.
const maxRank = 7

// fieldOf returns what a key stands for and its rank: where several keys of
// one field are present, the first that can be read counts and the others stay
// attributes.
func fieldOf(key string) (field, int) {
	switch key {
	case "msg":
		return fieldBody, 0
	case "message":
		return fieldBody, 1
	case "body":
		return fieldBody, 2
	case "log":
		return fieldBody, 3
	case "level":
		return fieldLevel, 0
	case "severity":
		return fieldLevel, 1
	case "lvl":
		return fieldLevel, 2
	case "severity_text":
		return fieldLevel, 3
	case "levelname": // Python
		return fieldLevel, 4
	case "log.level": // Elastic Common Schema
		return fieldLevel, 5
	case "levelno": // Python; see also severityNumber
		return fieldLevel, 6
	case "time":
		return fieldTime, 0
	case "timestamp":
		return fieldTime, 1
	case "ts":
		return fieldTime, 2
	case "@timestamp":
		return fieldTime, 3
	case "logger":
		return fieldLogger, 0
	case "logger_name":
		return fieldLogger, 1
	case "log.logger": // Elastic Common Schema
		return fieldLogger, 2
	case "name":
		return fieldLogger, 3
	case "trace_id":
		return fieldTraceID, 0
	case "span_id":
		return fieldSpanID, 0
	case "event":
		return fieldEvent, 0
	case "dropped_attributes":
		return fieldDropped, 0
	}
	return noField, 0
}

// severityNumber is the key of the severity's number, 1 to 24. It says more
// than any level and counts before them, but leaves them their text.
const severityNumber = "severity_number"

// extract moves the attributes of r that stand for fields into them and
// returns the logger's name. raw holds the text of each attribute's value.
func (d *Decoder) extract(r *record.Record, raw []string) (logger string) {
	var at [fieldCount][maxRank]int // Index + 1 of the attribute.
	number := 0
	for i := range r.Attributes {
		key := string(r.Attributes[i].Key)
		if f, rank := fieldOf(key); f != noField {
			at[f][rank] = i + 1
		} else if key == severityNumber {
			number = i + 1
		}
	}
	var taken [fieldCount + 1]int // Index + 1, 0 for none.
	for f := fieldBody; f < fieldCount; f++ {
		for rank, i := range at[f] {
			if i > 0 && d.set(r, f, rank, &r.Attributes[i-1].Value, raw[i-1], &logger) {
				taken[f] = i
				break
			}
		}
	}
	if taken[fieldBody] == 0 && taken[fieldEvent] > 0 {
		// Without a message the event is one, as structlog writes it.
		r.Body, r.EventName = attribute.StringValue(r.EventName), ""
	}
	if i := at[fieldLevel][0]; i > 0 && taken[fieldLevel] == 0 {
		// A level of the source's own: its name is worth keeping as such.
		if v := r.Attributes[i-1].Value; v.Type() == attribute.STRING && v.AsString() != "" {
			r.SeverityText = v.AsString()
			taken[fieldLevel] = i
		}
	}
	if number > 0 {
		if n := r.Attributes[number-1].Value; n.Type() == attribute.INT64 && n.AsInt64() >= 1 && n.AsInt64() <= int64(log.SeverityFatal4) {
			r.Severity = log.Severity(n.AsInt64())
			taken[fieldCount] = number
		}
	}
	r.Attributes = without(r.Attributes, taken[:])
	unescaped := false
	for i := range r.Attributes {
		key := string(r.Attributes[i].Key)
		if k := encode.UnescapeKey(key); len(k) != len(key) {
			r.Attributes[i].Key = attribute.Key(k)
			unescaped = true
		}
	}
	if unescaped {
		r.Attributes, _ = lastOfEach(r.Attributes, nil)
	}
	return logger
}

// set sets field f of r from a value; it is false if that cannot be read.
func (d *Decoder) set(r *record.Record, f field, rank int, v *attribute.Value, raw string, logger *string) bool {
	isString := v.Type() == attribute.STRING
	switch f {
	case fieldBody:
		if rank == 3 { // "log": Docker writes the line with its end, others objects.
			if !isString {
				return false
			}
			r.Body = attribute.StringValue(strings.TrimSuffix(v.AsString(), "\n"))
			return true
		}
		r.Body = *v
		return true
	case fieldLevel:
		return d.setLevel(r, rank, v)
	case fieldTime:
		text := raw
		if isString {
			text = v.AsString()
		}
		t, ok := parseTime(text)
		if ok {
			r.Timestamp = t
		}
		return ok
	case fieldLogger:
		if !isString || v.AsString() == "" {
			return false
		}
		*logger = v.AsString()
		return true
	case fieldTraceID:
		return isHex(raw, r.TraceID[:])
	case fieldSpanID:
		return isHex(raw, r.SpanID[:])
	case fieldEvent:
		if !isString || v.AsString() == "" {
			return false
		}
		r.EventName = v.AsString()
		return true
	case fieldDropped:
		n := v.AsInt64()
		if v.Type() != attribute.INT64 || n < 0 || n > math.MaxInt32 {
			return false
		}
		r.Dropped = int(n)
		return true
	}
	return false
}

// setLevel sets the severity from a name, or from a number as pino or Python
// count.
func (d *Decoder) setLevel(r *record.Record, rank int, v *attribute.Value) bool {
	python := d.o.PythonLevels || rank == 6
	switch v.Type() {
	case attribute.INT64:
		sev, ok := numberedLevel(v.AsInt64(), python)
		if ok {
			r.Severity = sev
		}
		return ok
	case attribute.STRING:
		name := v.AsString()
		if n, ok := digits(name); ok {
			sev, ok := numberedLevel(n, python)
			if ok {
				r.Severity = sev
			}
			return ok
		}
		sev, ok := namedLevel(name)
		if ok {
			r.Severity, r.SeverityText = sev, name
		}
		return ok
	}
	return false
}

// isHex decodes raw, the text of an id with or without quotes, into id. It is
// false, and id zero, for anything but as many digits as id takes, not all
// zero.
func isHex(raw string, id []byte) bool {
	raw = strings.Trim(raw, `"`)
	if len(raw) != hex.EncodedLen(len(id)) {
		return false
	}
	if _, err := hex.Decode(id, []byte(raw)); err != nil {
		clear(id)
		return false
	}
	for _, b := range id {
		if b != 0 {
			return true
		}
	}
	return false
}

// without removes the attributes at the indexes, each given plus one.
func without(kvs []attribute.KeyValue, indexes []int) []attribute.KeyValue {
	kept := kvs[:0]
	for i := range kvs {
		if !slices.Contains(indexes, i+1) {
			kept = append(kept, kvs[i])
		}
	}
	clear(kvs[len(kept):])
	return kept
}
