// Package record holds the one form in which a log record travels through
// sluice: a flat struct on OpenTelemetry's API types, without an encoder, a
// queue or an SDK behind it.
//
// The fields are those of the OpenTelemetry log data model
// (https://opentelemetry.io/docs/specs/otel/logs/data-model/).
package record

import (
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"
)

// Record is one log record.
//
// A Record handed to a step or a sink is borrowed: its Attributes may live in
// an arena and be overwritten after the call returns. [Record.Clone] makes a
// copy to keep. Nested values (slices, maps) are immutable by construction of
// [attribute.Value] and may be shared.
type Record struct {
	// Timestamp is when the event happened; zero when the source did not say.
	Timestamp time.Time
	// Observed is when sluice, or the SDK in front of it, first saw the event.
	Observed time.Time
	// Severity is the normalized severity; 0 means unset.
	Severity log.Severity
	// SeverityText is the source's own name of the severity, may be empty.
	SeverityText string
	// EventName names the event's class; empty for plain log records.
	EventName string
	// Body is the message, usually a string.
	Body attribute.Value
	// Attributes holds the record's attributes in the order they were given.
	// Behind the Pipeline no key stands twice.
	Attributes []attribute.KeyValue
	// Dropped counts attributes lost to limits.
	Dropped int
	// TraceID, SpanID and TraceFlags correlate the record with a span; zero
	// when there is none.
	TraceID    trace.TraceID
	SpanID     trace.SpanID
	TraceFlags trace.TraceFlags
	// Origin is the resource and scope, shared by all records of one logger.
	// It may be nil.
	Origin *Origin
}

// Origin says where records come from. It is immutable once in use and shared:
// encoders group neighbours by comparing pointers.
type Origin struct {
	Resource *Resource
	Scope    Scope
}

// Resource is the entity that produced the records (a service instance).
type Resource struct {
	Attributes []attribute.KeyValue
	SchemaURL  string
}

// Scope is the instrumentation scope; its Name is the logger's name.
type Scope struct {
	Name       string
	Version    string
	SchemaURL  string
	Attributes []attribute.KeyValue
}

// Time returns the timestamp, or the observed time when that is unset.
func (r *Record) Time() time.Time {
	if r.Timestamp.IsZero() {
		return r.Observed
	}
	return r.Timestamp
}

// Logger returns the scope's name, which is the logger's; "" without origin.
func (r *Record) Logger() string {
	if r.Origin == nil {
		return ""
	}
	return r.Origin.Scope.Name
}

// ResourceAttributes returns the resource's attributes; nil without origin.
func (r *Record) ResourceAttributes() []attribute.KeyValue {
	if r.Origin == nil || r.Origin.Resource == nil {
		return nil
	}
	return r.Origin.Resource.Attributes
}

// Level returns the severity's name as outputs show it: the severity text,
// else OpenTelemetry's short name ("ERROR2"), else "" when both are unset.
func (r *Record) Level() string {
	if r.SeverityText != "" {
		return r.SeverityText
	}
	return SeverityName(r.Severity)
}

// Attr returns the last attribute with that key.
func (r *Record) Attr(key attribute.Key) (attribute.Value, bool) {
	for i := len(r.Attributes) - 1; i >= 0; i-- {
		if r.Attributes[i].Key == key {
			return r.Attributes[i].Value, true
		}
	}
	return attribute.Value{}, false
}

// Clone returns a copy that shares no mutable memory with r. The origin, being
// immutable, is shared.
func (r *Record) Clone() Record {
	c := *r
	c.Attributes = slices.Clone(r.Attributes)
	return c
}

// Reset empties r and keeps the capacity of its attribute slice for reuse.
func (r *Record) Reset() {
	attrs := r.Attributes
	clear(attrs)
	*r = Record{Attributes: attrs[:0]}
}

// AddAttributes appends attributes without looking for duplicate keys.
func (r *Record) AddAttributes(kvs ...attribute.KeyValue) {
	r.Attributes = append(r.Attributes, kvs...)
}
