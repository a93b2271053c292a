package encode

import (
	"encoding/binary"
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
)

// OTLPProtoEncoder makes requests of OTLP in protobuf; see [OTLPProto].
type OTLPProtoEncoder struct{ distinct }

// OTLPProto returns the encoder of OTLP's binary form: an
// ExportLogsServiceRequest
// (https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/collector/logs/v1/logs_service.proto),
// whose bytes are those of a LogsData message. It holds what [OTLPJSON] holds,
// neighbours grouped by resource and scope, with fields in the order of their
// numbers and no length longer than it has to be, as protobuf's own libraries
// write it.
//
// Unlike the other formats this one has no frame. By the rules of protobuf two
// messages in one buffer are one message with the records of both; who stores
// or sends several keeps their lengths beside them. Strings are as they are but
// for bytes that are not UTF-8: nobody reads this form on a terminal.
//
// Maps nested [MaxDepth] deep make messages nested three times as deep. Parsers
// may refuse that: those in C++ and Java take 100 unless told otherwise.
func OTLPProto() *OTLPProtoEncoder { return &OTLPProtoEncoder{} }

var _ BatchEncoder = (*OTLPProtoEncoder)(nil)

// Append implements [Encoder].
func (e *OTLPProtoEncoder) Append(dst []byte, r *record.Record) []byte {
	one := [1]record.Record{*r}
	return e.AppendBatch(dst, one[:])
}

// AppendBatch implements [BatchEncoder].
func (e *OTLPProtoEncoder) AppendBatch(dst []byte, recs []record.Record) []byte {
	dst, _ = e.AppendUpTo(dst, recs, math.MaxInt)
	return dst
}

// AppendUpTo appends a request with as many of the first records as fit into
// limit bytes, and returns how many those are. For none, when the first one
// alone is larger, it appends nothing. Splitting a batch so costs at most one
// record more a request than encoding it whole.
func (e *OTLPProtoEncoder) AppendUpTo(dst []byte, recs []record.Record, limit int) ([]byte, int) {
	limit = max(limit, 0) // What is subtracted from it must not overflow.
	n := 0
	for n < len(recs) {
		start, fit := len(dst), 0
		dst, fit = e.appendResourceLogs(dst, recs[n:], limit)
		if fit == 0 {
			break
		}
		limit -= len(dst) - start
		n += fit
	}
	return dst, n
}

// The tags of the messages in logs.proto, resource.proto and common.proto
// (https://github.com/open-telemetry/opentelemetry-proto, v1.11).
const (
	tagResourceLogs = 1<<3 | wireLen // in ExportLogsServiceRequest

	tagResource           = 1<<3 | wireLen // in ResourceLogs
	tagResourceAttributes = 1<<3 | wireLen // in Resource

	tagScope           = 1<<3 | wireLen // in ScopeLogs
	tagScopeName       = 1<<3 | wireLen // in InstrumentationScope
	tagScopeVersion    = 2<<3 | wireLen
	tagScopeAttributes = 3<<3 | wireLen

	tagGroupMembers   = 2<<3 | wireLen // scope_logs, log_records
	tagGroupSchemaURL = 3<<3 | wireLen // in ResourceLogs and ScopeLogs

	tagTime           = 1<<3 | wireFixed64 // in LogRecord
	tagSeverityNumber = 2<<3 | wireVarint
	tagSeverityText   = 3<<3 | wireLen
	tagBody           = 5<<3 | wireLen
	tagAttributes     = 6<<3 | wireLen
	tagDropped        = 7<<3 | wireVarint
	tagFlags          = 8<<3 | wireFixed32
	tagTraceID        = 9<<3 | wireLen
	tagSpanID         = 10<<3 | wireLen
	tagObservedTime   = 11<<3 | wireFixed64
	tagEventName      = 12<<3 | wireLen
)

// Usual widths of lengths: groups of a batch have 16 KiB to 2 MiB, records 128
// bytes to 16 KiB.
const (
	groupWidth  = 3
	recordWidth = 2
	smallWidth  = 1
)

