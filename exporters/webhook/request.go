package webhook

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
)

// answer is what a server's status means for the records of a request.
type answer int

const (
	takes    answer = iota
	fails           // or does not answer; the error says whether to try again
	tooLarge        // for one request
	refuses         // these records, perhaps not others
)

// answerOf reads a status (RFC 9110 section 15).
func answerOf(status int) answer {
	switch {
	case status/100 == 2:
		return takes
	case status == http.StatusRequestEntityTooLarge:
		return tooLarge
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		return refuses
	}
	return fails
}

// isPassing reports whether what a status tells of may be over later. Of 5xx
// those beyond the standard, which proxies have for servers they cannot reach,
// are.
func isPassing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return status/100 == 3 || status/100 == 5
}

// send sends b.plain. The error is nil if the server takes it.
func (e *Exporter) send(ctx context.Context, b *buffers) (answer, error) {
	r := httpclient.Request{Method: e.method, URL: e.url, Header: e.header, Body: b.plain}
	if e.packer != nil {
		var err error
		if b.packed, err = e.packer.pack(b.packed[:0], b.plain); err != nil {
			return fails, fmt.Errorf("webhook: %w", err)
		}
		r.Body = b.packed
	}
	a, err := e.client.Do(ctx, &r)
	if !r.Released() {
		*b = buffers{} // net/http still reads one of them
	}
	if err != nil {
		return fails, fmt.Errorf("webhook: %w", err)
	}
	kind := answerOf(a.Status)
	if kind == takes {
		return takes, nil
	}
	status := &httpclient.StatusError{Status: a.Status, Message: e.client.Clean(message(a))}
	if isPassing(a.Status) || httpclient.RefusesAny(a.Status) {
		status.After = httpclient.RetryAfter(a.Header, time.Now())
	}
	err = fmt.Errorf("webhook: %s://%s: %w", e.url.Scheme, e.url.Host, status)
	switch {
	case a.Status/100 == 3:
		err = fmt.Errorf("%w: redirects are not followed, set the url they lead to", err)
	case httpclient.RefusesAny(a.Status):
		err = exporters.Misconfigured(err)
	case kind == fails && !isPassing(a.Status):
		err = exporters.Permanent(err)
	}
	return kind, err
}

// message returns what a server says about a failure. A web page says nothing
// that is fit for an error.
func message(a *httpclient.Answer) string {
	t, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(t, "text/") && t != "application/json" && !strings.HasSuffix(t, "+json") || t == "text/html" {
		return ""
	}
	return string(a.Body)
}

// buffers are the memory of one Write.
type buffers struct{ plain, packed []byte }

// recycle keeps b for the next Write, unless a single huge record made it
// large.
func (e *Exporter) recycle(b *buffers) {
	if cap(b.plain) <= 2*e.limit && cap(b.packed) <= 2*e.limit {
		e.buffers.Put(b)
	}
}

// packer compresses bodies, at gzip's fastest level: of log records the slower
// ones take a tenth off, for several times the work.
type packer struct{ writers sync.Pool }

// gzipper appends what its Writer writes to dst.
type gzipper struct {
	*gzip.Writer
	to appender
}

type appender struct{ dst []byte }

func (a *appender) Write(b []byte) (int, error) {
	a.dst = append(a.dst, b...)
	return len(b), nil
}

// pack appends src, compressed, to dst.
func (p *packer) pack(dst, src []byte) ([]byte, error) {
	g, _ := p.writers.Get().(*gzipper)
	if g == nil {
		g = new(gzipper)
		var err error
		if g.Writer, err = gzip.NewWriterLevel(&g.to, gzip.BestSpeed); err != nil {
			return dst, fmt.Errorf("compress: %w", err)
		}
	}
	defer p.writers.Put(g)
	g.to.dst = dst
	g.Reset(&g.to)
	_, err := g.Write(src)
	if err == nil {
		err = g.Close()
	}
	dst, g.to.dst = g.to.dst, nil
	if err != nil {
		err = fmt.Errorf("compress: %w", err)
	}
	return dst, err
}
