package encode

import (
	"bytes"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// OTLPRecord is a log record in OTLP's binary form, apart from its origin, so
// that it can be stored once and sent in whatever request it then stands in.
type OTLPRecord struct {
	// Origin is shared by all records of one resource and scope: neighbours
	// with the same pointer are grouped. It may be nil.
	Origin *OTLPOrigin
	// Log holds the fields of a LogRecord message; see
	// [OTLPProtoEncoder.AppendLog].
	Log []byte
	// UID, unless it is empty, is sent as the attribute log.record.uid, which
	// tells a record that was sent twice from two records
	// (https://opentelemetry.io/docs/specs/semconv/registry/attributes/log/).
	// It must be empty for a record that has that attribute already: keys are
	// unique in OTLP.
	UID string
}

// OTLPOrigin is a resource and a scope in OTLP's binary form.
type OTLPOrigin struct {
	// Resource holds the fields of a ResourceLogs message but for scope_logs,
	// Scope those of a ScopeLogs message but for log_records; see
	// [OTLPProtoEncoder.AppendResourceFields] and
	// [OTLPProtoEncoder.AppendScopeFields].
	Resource, Scope []byte
}

// AppendOTLPRecords appends a request of the first records that fit into limit
// bytes, and returns how many those are, as [OTLPProtoEncoder.AppendUpTo] does
// for records that are not encoded: of the same records it makes the same
// bytes. Origins that follow each other with an equal Resource share it.
//
// What the records hold is taken as it stands. It is for who stored it to make
// sure that it is what was encoded.
func AppendOTLPRecords(dst []byte, recs []OTLPRecord, limit int) ([]byte, int) {
	return appendRequest(dst, recs, limit, encodedForm{})
}

func (r *OTLPRecord) origin() OTLPOrigin {
	if r.Origin == nil {
		return OTLPOrigin{}
	}
	return *r.Origin
}

// encodedForm is that of records that are encoded already.
type encodedForm struct{}

func (f encodedForm) sameResource(a, b *OTLPRecord) bool {
	return f.sameOrigin(a, b) || bytes.Equal(a.origin().Resource, b.origin().Resource)
}

func (encodedForm) sameOrigin(a, b *OTLPRecord) bool { return a.Origin == b.Origin }

func (encodedForm) appendResource(dst []byte, r *OTLPRecord) []byte {
	return append(dst, r.origin().Resource...)
}

func (encodedForm) appendScope(dst []byte, r *OTLPRecord) []byte {
	return append(dst, r.origin().Scope...)
}

func (encodedForm) appendLog(dst []byte, r *OTLPRecord) []byte {
	dst = append(dst, r.Log...)
	if r.UID == "" {
		return dst
	}
	dst = openMessage(dst, tagAttributes, smallWidth)
	start := len(dst)
	dst = appendStringField(dst, tagKey, string(semconv.LogRecordUIDKey))
	dst = appendAnyString(dst, tagValue, r.UID)
	return closeMessage(dst, start, smallWidth)
}
