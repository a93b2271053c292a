package encode

import (
	"encoding/hex"
	"math"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/record"
)

// OTLPJSONEncoder makes OTLP JSON; see [OTLPJSON].
type OTLPJSONEncoder struct{ distinct }

// OTLPJSON returns the encoder of OTLP JSON lines as the OTLP file exporter
// writes them (https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/):
// each line is one LogsData message in the JSON mapping of protobuf, with the
// deviations of OTLP: lowerCamelCase keys, enums as numbers, trace and span ids
// in hexadecimal
// (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). Fields
// that have their default are left out. AppendBatch groups neighbours by
// resource and scope into one line, which without its newline is an
// ExportLogsServiceRequest.
func OTLPJSON() *OTLPJSONEncoder { return &OTLPJSONEncoder{} }

var _ BatchEncoder = (*OTLPJSONEncoder)(nil)

// Append implements [Encoder].
func (e *OTLPJSONEncoder) Append(dst []byte, r *record.Record) []byte {
	one := [1]record.Record{*r}
	return e.AppendBatch(dst, one[:])
}

// AppendBatch implements [BatchEncoder].
func (e *OTLPJSONEncoder) AppendBatch(dst []byte, recs []record.Record) []byte {
	if len(recs) == 0 {
		return dst
	}
	dst, _ = e.AppendUpTo(dst, recs, math.MaxInt)
	return append(dst, '\n')
}

// AppendUpTo appends a request, with no newline behind it, with as many of the
// first records as fit into limit bytes, and returns how many those are. For
// none, when the first one alone is larger, it appends nothing. Splitting a
// batch so costs at most one record more a request than encoding it whole.
func (e *OTLPJSONEncoder) AppendUpTo(dst []byte, recs []record.Record, limit int) ([]byte, int) {
	start := len(dst)
	dst = append(dst, `{"resourceLogs":[`...)
	n, closing := 0, 0 // closing bytes end the request after the last record.
	for n < len(recs) {
		end := len(dst)
		origin := recs[n].Origin
		switch {
		case n == 0:
			dst = e.openResource(dst, origin)
			dst = e.openScope(dst, origin)
		case recs[n-1].Origin == origin:
			dst = append(dst, ',')
		case resourceOf(recs[n-1].Origin) == resourceOf(origin):
			dst = append(closeScope(dst, recs[n-1].Origin), ',')
			dst = e.openScope(dst, origin)
		default:
			dst = closeScope(dst, recs[n-1].Origin)
			dst = append(closeResource(dst, recs[n-1].Origin), ',')
			dst = e.openResource(dst, origin)
			dst = e.openScope(dst, origin)
		}
		if n == 0 || recs[n-1].Origin != origin {
			closing = len(closeRequest(dst, origin)) - len(dst)
		}
		dst = e.appendRecord(dst, &recs[n])
		if len(dst)-start+closing > limit {
			dst = dst[:end]
			break
		}
		n++
	}
	if n == 0 {
		return dst[:start], 0
	}
	return closeRequest(dst, recs[n-1].Origin), n
}

// closeRequest ends a request whose last record is of origin o.
func closeRequest(dst []byte, o *record.Origin) []byte {
	dst = closeScope(dst, o)
	dst = closeResource(dst, o)
	return append(dst, ']', '}')
}

func resourceOf(o *record.Origin) *record.Resource {
	if o == nil {
		return nil
	}
	return o.Resource
}

func (e *OTLPJSONEncoder) openResource(dst []byte, o *record.Origin) []byte {
	dst = append(dst, '{')
	if res := resourceOf(o); res != nil {
		dst = append(dst, `"resource":{`...)
		if len(res.Attributes) > 0 {
			dst = append(dst, `"attributes":`...)
			dst = e.appendKeyValues(dst, res.Attributes, 1)
		}
		dst = append(dst, '}', ',')
	}
	return append(dst, `"scopeLogs":[`...)
}

func closeResource(dst []byte, o *record.Origin) []byte {
	dst = append(dst, ']')
	if res := resourceOf(o); res != nil && res.SchemaURL != "" {
		dst = append(dst, `,"schemaUrl":`...)
		dst = appendQuoted(dst, res.SchemaURL)
	}
	return append(dst, '}')
}

