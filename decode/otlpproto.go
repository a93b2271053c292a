package decode

import (
	"math"

	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/record"
)

// MaxMessage is the length in bytes of the longest OTLP protobuf message that
// is decoded.
const MaxMessage = 64 << 20

// OTLPProto decodes OTLP messages in protobuf
// (https://opentelemetry.io/docs/specs/otlp/). The zero value is ready. It
// reuses memory between calls and is not safe for concurrent use.
type OTLPProto struct {
	rec     record.Record
	origins origins
}

// Decode calls yield for each record of msg, an ExportLogsServiceRequest or,
// what is the same on the wire, a LogsData. If it returns an error, which names
// the field and its offset, msg is not sound or is beyond a limit, and yield
// was not called at all.
//
// msg is not retained. The record is borrowed: it and its attributes are
// overwritten when yield has returned. A copy to keep keeps at most the bytes
// of its own record, not those of its neighbours. Records of one resource and
// scope have the same pointer as Origin, also in later messages as far as the
// decoder remembers (256 of each, of at most 16 KiB); it is nil for records
// with neither.
//
// As in JSON, unknown fields are ignored and of equal keys the last one counts.
// What the message does not tell, such as the observed time, stays unset.
// Strings are not checked for UTF-8: encoders replace what is none. Values
// nested deeper than [encode.MaxDepth] become [encode.TooDeep], and are not
// checked. An id of a wrong length is none, as logs.proto has it. A message is
// refused if it is longer than [MaxMessage], or has more than 2^20 keys and
// values in one record together with the resources and scopes.
func (d *OTLPProto) Decode(msg []byte, yield func(r *record.Record)) error {
	var c protoCheck
	if err := c.whole(logsData, msg); err != nil {
		return err
	}
	w := wire[[]byte]{s: msg}
	for w.next() {
		if w.num == 1 {
			d.resourceLogs(w.data, yield)
		}
	}
	return nil
}

// Origin returns the origin that Decode gives the records of a message whose
// ResourceLogs has the fields of resource and its ScopeLogs those of scope; nil
// if both tell nothing. It does not retain them, and ignores records in them.
// The error is as that of Decode, and the limits are those of one message.
func (d *OTLPProto) Origin(resource, scope []byte) (*record.Origin, error) {
	var c protoCheck
	if err := c.whole(resourceLogsMessage, resource); err != nil {
		return nil, err
	}
	if err := c.whole(scopeLogsMessage, scope); err != nil {
		return nil, err
	}
	return d.origins.protoOrigin(d.origins.protoResource(groupFields(resource)), scope), nil
}

// Log returns the record of msg, the fields of a LogRecord, with the origin o.
// It does not retain msg. The record is borrowed: it and its attributes are
// overwritten by the next call of Log or Decode. The error is as that of
// Decode, and the limits are those of one message.
func (d *OTLPProto) Log(msg []byte, o *record.Origin) (*record.Record, error) {
	var c protoCheck
	if err := c.whole(logRecordMessage, msg); err != nil {
		return nil, err
	}
	d.logRecord(o, string(msg))
	return &d.rec, nil
}

func (d *OTLPProto) resourceLogs(msg []byte, yield func(*record.Record)) {
	res := d.origins.protoResource(groupFields(msg))
	w := wire[[]byte]{s: msg}
	for w.next() {
		if w.num == 2 {
			d.scopeLogs(res, w.data, yield)
		}
	}
}

func (d *OTLPProto) scopeLogs(res *record.Resource, msg []byte, yield func(*record.Record)) {
	origin := d.origins.protoOrigin(res, msg)
	w := wire[[]byte]{s: msg}
	for w.next() {
		if w.num == 2 {
			// All strings of the record are cut from this copy: one of
			// the whole message would stay in memory with any record of it.
			d.logRecord(origin, string(w.data))
			yield(&d.rec)
		}
	}
}

