// Package encode turns records into bytes. Encoders append to the caller's
// buffer, keep no state between calls, cannot fail whatever the record holds,
// and allocate nothing for scalar attributes.
package encode

import (
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
	// AppendBatch appends recs as one framed unit.
	AppendBatch(dst []byte, recs []record.Record) []byte
}
