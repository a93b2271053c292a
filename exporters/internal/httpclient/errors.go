package httpclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter bounds what a server can ask for with Retry-After: within the
// five minutes that a retry lasts by default there shall be more tries than
// one, and a slip of the server shall not stop the flow for a day.
const MaxRetryAfter = 2 * time.Minute

// RetryAfter reads the header Retry-After, seconds or a date (RFC 9110 section
// 10.2.3). It is 0 where there is none, or none that can be read.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	s := strings.TrimSpace(h.Get("Retry-After"))
	if s == "" {
		return 0
	}
	if sec, err := strconv.ParseUint(s, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(sec, uint64(MaxRetryAfter/time.Second))) * time.Second
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), MaxRetryAfter)
}

// StatusError is an answer by which a server did not take a request. It
// implements [exporters.RetryAfterer].
type StatusError struct {
	Status int
	// Message is what the server says about it, made by [Client.Clean].
	Message string
	// After is how long the server wants to be left alone.
	After time.Duration
}

// Error shows the status, and what the server says.
func (e *StatusError) Error() string {
	s := "status " + strconv.Itoa(e.Status)
	if text := http.StatusText(e.Status); text != "" {
		s += " " + text
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.After > 0 {
		s += " (retry after " + e.After.Round(time.Second).String() + ")"
	}
	return s
}

// RetryAfter implements [exporters.RetryAfterer].
func (e *StatusError) RetryAfter() time.Duration { return e.After }

// timeoutError is the end of a Client's own patience.
type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string {
	return fmt.Sprintf("no whole answer within %s", e.after)
}

// Is makes it a [context.DeadlineExceeded].
func (e *timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// transportError is a failure on the way. Its text is bounded and free of the
// URL, of which net/http would show all but the password.
type transportError struct {
	text string
	err  error
}

func (e *transportError) Error() string { return e.text }
func (e *transportError) Unwrap() error { return e.err }

// wayError makes an error of what stopped a request to u.
func (c *Client) wayError(ctx context.Context, u *url.URL, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	} else if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	text := c.Clean(withoutAnswer(err.Error()))
	switch {
	case strings.Contains(text, "tls: no application protocol"): // such as HTTP/1.1
		err = fmt.Errorf("%w: %w", ErrHTTP2, err)
		text = ErrHTTP2.Error()
	case errors.Is(err, ErrHTTP2):
		text = ErrHTTP2.Error()
	case errors.Is(err, io.EOF):
		text = "the server has closed the connection without an answer (" + text + ")"
	}
	return &transportError{text: u.Scheme + "://" + u.Host + ": " + text, err: err}
}

// withoutAnswer leaves out of what net/http says of an answer that is none of
// HTTP the piece that it quotes. A port that sends back whatever comes would
// show the request there.
func withoutAnswer(text string) string {
	if !strings.HasPrefix(text, "net/http: HTTP/1.x transport connection broken: ") && !strings.HasPrefix(text, "malformed ") {
		return text
	}
	what, _, _ := strings.Cut(text, `"`)
	return strings.TrimRight(what, ": ")
}

// ErrHTTP2 is the end of a request to a server that knows no HTTP/1.1: one of
// gRPC, most likely.
var ErrHTTP2 = errors.New("the server speaks HTTP/2 only, as those of gRPC do")