// groupFields returns what the members of a ResourceLogs or of a ScopeLogs have
// in common: the resource or scope, nil for none, and the schema's URL. They
// may stand behind the members.
func groupFields(msg []byte) (common, schemaURL []byte) {
	w := wire[[]byte]{s: msg}
	for w.next() {
		switch w.num {
		case 1:
			common = merge(common, w.data)
		case 3:
			schemaURL = w.data
		}
	}
	return common, schemaURL
}

// logRecord reads a LogRecord; its fields' numbers are those in protoMessages.
func (d *OTLPProto) logRecord(origin *record.Origin, msg string) {
	r := &d.rec
	if cap(r.Attributes) > keepAttributes {
		*r = record.Record{}
	}
	r.Reset()
	r.Origin = origin
	var body protoValue
	w := wire[string]{s: msg}
	for w.next() {
		switch w.num {
		case 1:
			r.Timestamp = nanoTime(w.n)
		case 2:
			r.Severity = log.Severity(int32(w.n))
		case 3:
			r.SeverityText = w.data
		case 5:
			body.read(w.data, 1)
		case 6:
			r.Attributes = appendKeyValue(r.Attributes, w.data, 1)
		case 7:
			r.Dropped = int(min(uint32(w.n), math.MaxInt32))
		case 8:
			// The other 24 bits are reserved.
			r.TraceFlags = trace.TraceFlags(w.n & 0xff)
		case 9:
			protoID(r.TraceID[:], w.data)
		case 10:
			protoID(r.SpanID[:], w.data)
		case 11:
			r.Observed = nanoTime(w.n)
		case 12:
			r.EventName = w.data
		}
	}
	r.Body = body.value()
	r.Attributes, _ = lastOfEach(r.Attributes, nil)
}

// protoID reads an id. One of another length is invalid, and receivers should
// take that for none (logs.proto).
func protoID(id []byte, data string) {
	clear(id)
	if len(data) == len(id) {
		copy(id, data)
	}
}

// merge adds a part to a message of which there may be several: together they
// are one (https://protobuf.dev/programming-guides/encoding/#last-one-wins).
// It is not nil then.
func merge(msg, part []byte) []byte {
	if msg == nil {
		return part[:len(part):len(part)] // What is appended must not go into the input.
	}
	return append(msg, part...)
}

// protoResource returns the resource of a ResourceLogs, nil if it tells nothing
// about one.
func (o *origins) protoResource(msg, schemaURL []byte) *record.Resource {
	if msg == nil && len(schemaURL) == 0 {
		return nil
	}
	if res, ok := o.resources[resourceKey{string(msg), string(schemaURL)}]; ok {
		return res
	}
	key := resourceKey{string(msg), string(schemaURL)}
	res := &record.Resource{SchemaURL: key.schemaURL}
	w := wire[string]{s: key.text}
	for w.next() {
		if w.num == 1 {
			res.Attributes = appendKeyValue(res.Attributes, w.data, 1)
		}
	}
	res.Attributes, _ = lastOfEach(res.Attributes, nil)
	remember(&o.resources, key, res, len(msg)+len(schemaURL))
	return res
}

// protoOrigin returns the origin of a ScopeLogs, nil if neither it nor its
// ResourceLogs tells anything about one.
func (o *origins) protoOrigin(res *record.Resource, scopeLogs []byte) *record.Origin {
	msg, schemaURL := groupFields(scopeLogs)
	if res == nil && msg == nil && len(schemaURL) == 0 {
		return nil
	}
	if origin, ok := o.scopes[scopeKey{res, string(msg), string(schemaURL)}]; ok {
		return origin
	}
	key := scopeKey{res, string(msg), string(schemaURL)}
	origin := &record.Origin{Resource: res, Scope: record.Scope{SchemaURL: key.schemaURL}}
	scope := &origin.Scope
	w := wire[string]{s: key.text}
	for w.next() {
		switch w.num {
		case 1:
			scope.Name = w.data
		case 2:
			scope.Version = w.data
		case 3:
			scope.Attributes = appendKeyValue(scope.Attributes, w.data, 1)
		}
	}
	scope.Attributes, _ = lastOfEach(scope.Attributes, nil)
	remember(&o.scopes, key, origin, len(msg)+len(schemaURL))
	return origin
}
