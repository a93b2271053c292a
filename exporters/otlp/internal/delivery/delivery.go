// Package delivery is what a Write over HTTP and one over gRPC have in common:
// it makes requests that are not too large, splits those that turn out to be,
// and sums up what was rejected.
package delivery

import (
	"errors"
	"math"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/answer"
)

// Append appends a request of the first of recs that fit into limit bytes, and
// returns how many these are: AppendUpTo and its like in package encode.
type Append[R any] func(dst []byte, recs []R, limit int) ([]byte, int)

// Request appends the next request for recs, which are not empty, and returns
// how many of them are in it. A record that is larger than limit is alone in
// its request, for the server to decide.
func Request[R any](dst []byte, recs []R, limit int, upTo Append[R]) ([]byte, int) {
	start := len(dst)
	dst, n := upTo(dst, recs, limit)
	if n == 0 {
		dst, n = upTo(dst[:start], recs[:1], math.MaxInt)
	}
	return dst, n
}

// TooLarge marks the error of a request that the server finds too large.
func TooLarge(err error) error { return tooLargeError{err} }

type tooLargeError struct{ error }

func (e tooLargeError) Unwrap() error { return e.error }

// Deliver sends recs in as many requests as it takes, and returns what
// [exporters.Sink]'s Write does.
//
// send sends one request of the first of the records that it is given, and
// returns how many these are and what the server said. A request that is
// [TooLarge] is sent again in halves; one record that is will never be taken.
// refusal makes an error of the reason for which records were rejected, which
// may be "".
func Deliver[R any](recs []R, send func(recs []R) (int, answer.Success, error), refusal func(reason string) error) (n int, err error) {
	rejected, reason := 0, ""
	// Requests that follow one that was too large have at most this many
	// records, up to the end of that one: a limit may change, and records
	// differ.
	most, until := len(recs), 0
	for err == nil && n < len(recs) {
		k, success, failure := send(recs[n:min(n+most, len(recs))])
		_, tooLarge := errors.AsType[tooLargeError](failure)
		switch {
		case failure == nil:
			n += k
			if success.Rejected > 0 {
				rejected += int(min(success.Rejected, int64(k)))
				reason = success.Message
			}
			if n >= until {
				most = len(recs)
			}
		case !tooLarge:
			err = failure
		case k > 1:
			most, until = k/2, max(until, n+k)
		default:
			err = exporters.Poison(failure)
		}
	}
	if rejected > 0 {
		if err == nil {
			err = refusal(reason)
		}
		err = exporters.Rejected(rejected, err)
	}
	return n, err
}
