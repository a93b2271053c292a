package otlp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/gate"
	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/answer"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/delivery"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/settings"
	"github.com/seed2f724858/sluice/record"
)

// sender is the exporter for one endpoint.
type sender struct {
	url    *url.URL
	client *httpclient.Client
	json   bool
	upTo   delivery.Append[record.Record]
	limit  int // of a request, in bytes

	headers [compressions]http.Header // by what the body is compressed with
	packer  packer
	buffers sync.Pool // *buffers
	gate    *gate.Gate
}

func newSender(c Config, u *url.URL, headers map[string]exporters.Secret, client httpclient.Config) (*sender, error) {
	s := &sender{
		url:   u,
		json:  c.Encoding == "json",
		upTo:  encode.OTLPProto().AppendUpTo,
		limit: int(c.MaxRequestSize),
		gate:  gate.New(),
	}
	contentType := typeProto
	if s.json {
		contentType = typeJSON
		s.upTo = encode.OTLPJSON().AppendUpTo
	}
	client.Secrets = settings.Secrets(headers, u)
	var err error
	if s.client, err = httpclient.New(client); err != nil {
		return nil, err
	}
	if err := s.packer.init(c.Compression); err != nil {
		return nil, err
	}
	for how := range s.headers {
		h := http.Header{"User-Agent": {settings.UserAgent()}, "Content-Type": {contentType}}
		if name := compression(how).String(); name != "" {
			h.Set("Content-Encoding", name)
		}
		for name, value := range headers {
			h.Set(name, value.Reveal())
		}
		s.headers[how] = h
	}
	return s, nil
}

// Write implements [exporters.Sink].
func (s *sender) Write(ctx context.Context, recs []record.Record) (int, error) {
	return deliver(ctx, s, recs, s.upTo)
}

// Forwards implements [exporters.Forwarder].
func (s *sender) Forwards() bool { return !s.json }

// WriteOTLP implements [exporters.Forwarder].
func (s *sender) WriteOTLP(ctx context.Context, recs []encode.OTLPRecord) (int, error) {
	if s.json {
		return 0, errors.New("otlp: records that are encoded cannot go out as JSON")
	}
	return deliver(ctx, s, recs, encode.AppendOTLPRecords)
}

// ForceFlush implements [exporters.Sink].
func (s *sender) ForceFlush(context.Context) error { return nil }

// Quiet implements [exporters.Quiet].
func (s *sender) Quiet() bool { return true }

// Shutdown implements [exporters.Sink].
func (s *sender) Shutdown(ctx context.Context) error {
	err := s.gate.Close(ctx)
	s.client.CloseIdle()
	if err != nil {
		return fmt.Errorf("otlp: shutdown: %w", err)
	}
	return nil
}

// buffers are the memory of one Write.
type buffers struct{ plain, packed []byte }

// deliver sends recs in as many requests as it takes.
func deliver[R any](ctx context.Context, s *sender, recs []R, upTo delivery.Append[R]) (n int, err error) {
	ctx, leave, err := s.gate.Enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	b, _ := s.buffers.Get().(*buffers)
	if b == nil {
		b = new(buffers)
	}
	defer s.recycle(b)

	return delivery.Deliver(recs, func(recs []R) (k int, success answer.Success, err error) {
		b.plain, k = delivery.Request(b.plain[:0], recs, s.limit, upTo)
		success, err = s.send(ctx, b)
		return k, success, err
	}, s.refusal)
}

// recycle keeps b for the next Write, unless a single huge record made it
// large.
func (s *sender) recycle(b *buffers) {
	if cap(b.plain) <= 2*s.limit && cap(b.packed) <= 2*s.limit {
		s.buffers.Put(b)
	}
}
