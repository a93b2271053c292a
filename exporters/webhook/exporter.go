// Package webhook sends records to an HTTP endpoint: JSON arrays, NDJSON or
// OTLP JSON for a log service, or whatever JSON a template makes of a record
// for a chat or a pager.
//
// # Delivery
//
// A request is delivered when the answer's status is 2xx. Otherwise:
//
//	no connection, no answer   worth another try
//	408, 425, 429, 5xx         worth another try, after Retry-After (2 minutes at most)
//	3xx                        worth another try: redirects are not followed
//	413                        sent again in halves; a single record is poison
//	400, 422                   the records of this request are dropped as rejected
//	any other 4xx, 501, 505    this and all that follow will never be taken
//
// A record may arrive more than once: when the answer to the request it was in
// got lost.
//
// # Templates
//
// A template is a JSON document. Its strings may hold fields in braces, those
// of templates of the text format (see [encode.Options]):
//
//	{"text": "{level} {logger}: {message}", "at": "{time}"}
//
// The document is read once, and what a record holds only ever becomes part of
// a string: no record makes the body something else. {message}, {exception:…}
// and {attr:…} keep their line feeds; other control characters, and those that
// change the direction of text, show as \x1b or \u202e. A brace is written
// {{ or }}.
//
// Three things stand for other than strings:
//
//	"{record}"                    as a whole string: the record as an object of the json format
//	{"$severity": {"trace": A, "warn": B, "error": C}}
//	                              the value of the highest severity that the record reaches
//	{"$records": A}               an array with A for each record of the request
//
// Without $records a request has one record. With it, fields elsewhere in the
// document show the most severe record of the request.
package webhook

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/gate"
	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
	"github.com/seed2f724858/sluice/exporters/internal/quote"
	"github.com/seed2f724858/sluice/record"
)

// Exporter sends records in requests. Its methods are safe for concurrent use;
// writes that run at the same time are requests at the same time.
type Exporter struct {
	url     *url.URL
	method  string
	header  http.Header
	client  *httpclient.Client
	body    body
	packer  *packer // nil without compression
	records int     // most in a request
	limit   int     // bytes of a body
	buffers sync.Pool
	gate    *gate.Gate
	adapter exporters.Adapter
}

var (
	_ exporters.Sink        = (*Exporter)(nil)
	_ exporters.Quiet       = (*Exporter)(nil)
	_ exporters.SDKExporter = (*Exporter)(nil)
)

// New returns an Exporter. It reads the TLS files, and connects when there is
// something to send.
func New(c Config) (*Exporter, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	u, err := parseURL(c.URL)
	if err != nil {
		return nil, fmt.Errorf("webhook: url: %w", err)
	}
	e := &Exporter{
		url:     u,
		method:  c.Method,
		header:  c.header(),
		records: c.MaxRecords,
		limit:   int(c.MaxRequestSize),
		gate:    gate.New(),
	}
	if e.body, err = newBody(c); err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	secrets := c.secrets(u)
	if t, ok := e.body.(*template); ok {
		secrets = append(secrets, t.keys()...)
	}
	if c.Compression == "gzip" {
		e.packer = new(packer)
	}
	e.client, err = httpclient.New(httpclient.Config{TLS: c.TLS, ProxyURL: c.ProxyURL, Timeout: c.Timeout, Secrets: secrets})
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	return e, nil
}

// secrets lists what must not show in an error though a server repeats it.
func (c Config) secrets(u *url.URL) []string {
	list := []string{c.URL.Reveal(), u.RequestURI(), u.Path}
	list = append(list, quote.QuerySecrets(u)...)
	list = append(list, quote.PathSecrets(u, 0)...)
	list = append(list, quote.HeaderSecrets(c.Headers)...)
	list = append(list, quote.BasicSecrets(c.Username, c.Password.Reveal())...)
	return append(list, c.BearerToken.Reveal())
}

// Write implements [exporters.Sink]. A batch larger than a request may be takes
// several requests; those that were answered count as delivered.
func (e *Exporter) Write(ctx context.Context, recs []record.Record) (n int, err error) {
	ctx, leave, err := e.gate.Enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	b, _ := e.buffers.Get().(*buffers)
	if b == nil {
		b = new(buffers)
	}
	defer e.recycle(b)

	var refused int
	var words error // of the first answer that refused records
	// After a 413 requests have at most this many records, up to the end of
	// those that were too many.
	most, until := e.records, 0
	for n < len(recs) {
		var k int
		b.plain, k = e.body.appendUpTo(b.plain[:0], recs[n:min(n+most, len(recs))], e.limit)
		answer, failure := e.send(ctx, b)
		switch {
		case failure == nil:
		case answer == refuses:
			if refused += k; words == nil {
				words = failure
			}
		case answer == tooLarge && k > 1:
			most, until = k/2, max(until, n+k)
			continue
		case answer == tooLarge:
			return n, rejected(refused, exporters.Poison(failure))
		default:
			return n, rejected(refused, failure)
		}
		if n += k; n >= until {
			most = e.records
		}
	}
	return n, rejected(refused, words)
}

// rejected adds to err, which may be nil, the number of records that were
// refused.
func rejected(n int, err error) error {
	if n == 0 {
		return err
	}
	return exporters.Rejected(n, err)
}

// Quiet implements [exporters.Quiet].
func (e *Exporter) Quiet() bool { return true }

// Export implements the SDK's exporter.
func (e *Exporter) Export(ctx context.Context, recs []exporters.SDKRecord) error {
	return e.adapter.Export(ctx, e, recs)
}

// ForceFlush implements [exporters.Sink]; nothing is held back.
func (e *Exporter) ForceFlush(context.Context) error { return nil }

// Shutdown implements [exporters.Sink]. Writes under way go on until ctx ends,
// and are then cut off: their records are worth another try.
func (e *Exporter) Shutdown(ctx context.Context) error {
	err := e.gate.Close(ctx)
	e.client.CloseIdle()
	if err != nil {
		return fmt.Errorf("webhook: shutdown: %w", err)
	}
	return nil
}
