package exporters

import (
	"errors"
	"fmt"
)

// ErrClosed is returned by Write after Shutdown.
var ErrClosed = errors.New("exporter is shut down")

// ErrUncertain is what [errors.Is] finds in an error that says of records which
// count as delivered that they may be lost: nobody can tell how many the far
// side has read.
var ErrUncertain = errors.New("records that count as delivered may be lost")

// Kind is what an error of [Sink.Write] means for the records that were not
// delivered.
type Kind int

const (
	// Retryable: recs[n:] are worth another try.
	Retryable Kind = iota
	// KindPermanent: recs[n:] will never be taken.
	KindPermanent
	// KindPoison: recs[n] alone will never be taken.
	KindPoison
	// KindRejected: some of recs[:n] were refused by the far side.
	KindRejected
)

type kindError struct {
	kind          Kind
	misconfigured bool // beside KindPermanent
	rejected      int
	err           error
}

func (e *kindError) Error() string {
	if e.kind == KindRejected {
		if e.err == nil {
			return fmt.Sprintf("%d records rejected", e.rejected)
		}
		return fmt.Sprintf("%d records rejected: %v", e.rejected, e.err)
	}
	return e.err.Error()
}

func (e *kindError) Unwrap() error { return e.err }

// Permanent marks err: the records not delivered will never be taken. It
// returns nil for a nil err.
func Permanent(err error) error { return wrapKind(KindPermanent, err) }

// Misconfigured marks err: the far side refuses the request itself, whatever
// records stand in it, because its credentials or its address are wrong (HTTP's
// 401 and 404, gRPC's UNAUTHENTICATED). It is permanent, as whoever sent the
// request must not send it again (https://opentelemetry.io/docs/specs/otlp/#failures),
// but says nothing against the records: a [Failover] asks the next exporter, and
// a disk queue, which outlives the mistake, holds on to them. It returns nil for
// a nil err.
func Misconfigured(err error) error {
	if err == nil {
		return nil
	}
	return &kindError{kind: KindPermanent, misconfigured: true, err: err}
}

// IsMisconfigured reports whether err is permanent because [Misconfigured] has
// marked it.
func IsMisconfigured(err error) bool {
	k, ok := errors.AsType[*kindError](err)
	return ok && (k.misconfigured || k.kind == KindRejected && IsMisconfigured(k.err))
}

// Poison marks err: the first record not delivered will never be taken, those
// behind it may be. It returns nil for a nil err.
func Poison(err error) error { return wrapKind(KindPoison, err) }

// Rejected reports that k of the delivered records were refused by the far
// side; they count as dropped. err, the far side's words, may be nil. When not
// all records were delivered, err also says what becomes of the others:
// Rejected(3, Permanent(cause)) refused three and will take no more.
func Rejected(k int, err error) error {
	if k <= 0 {
		return nil
	}
	return &kindError{kind: KindRejected, rejected: k, err: err}
}

func wrapKind(kind Kind, err error) error {
	if err == nil {
		return nil
	}
	return &kindError{kind: kind, err: err}
}

// Classify returns the kind of a Write's non-nil error and the number of
// delivered records that were refused. That number may stand beside any kind;
// KindRejected means that nothing else is wrong, and that records not
// delivered are worth another try. ErrClosed is permanent.
func Classify(err error) (kind Kind, rejected int) {
	if k, ok := errors.AsType[*kindError](err); ok {
		if k.kind != KindRejected || k.err == nil {
			return k.kind, k.rejected
		}
		kind, rejected = Classify(k.err)
		if kind == Retryable {
			kind = KindRejected
		}
		return kind, rejected + k.rejected
	}
	if errors.Is(err, ErrClosed) {
		return KindPermanent, 0
	}
	return Retryable, 0
}
