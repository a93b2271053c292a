// Package otlp sends records to OpenTelemetry receivers by OTLP over HTTP
// (https://opentelemetry.io/docs/specs/otlp/#otlphttp), in protobuf or JSON.
// Package otlpgrpc below it does so over gRPC.
//
// A request is delivered when the receiver answers with a status of 2xx. What
// becomes of its records otherwise:
//
//	429, 502, 503, 504      worth another try, after Retry-After (2 minutes at most)
//	3xx, a web page         worth another try: somebody else is answering
//	no connection, no answer, a certificate that cannot be verified
//	                        worth another try
//	413                     sent again in halves; a single record is poison
//	any other 4xx or 5xx    never taken, as the specification demands
//	2xx, partial success    delivered; those rejected are counted as dropped
//
// As with any OTLP exporter, a record may arrive more than once: when the
// answer to the request it was in got lost.
package otlp

import (
	"context"
	"fmt"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/settings"
	"github.com/seed2f724858/sluice/record"
)

// Exporter sends records to one endpoint, or to the first of several that
// works. Writes that run at the same time are requests at the same time.
type Exporter struct {
	to      exporters.Forwarder
	adapter exporters.Adapter
}

var (
	_ exporters.Forwarder   = (*Exporter)(nil)
	_ exporters.Quiet       = (*Exporter)(nil)
	_ exporters.Detourer    = (*Exporter)(nil)
	_ exporters.SDKExporter = (*Exporter)(nil)
)

// New returns an Exporter. It reads the files of c.TLS, if an endpoint has
// TLS, and connects when there is something to send.
func New(c Config) (*Exporter, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	urls, err := c.endpoints()
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	headers, err := settings.Headers(c.Headers, c.HeadersList)
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	client := httpclient.Config{TLS: c.usedTLS(), ProxyURL: c.ProxyURL, Timeout: c.Timeout}
	senders := make([]exporters.Sink, len(urls))
	for i, u := range urls {
		senders[i], err = newSender(c, u, headers, client)
		if err != nil {
			return nil, fmt.Errorf("otlp: %w", err)
		}
	}
	if len(senders) == 1 {
		return &Exporter{to: senders[0].(*sender)}, nil
	}
	failover, err := exporters.NewFailover(senders...)
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	return &Exporter{to: failover}, nil
}

// Write implements [exporters.Sink]. A batch larger than a request may be takes
// several requests; those that were answered count as delivered.
func (e *Exporter) Write(ctx context.Context, recs []record.Record) (int, error) {
	return e.to.Write(ctx, recs)
}

// Forwards implements [exporters.Forwarder]: records that are encoded go out
// as protobuf only.
func (e *Exporter) Forwards() bool { return e.to.Forwards() }

// WriteOTLP implements [exporters.Forwarder].
func (e *Exporter) WriteOTLP(ctx context.Context, recs []encode.OTLPRecord) (int, error) {
	return e.to.WriteOTLP(ctx, recs)
}

// Export implements the SDK's exporter.
func (e *Exporter) Export(ctx context.Context, recs []exporters.SDKRecord) error {
	return e.adapter.Export(ctx, e, recs)
}

// ForceFlush implements [exporters.Sink]; nothing is held back.
func (e *Exporter) ForceFlush(ctx context.Context) error { return e.to.ForceFlush(ctx) }

// Shutdown implements [exporters.Sink]. Writes under way go on until ctx ends,
// and are then cut off: their records are worth another try.
func (e *Exporter) Shutdown(ctx context.Context) error { return e.to.Shutdown(ctx) }

// Quiet implements [exporters.Quiet].
func (e *Exporter) Quiet() bool { return true }

// Counts implements [exporters.Detourer]: where records went, if there are
// several endpoints.
func (e *Exporter) Counts() exporters.FailoverCounts {
	if f, ok := e.to.(*exporters.Failover); ok {
		return f.Counts()
	}
	return exporters.FailoverCounts{}
}