// appendResourceLogs appends those of the first records that have one resource
// and fit into room bytes, and returns how many these are.
func (e *OTLPProtoEncoder) appendResourceLogs(dst []byte, recs []record.Record, room int) ([]byte, int) {
	resource := resourceOf(recs[0].Origin)
	before := len(dst)
	dst = openMessage(dst, tagResourceLogs, groupWidth)
	start := len(dst)
	room = contentRoom(room)
	if resource != nil {
		dst = openMessage(dst, tagResource, recordWidth)
		content := len(dst)
		dst = e.appendKeyValues(dst, tagResourceAttributes, resource.Attributes, 1)
		dst = closeMessage(dst, content, recordWidth)
		room -= stringFieldLen(resource.SchemaURL)
	}
	n := 0
	for n < len(recs) && resourceOf(recs[n].Origin) == resource {
		fit := 0
		dst, fit = e.appendScopeLogs(dst, recs[n:], room-(len(dst)-start))
		if fit == 0 {
			break
		}
		n += fit
	}
	if n == 0 {
		return dst[:before], 0
	}
	if resource != nil {
		dst = appendStringField(dst, tagGroupSchemaURL, resource.SchemaURL)
	}
	return closeMessage(dst, start, groupWidth), n
}

// appendScopeLogs appends those of the first records that have one origin and
// fit into room bytes, and returns how many these are.
func (e *OTLPProtoEncoder) appendScopeLogs(dst []byte, recs []record.Record, room int) ([]byte, int) {
	origin := recs[0].Origin
	before := len(dst)
	dst = openMessage(dst, tagGroupMembers, groupWidth)
	start := len(dst)
	room = contentRoom(room)
	if origin != nil {
		dst = openMessage(dst, tagScope, smallWidth)
		content := len(dst)
		dst = appendStringField(dst, tagScopeName, origin.Scope.Name)
		dst = appendStringField(dst, tagScopeVersion, origin.Scope.Version)
		dst = e.appendKeyValues(dst, tagScopeAttributes, origin.Scope.Attributes, 1)
		dst = closeMessage(dst, content, smallWidth)
		room -= stringFieldLen(origin.Scope.SchemaURL)
	}
	n := 0
	for n < len(recs) && recs[n].Origin == origin {
		end := len(dst)
		dst = e.appendRecord(dst, &recs[n])
		if len(dst)-start > room {
			dst = dst[:end]
			break
		}
		n++
	}
	if n == 0 {
		return dst[:before], 0
	}
	if origin != nil {
		dst = appendStringField(dst, tagGroupSchemaURL, origin.Scope.SchemaURL)
	}
	return closeMessage(dst, start, groupWidth), n
}

func (e *OTLPProtoEncoder) appendRecord(dst []byte, r *record.Record) []byte {
	dst = openMessage(dst, tagGroupMembers, recordWidth)
	start := len(dst)
	dst = appendNanosField(dst, tagTime, r.Timestamp)
	if sev := int32(r.Severity); sev != 0 {
		dst = appendVarint(append(dst, tagSeverityNumber), uint64(sev))
	}
	dst = appendStringField(dst, tagSeverityText, r.SeverityText)
	if r.Body.Type() != attribute.EMPTY {
		dst = e.appendAnyValue(dst, tagBody, &r.Body, 1)
	}
	dst = e.appendKeyValues(dst, tagAttributes, r.Attributes, 1)
	if r.Dropped > 0 {
		dst = appendVarint(append(dst, tagDropped), min(uint64(r.Dropped), math.MaxUint32))
	}
	if r.TraceFlags != 0 {
		dst = append(dst, tagFlags, byte(r.TraceFlags), 0, 0, 0)
	}
	if r.TraceID.IsValid() {
		dst = append(append(dst, tagTraceID, byte(len(r.TraceID))), r.TraceID[:]...)
	}
	if r.SpanID.IsValid() {
		dst = append(append(dst, tagSpanID, byte(len(r.SpanID))), r.SpanID[:]...)
	}
	dst = appendNanosField(dst, tagObservedTime, r.Observed)
	dst = appendStringField(dst, tagEventName, r.EventName)
	return closeMessage(dst, start, recordWidth)
}

// appendNanosField appends a fixed64 of [unixNanos], nothing for 0.
func appendNanosField(dst []byte, tag byte, t time.Time) []byte {
	nanos := unixNanos(t)
	if nanos == 0 {
		return dst
	}
	return binary.LittleEndian.AppendUint64(append(dst, tag), nanos)
}
