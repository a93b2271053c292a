package decode

import (
	"fmt"

	"github.com/seed2f724858/sluice/encode"
)

// message is a kind of message in OTLP's logs
// (https://github.com/open-telemetry/opentelemetry-proto, logs/v1, common/v1).
type message int

const (
	noMessage message = iota
	logsData
	resourceLogsMessage
	resourceMessage
	scopeLogsMessage
	scopeMessage
	logRecordMessage
	keyValueMessage
	anyValueMessage
	arrayValueMessage
	kvlistMessage
)

// protoField is a field that this package reads.
type protoField struct {
	name    string
	typ     wireType
	message message // What the bytes hold, if that is a message.
}

type protoMessage struct {
	name   string
	fields []protoField // By number; those without a name are unknown.
}

// protoMessages is by [message], so that messages can hold each other.
var protoMessages = [...]protoMessage{
	logsData: {"LogsData", []protoField{
		1: {"resource_logs", wireBytes, resourceLogsMessage},
	}},
	resourceLogsMessage: {"ResourceLogs", []protoField{
		1: {"resource", wireBytes, resourceMessage},
		2: {"scope_logs", wireBytes, scopeLogsMessage},
		3: {"schema_url", wireBytes, noMessage},
	}},
	resourceMessage: {"Resource", []protoField{
		1: {"attributes", wireBytes, keyValueMessage},
	}},
	scopeLogsMessage: {"ScopeLogs", []protoField{
		1: {"scope", wireBytes, scopeMessage},
		2: {"log_records", wireBytes, logRecordMessage},
		3: {"schema_url", wireBytes, noMessage},
	}},
	scopeMessage: {"InstrumentationScope", []protoField{
		1: {"name", wireBytes, noMessage},
		2: {"version", wireBytes, noMessage},
		3: {"attributes", wireBytes, keyValueMessage},
	}},
	logRecordMessage: {"LogRecord", []protoField{
		1:  {"time_unix_nano", wireFixed64, noMessage},
		2:  {"severity_number", wireVarint, noMessage},
		3:  {"severity_text", wireBytes, noMessage},
		5:  {"body", wireBytes, anyValueMessage},
		6:  {"attributes", wireBytes, keyValueMessage},
		7:  {"dropped_attributes_count", wireVarint, noMessage},
		8:  {"flags", wireFixed32, noMessage},
		9:  {"trace_id", wireBytes, noMessage},
		10: {"span_id", wireBytes, noMessage},
		11: {"observed_time_unix_nano", wireFixed64, noMessage},
		12: {"event_name", wireBytes, noMessage},
	}},
	keyValueMessage: {"KeyValue", []protoField{
		1: {"key", wireBytes, noMessage},
		2: {"value", wireBytes, anyValueMessage},
	}},
	anyValueMessage: {"AnyValue", []protoField{
		1: {"string_value", wireBytes, noMessage},
		2: {"bool_value", wireVarint, noMessage},
		3: {"int_value", wireVarint, noMessage},
		4: {"double_value", wireFixed64, noMessage},
		5: {"array_value", wireBytes, arrayValueMessage},
		6: {"kvlist_value", wireBytes, kvlistMessage},
		7: {"bytes_value", wireBytes, noMessage},
		8: {"string_value_strindex", wireVarint, noMessage},
	}},
	arrayValueMessage: {"ArrayValue", []protoField{
		1: {"values", wireBytes, anyValueMessage},
	}},
	kvlistMessage: {"KeyValueList", []protoField{
		1: {"values", wireBytes, keyValueMessage},
	}},
}

// maxValues bounds the key-values and values of one record with all resources
// and scopes in front of it: an attribute is two. Empty ones take 2 bytes of
// input and 64 of memory.
const maxValues = 1 << 20

// protoCheck finds out whether a message is sound, so that reading it cannot
// fail half-way, nor anything be allocated for one that is not.
type protoCheck struct {
	values int // Of the current record and of resources and scopes so far.
}

// whole checks msg, which is not part of another.
func (c *protoCheck) whole(m message, msg []byte) error {
	if len(msg) > MaxMessage {
		return fmt.Errorf("decode: read OTLP %s: %d bytes: the limit is %d", protoMessages[m].name, len(msg), MaxMessage)
	}
	return c.message(m, msg, 0, 1)
}

// message checks msg, which begins at byte base of the whole and whose values
// are at depth. What is nested deeper than [encode.MaxDepth], and will not be
// read, is not looked into.
func (c *protoCheck) message(m message, msg []byte, base, depth int) error {
	fields := protoMessages[m].fields
	w := wire[[]byte]{s: msg}
	for w.next() {
		if w.num >= len(fields) || fields[w.num].name == "" {
			continue
		}
		f := fields[w.num]
		if w.typ != f.typ {
			return fieldError(m, w.num, base+w.start, fmt.Errorf("wire type %d, want %d", w.typ, f.typ))
		}
		within, outside := depth, c.values
		switch f.message {
		case noMessage:
			continue
		case keyValueMessage, anyValueMessage:
			if c.values++; c.values > maxValues {
				return fieldError(m, w.num, base+w.start, fmt.Errorf("more than %d keys and values in one record with resources and scopes", maxValues))
			}
		case arrayValueMessage, kvlistMessage:
			if depth > encode.MaxDepth {
				continue
			}
			within++
		}
		if err := c.message(f.message, w.data, base+w.pos-len(w.data), within); err != nil {
			return err
		}
		if f.message == logRecordMessage {
			c.values = outside // It is forgotten before the next one is read.
		}
	}
	if w.err != nil {
		return fieldError(m, w.num, base+w.start, w.err)
	}
	return nil
}

// fieldError says where err is; a num of 0 is a field that has no number yet.
// The field's value, which may be a secret, is not told.
func fieldError(m message, num, offset int, err error) error {
	msg := protoMessages[m]
	field := "field"
	if num > 0 {
		field = fmt.Sprintf("field %d", num)
	}
	if num < len(msg.fields) && msg.fields[num].name != "" {
		field = msg.fields[num].name
	}
	return fmt.Errorf("decode: read OTLP %s: %s at byte %d: %w", msg.name, field, offset, err)
}