func (e *OTLPJSONEncoder) openScope(dst []byte, o *record.Origin) []byte {
	dst = append(dst, '{')
	if o != nil {
		dst = append(dst, `"scope":{`...)
		if o.Scope.Name != "" {
			dst = append(dst, `"name":`...)
			dst = append(appendQuoted(dst, o.Scope.Name), ',')
		}
		if o.Scope.Version != "" {
			dst = append(dst, `"version":`...)
			dst = append(appendQuoted(dst, o.Scope.Version), ',')
		}
		if len(o.Scope.Attributes) > 0 {
			dst = append(dst, `"attributes":`...)
			dst = append(e.appendKeyValues(dst, o.Scope.Attributes, 1), ',')
		}
		dst = append(closeObject(dst), ',')
	}
	return append(dst, `"logRecords":[`...)
}

func closeScope(dst []byte, o *record.Origin) []byte {
	dst = append(dst, ']')
	if o != nil && o.Scope.SchemaURL != "" {
		dst = append(dst, `,"schemaUrl":`...)
		dst = appendQuoted(dst, o.Scope.SchemaURL)
	}
	return append(dst, '}')
}

// closeObject ends an object whose members have a comma behind each.
func closeObject(dst []byte) []byte {
	if n := len(dst) - 1; dst[n] == ',' {
		dst[n] = '}'
		return dst
	}
	return append(dst, '}')
}

func (e *OTLPJSONEncoder) appendRecord(dst []byte, r *record.Record) []byte {
	dst = append(dst, '{')
	dst = appendNanos(dst, `"timeUnixNano":"`, r.Timestamp)
	dst = appendNanos(dst, `"observedTimeUnixNano":"`, r.Observed)
	if r.Severity != 0 {
		dst = append(dst, `"severityNumber":`...)
		dst = append(strconv.AppendInt(dst, int64(int32(r.Severity)), 10), ',')
	}
	if r.SeverityText != "" {
		dst = append(dst, `"severityText":`...)
		dst = append(appendQuoted(dst, r.SeverityText), ',')
	}
	if r.Body.Type() != attribute.EMPTY {
		dst = append(dst, `"body":`...)
		dst = append(e.appendValue(dst, r.Body, 1), ',')
	}
	if len(r.Attributes) > 0 {
		dst = append(dst, `"attributes":`...)
		dst = append(e.appendKeyValues(dst, r.Attributes, 1), ',')
	}
	if r.Dropped > 0 {
		dst = append(dst, `"droppedAttributesCount":`...)
		dst = append(strconv.AppendInt(dst, min(int64(r.Dropped), math.MaxUint32), 10), ',')
	}
	if r.TraceFlags != 0 {
		dst = append(dst, `"flags":`...)
		dst = append(strconv.AppendInt(dst, int64(r.TraceFlags), 10), ',')
	}
	if r.TraceID.IsValid() {
		dst = append(dst, `"traceId":"`...)
		dst = append(hex.AppendEncode(dst, r.TraceID[:]), '"', ',')
	}
	if r.SpanID.IsValid() {
		dst = append(dst, `"spanId":"`...)
		dst = append(hex.AppendEncode(dst, r.SpanID[:]), '"', ',')
	}
	if r.EventName != "" {
		dst = append(dst, `"eventName":`...)
		dst = append(appendQuoted(dst, r.EventName), ',')
	}
	return closeObject(dst)
}

// unixNanos returns a time in nanoseconds since 1970, as OTLP has it: 0 for an
// unset time, and for 1970 itself and before, which OTLP cannot tell from that.
// Times after 2554 become the last one there is.
func unixNanos(t time.Time) uint64 {
	sec := t.Unix()
	switch {
	case sec < 0:
		return 0
	case uint64(sec) >= math.MaxUint64/uint64(time.Second):
		return math.MaxUint64
	}
	return uint64(sec)*uint64(time.Second) + uint64(t.Nanosecond())
}

// appendNanos appends a fixed64 of [unixNanos], nothing for 0.
func appendNanos(dst []byte, key string, t time.Time) []byte {
	nanos := unixNanos(t)
	if nanos == 0 {
		return dst
	}
	dst = append(dst, key...)
	return append(strconv.AppendUint(dst, nanos, 10), '"', ',')
}
