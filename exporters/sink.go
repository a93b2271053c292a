// Package exporters defines what a destination is: the [Sink] contract, the
// errors by which a sink says what may be tried again, the adapter that makes
// a Sink an OpenTelemetry SDK exporter, and decorators that wrap one Sink in
// another. Each destination is a package of its own below this one.
package exporters

import (
	"context"
	"errors"
	"fmt"
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
	//	Permanent(err)     recs[n:] will never be taken
	//	Misconfigured(err) neither will any others, until that is mended
	//	Poison(err)        recs[n] alone will never be taken
	//	Rejected(k,err)    k of the n delivered were refused by the far side
	//	anything else      recs[n:] are worth another try
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

// As returns the first that is a T of s, the Sink that s wraps, and so on.
func As[T any](s Sink) (found T, ok bool) {
	for s != nil {
		if found, ok = s.(T); ok {
			return found, true
		}
		u, wraps := s.(Unwrapper)
		if !wraps {
			break
		}
		s = u.Unwrap()
	}
	return found, false
}

// Detourer is a Sink that stands in front of several, of which the first is
// preferred: a [Failover].
type Detourer interface {
	Sink
	// Counts returns where records went so far.
	Counts() FailoverCounts
}

// Spooler is a Sink that keeps records on disk after Write has returned, and
// delivers them from there; also those that an earlier process has left.
type Spooler interface {
	Sink
	// Spooled returns the books of the disk queue as one consistent snapshot.
	Spooled() SpoolStats
	// Notify has f called when records were dropped, with nil, and when a
	// delivery or the disk failed, with the error. It may be called from any
	// goroutine; it must not block, nor call the queue. The last f counts.
	Notify(f func(err error))
	// SetName tells the queue what statistics call the exporter, for the records
	// by which it tells the destination itself of drops. The last name counts.
	SetName(name string)
}

// SpoolStats are the books of a disk queue. They balance at any moment:
// Accepted + Recovered + Noticed = Delivered + the sum of Dropped + Waiting.
type SpoolStats struct {
	// Accepted counts the records that Write took.
	Accepted uint64
	// Recovered counts the records found on disk that an earlier process had
	// left.
	Recovered uint64
	// Noticed counts the records that the queue added itself to tell of drops.
	Noticed uint64
	// Delivered counts the records that the Sink behind took for good.
	Delivered uint64
	// Waiting counts the records that are neither delivered nor dropped.
	Waiting uint64
	// Dropped counts by cause the records, written or recovered, that will not
	// be delivered.
	Dropped map[string]uint64
	// Bytes is what the queue takes on disk, Capacity the most it may take.
	Bytes, Capacity int64
	// Failures counts the failed deliveries, and those failures of the disk
	// that no Write has returned. LastError is the text of what keeps records
	// from being delivered or stored at present, FailingSince when that began.
	// They are empty if nothing does.
	Failures     uint64
	LastError    string
	FailingSince time.Time
	// LastDrop is when a record was last dropped, zero when none was.
	LastDrop time.Time
}

// StoredError is what a flush of a [Spooler] ends with if its exporter could not
// take everything: the records wait on disk, synced as far as the queue's
// settings say, for the next try, or for the next process.
type StoredError struct {
	// Records counts what waits.
	Records uint64
	// Err is why, without secrets in its text.
	Err error
}

func (e *StoredError) Error() string {
	return fmt.Sprintf("%d records wait on disk: %v", e.Records, e.Err)
}

// Unwrap returns Err.
func (e *StoredError) Unwrap() error { return e.Err }

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
