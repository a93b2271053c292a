package otlpgrpc

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
)

// maxAnswer bounds an answer, in bytes; the specification's answers are a
// number and a sentence. That it is no round number tells gRPC's complaint
// about it from a server's about the size of a request.
const maxAnswer = 64<<10 - 15

// answerError is a status other than OK, of the server or of the way to it.
type answerError struct {
	endpoint string
	code     codes.Code
	message  string
	after    time.Duration // what RetryInfo asks for
	hasInfo  bool          // there is a RetryInfo
}

// Error shows the status by gRPC's name for it, and what was said about it.
func (e *answerError) Error() string {
	s := e.endpoint + ": " + e.code.String()
	if e.message != "" {
		s += ": " + e.message + advice(e.message)
	}
	if e.after > 0 {
		s += fmt.Sprintf(" (retry after %s)", e.after)
	}
	return s
}

// RetryAfter implements [exporters.RetryAfterer].
func (e *answerError) RetryAfter() time.Duration { return e.after }

// Is makes a call that ran out of time a [context.DeadlineExceeded], whichever
// side noticed first.
func (e *answerError) Is(target error) bool {
	return e.code == codes.DeadlineExceeded && target == context.DeadlineExceeded
}

// newAnswerError makes an error of what a call has returned.
func newAnswerError(endpoint string, st *status.Status, clean func(string) string) *answerError {
	e := &answerError{
		endpoint: endpoint,
		code:     st.Code(),
		message:  clean(st.Message()),
	}
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			e.hasInfo = true
			e.after = min(max(info.GetRetryDelay().AsDuration(), 0), httpclient.MaxRetryAfter)
		}
	}
	return e
}

// retryable reports whether the specification has the client try again
// (https://opentelemetry.io/docs/specs/otlp/#failures).
func (e *answerError) retryable() bool {
	switch e.code {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
		return true
	case codes.ResourceExhausted:
		return e.hasInfo
	}
	return false
}

// refusesAny reports whether the server refuses a request whatever it holds: for
// its credentials, or because it has no such service or compression.
func (e *answerError) refusesAny() bool {
	switch e.code {
	case codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented:
		return true
	}
	return false
}

// tooLargeWords stand in what servers say of messages that exceed their limit.
// There is no code of its own for that.
var tooLargeWords = []string{
	"larger than max",          // gRPC for Go, C++, Python, Node
	"exceeds maximum size",     // for Java
	"exceeds the maximum",      // for .NET
	"message length too large", // for Rust, by the retryable OUT_OF_RANGE
	"413 (",                    // a proxy's status, as gRPC for Go tells it
	"payload too large",
	"request entity too large",
}

// tooLarge reports whether a server has refused a request for its size.
func tooLarge(st *status.Status) bool {
	switch st.Code() {
	case codes.ResourceExhausted, codes.OutOfRange, codes.Unknown:
	default:
		return false
	}
	message := strings.ToLower(st.Message())
	if slices.ContainsFunc(ownWords, func(words string) bool { return strings.HasSuffix(message, words) }) {
		return false // it is the answer that is
	}
	return slices.ContainsFunc(tooLargeWords, func(words string) bool { return strings.Contains(message, words) })
}

// ownWords end what gRPC says here of an answer that is larger than maxAnswer.
var ownWords = []string{fmt.Sprintf(" vs. %d)", maxAnswer), fmt.Sprintf("larger than max %d", maxAnswer)}
