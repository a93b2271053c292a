// Package exporters defines what a destination is: the [Sink] contract, the
// errors by which a sink says what may be tried again, the adapter that makes
// a Sink an OpenTelemetry SDK exporter, and decorators that wrap one Sink in
// another. Each destination is a package of its own below this one.
package exporters

import (
	"context"
	"errors"
	"time"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/record"
)

// Sink delivers records to one destination.
//
// A Sink neither queues nor retries: queues are the batch processor's and the
// spool's work, retries the [Retry] decorator's. All methods are safe for
// concurrent use.
type Sink interface {
	// Write delivers recs in order and returns how many were delivered;
	// recs[n:] may be sent again. It must not retain recs, nor change them.
	// It honours ctx's deadline.
	//
	// The error says what becomes of the others (see [Classify]):
	//
	//	Permanent(err)  recs[n:] will never be taken
	//	Poison(err)     recs[n] alone will never be taken
	//	Rejected(k,err) k of the n delivered were refused by the far side
	//	anything else   recs[n:] are worth another try
	Write(ctx context.Context, recs []record.Record) (n int, err error)
	// ForceFlush hands everything the sink still holds to the destination.
	ForceFlush(ctx context.Context) error
	// Shutdown includes ForceFlush and releases the destination. Afterwards
	// Write returns ErrClosed; further calls of Shutdown and ForceFlush do
	// nothing and return nil.
	Shutdown(ctx context.Context) error
}

// Holder is a Sink that keeps records on purpose after Write has returned (a
// digest, say). Statistics count them as in flight; ForceFlush brings Held to
// 0, and a spool's cursor never passes written − Held.
type Holder interface {
	Sink
	Held() int
}

// Held returns how many records s keeps on purpose, be it behind decorators.
func Held(s Sink) int {
	for s != nil {
		if h, ok := s.(Holder); ok {
			return max(h.Held(), 0)
		}
		s = unwrap(s)
	}
	return 0
}

// Reopener is a Sink that writes to something that others may move away, as
// logrotate does with files.
type Reopener interface {
	Sink
	// Reopen lets go of what was moved and opens what has taken its place, or
	// makes it anew; where nothing was moved it does nothing.
	Reopen() error
}

// Quiet is a Sink that can say of itself that no call of it logs, neither
// through slog nor through OpenTelemetry, so that a pipeline need not look for
// records of its own exporter's making.
type Quiet interface {
	Sink
	// Quiet is asked once. A decorator answers for what it wraps as well.
	Quiet() bool
}

// IsQuiet reports whether s says that it never logs.
func IsQuiet(s Sink) bool {
	q, ok := s.(Quiet)
	return ok && q.Quiet()
}

// Unwrapper is a decorator that tells which Sink it wraps.
type Unwrapper interface {
	Unwrap() Sink
}

// unwrap returns what s wraps, nil if nothing.
func unwrap(s Sink) Sink {
	if u, ok := s.(Unwrapper); ok {
		return u.Unwrap()
	}
	return nil
}

// Spooler is a Sink that keeps records on disk after Write has returned, and
// delivers them from there; also those that an earlier process has left.
type Spooler interface {
	Sink
	// Spooled returns the books of the disk queue.
	Spooled() SpoolStats
}

// SpoolStats are the books of a disk queue.
type SpoolStats struct {
	// Recovered counts the records found on disk that an earlier process had
	// left.
	Recovered uint64
	// Waiting counts the records on disk that are neither delivered nor
	// dropped.
	Waiting uint64
	// Dropped counts by cause the records, written or recovered, that will not
	// be delivered.
	Dropped map[string]uint64
	// Bytes is what the queue takes on disk, Capacity the most it may take.
	Bytes, Capacity int64
	// Failures counts the failed deliveries and failures of the disk;
	// LastError is the text of what keeps records from being delivered or
	// stored at present, FailingSince when that began. They are empty if
	// nothing does.
	Failures     uint64
	LastError    string
	FailingSince time.Time
	// LastDrop is when a record was last dropped, zero when none was.
	LastDrop time.Time
}

// Forwarder is a Sink that can take records in OTLP's binary form as they
// stand, so that a disk queue in front of it need not decode them.
type Forwarder interface {
	Sink
	// Forwards reports whether WriteOTLP can be used. It is asked once.
	Forwards() bool
	// WriteOTLP does for encoded records what Write does for others.
	WriteOTLP(ctx context.Context, recs []encode.OTLPRecord) (n int, err error)
}

// CanForward reports whether s takes encoded records.
func CanForward(s Sink) bool {
	f, ok := s.(Forwarder)
	return ok && f.Forwards()
}

// forward calls WriteOTLP of a Sink that can forward.
func forward(s Sink, ctx context.Context, recs []encode.OTLPRecord) (int, error) {
	f, ok := s.(Forwarder)
	if !ok {
		return 0, Permanent(errors.New("the exporter takes no encoded records"))
	}
	return f.WriteOTLP(ctx, recs)
}
