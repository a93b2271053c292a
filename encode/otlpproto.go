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
// neighbours grouped by resource and scope. No length is longer than it has to
// be, and what a group has in common precedes its records, so that a request
// is the same bytes whether it is made at once or of parts that were encoded
// before, with AppendLog and its like; see [AppendOTLPRecords].
//
// Unlike the other formats this one has no frame. By the rules of protobuf two
// messages in one buffer are one message with the records of both; who stores
// or sends several keeps their lengths beside them. Strings are as they are but
// for bytes that are not UTF-8: nobody reads this form on a terminal.
func OTLPProto() *OTLPProtoEncoder { return &OTLPProtoEncoder{} }

var _ BatchEncoder = (*OTLPProtoEncoder)(nil)

// Append implements [Encoder].
func (e *OTLPProtoEncoder) Append(dst []byte, r *record.Record) []byte {
	dst = openMessage(dst, tagResourceLogs, recordWidth)
	group := len(dst)
	dst = e.AppendResourceFields(dst, r.Origin)
	dst = openMessage(dst, tagGroupMembers, recordWidth)
	scope := len(dst)
	dst = e.AppendScopeFields(dst, r.Origin)
	dst = openMessage(dst, tagGroupMembers, recordWidth)
	start := len(dst)
	dst = e.AppendLog(dst, r)
	dst = closeMessage(dst, start, recordWidth)
	dst = closeMessage(dst, scope, recordWidth)
	return closeMessage(dst, group, recordWidth)
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
	return appendRequest(dst, recs, limit, plainForm{e})
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

// AppendResourceFields appends the fields of a ResourceLogs message, but for
// its scope_logs, for the records of o; none if o is nil or has no resource.
func (e *OTLPProtoEncoder) AppendResourceFields(dst []byte, o *record.Origin) []byte {
	res := resourceOf(o)
	if res == nil {
		return dst
	}
	dst = openMessage(dst, tagResource, recordWidth)
	start := len(dst)
	dst = e.appendKeyValues(dst, tagResourceAttributes, res.Attributes, 1)
	dst = closeMessage(dst, start, recordWidth)
	return appendStringField(dst, tagGroupSchemaURL, res.SchemaURL)
}

// AppendScopeFields appends the fields of a ScopeLogs message, but for its
// log_records, for the records of o; none if o is nil.
func (e *OTLPProtoEncoder) AppendScopeFields(dst []byte, o *record.Origin) []byte {
	if o == nil {
		return dst
	}
	dst = openMessage(dst, tagScope, smallWidth)
	start := len(dst)
	dst = appendStringField(dst, tagScopeName, o.Scope.Name)
	dst = appendStringField(dst, tagScopeVersion, o.Scope.Version)
	dst = e.appendKeyValues(dst, tagScopeAttributes, o.Scope.Attributes, 1)
	dst = closeMessage(dst, start, smallWidth)
	return appendStringField(dst, tagGroupSchemaURL, o.Scope.SchemaURL)
}

// AppendLog appends the fields of a LogRecord message: r without its origin.
func (e *OTLPProtoEncoder) AppendLog(dst []byte, r *record.Record) []byte {
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
	return appendStringField(dst, tagEventName, r.EventName)
}

// appendNanosField appends a fixed64 of [unixNanos], nothing for 0.
func appendNanosField(dst []byte, tag byte, t time.Time) []byte {
	nanos := unixNanos(t)
	if nanos == 0 {
		return dst
	}
	return binary.LittleEndian.AppendUint64(append(dst, tag), nanos)
}
