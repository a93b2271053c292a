package otlp

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/answer"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/delivery"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/settings"
)

const (
	typeProto = "application/x-protobuf"
	typeJSON  = "application/json"
)

// send sends b.plain and returns what the receiver says, or why it did not
// take it.
func (s *sender) send(ctx context.Context, b *buffers) (answer.Success, error) {
	how := s.packer.compression()
	a, err := s.post(ctx, b, how)
	if err == nil && how == compressZstd {
		if isSuccess(a) {
			s.packer.taken.Store(true)
		} else if s.blamesZstd(a) {
			a, err = s.postWithoutZstd(ctx, b, a.Status == http.StatusUnsupportedMediaType)
		}
	}
	if err != nil {
		return answer.Success{}, err
	}
	if isSuccess(a) {
		return s.success(a)
	}
	return answer.Success{}, s.failure(a)
}

// post sends b.plain compressed in one way.
func (s *sender) post(ctx context.Context, b *buffers, how compression) (*httpclient.Answer, error) {
	r := httpclient.Request{Method: http.MethodPost, URL: s.url, Header: s.headers[how], Body: b.plain}
	if how != compressNone {
		var err error
		if b.packed, err = s.packer.pack(b.packed[:0], b.plain, how); err != nil {
			return nil, fmt.Errorf("otlp: %w", err)
		}
		r.Body = b.packed
	}
	a, err := s.client.Do(ctx, &r)
	if !r.Released() {
		// net/http still reads it: the memory is no longer ours.
		if how == compressNone {
			b.plain = nil
		} else {
			b.packed = nil
		}
	}
	if errors.Is(err, httpclient.ErrHTTP2) {
		return nil, fmt.Errorf("otlp: %w: use otlp_grpc (package otlpgrpc), or the port of OTLP/HTTP, which is 4318 by default", err)
	}
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	return a, nil
}

// blamesZstd reports whether a may be the answer of a receiver that does not
// know zstd: some have 400 for that instead of 415.
func (s *sender) blamesZstd(a *httpclient.Answer) bool {
	return a.Status == http.StatusUnsupportedMediaType || a.Status == http.StatusBadRequest && !s.packer.taken.Load()
}

// postWithoutZstd sends b.plain with gzip, and goes on with that if sure, or
// if it works.
func (s *sender) postWithoutZstd(ctx context.Context, b *buffers, sure bool) (*httpclient.Answer, error) {
	a, err := s.post(ctx, b, compressGzip)
	if sure || err == nil && isSuccess(a) {
		s.packer.use(compressGzip)
	}
	return a, err
}

func isSuccess(a *httpclient.Answer) bool { return a.Status/100 == 2 }

// success reads the answer of a receiver that took a request. What it says
// beside that cannot always be read; it is no reason to send the request again.
func (s *sender) success(a *httpclient.Answer) (answer.Success, error) {
	var success answer.Success
	switch mediaType(a) {
	case "text/html":
		return success, fmt.Errorf("otlp: %s: the answer is a web page: is the endpoint that of a receiver of OTLP?", s.where())
	case typeJSON:
		success, _ = answer.JSON(a.Body)
	case typeProto:
		success, _ = answer.Proto(a.Body)
	}
	return success, nil
}

// refusal is the error for records that a receiver rejected out of a request.
func (s *sender) refusal(words string) error {
	if words == "" {
		return fmt.Errorf("otlp: %s: partial success", s.where())
	}
	return fmt.Errorf("otlp: %s: partial success: %s", s.where(), s.client.Clean(words))
}

// failure makes an error of the answer to a request that was not taken
// (https://opentelemetry.io/docs/specs/otlp/#failures-1).
func (s *sender) failure(a *httpclient.Answer) error {
	e := &httpclient.StatusError{Status: a.Status, Message: s.client.Clean(message(a))}
	switch a.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		e.After = httpclient.RetryAfter(a.Header, time.Now())
		return fmt.Errorf("otlp: %s: %w", s.where(), e)
	}
	if httpclient.RefusesAny(a.Status) {
		e.After = httpclient.RetryAfter(a.Header, time.Now())
	}
	err := fmt.Errorf("otlp: %s: %w", s.where(), e)
	if a.Status == http.StatusNotFound || a.Status == http.StatusMethodNotAllowed {
		err = s.astray(e)
	}
	if a.Status == http.StatusRequestEntityTooLarge {
		return delivery.TooLarge(err)
	}
	if a.Status/100 == 3 {
		// The specification is silent about redirects. Most are slips that are
		// corrected, or the doing of somebody on the way.
		return fmt.Errorf("%w: redirects are not followed, set the endpoint they lead to", err)
	}
	if httpclient.RefusesAny(a.Status) {
		return exporters.Misconfigured(err)
	}
	return exporters.Permanent(err)
}

// message returns what a receiver says about its failure.
func message(a *httpclient.Answer) string {
	switch mediaType(a) {
	case typeProto:
		return answer.StatusProto(a.Body)
	case typeJSON:
		return answer.StatusJSON(a.Body)
	case "text/plain":
		return string(a.Body)
	}
	return ""
}

func mediaType(a *httpclient.Answer) string {
	t, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return t
}

// where is the endpoint without its path, which may hold a key.
func (s *sender) where() string { return s.url.Scheme + "://" + s.url.Host }

// logsPath is where the specification has receivers take logs, below what a
// gateway puts in front of it.
const logsPath = "/v1/logs"

// astray is the error of a server that has nothing for OTLP where the endpoint
// says, with the path. Long parts of that, which may be a key, are left out;
// what a query holds may be one at any length.
func (s *sender) astray(e error) error {
	parts := strings.Split(s.url.EscapedPath(), "/")
	for i, part := range parts {
		if len(part) > settings.ShownPath {
			parts[i] = "…"
		}
	}
	path := strings.Join(parts, "/")
	if strings.HasSuffix(path, logsPath) {
		return fmt.Errorf("otlp: %s%s: %w", s.where(), path, e)
	}
	return fmt.Errorf("otlp: %s%s: %w: receivers of OTLP/HTTP take logs at %s, which the endpoint has to say", s.where(), path, e, logsPath)
}
