// Package otlpgrpc sends records to a server of OTLP over gRPC: a Collector,
// or a backend that speaks OTLP itself. It is a package apart from
// [github.com/seed2f724858/sluice/exporters/otlp], which speaks HTTP, because
// it links gRPC.
//
// # Delivery
//
// A record is delivered when the server has answered OK; records that it
// rejected by a partial success are counted. Nothing is queued or retried
// here. Errors say what may be tried again, by the rules of the specification
// (https://opentelemetry.io/docs/specs/otlp/#failures):
//
//	no connection, no answer in time      retryable
//	CANCELLED, DEADLINE_EXCEEDED,         retryable, after the time that
//	ABORTED, OUT_OF_RANGE, UNAVAILABLE,   RetryInfo names, at most 2 minutes
//	DATA_LOSS
//	RESOURCE_EXHAUSTED with RetryInfo     retryable after the time it names
//	a request too large for the server    split; a record alone: Poison
//	anything else                         Permanent
//
// A call that fails on the way may have reached the server: who tries again
// may deliver twice.
//
// # Connections
//
// The first Write dials. All Writes share one connection; when it breaks, or a
// call in it gets no answer within the timeout, the next Write makes a new
// one, and looks the name up again. Proxies are those of the environment, as
// gRPC has them: HTTPS_PROXY and NO_PROXY, also for http:// endpoints, by
// CONNECT.
//
// gRPC has a logger of its own for what happens to connections
// (google.golang.org/grpc/grpclog). It is silent about them unless
// GRPC_GO_LOG_SEVERITY_LEVEL says otherwise. Who replaces it by one that logs
// into the pipeline in front of this exporter makes each message cause the
// next.
package otlpgrpc

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/gate"
	"github.com/seed2f724858/sluice/exporters/internal/quote"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/settings"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/redact"
)

// Exporter sends records by OTLP/gRPC. It is safe for concurrent use;
// concurrent Writes share a connection and do not wait for each other.
type Exporter struct {
	adapter exporters.Adapter
	sink    exporters.Forwarder // a client, or a Failover of several
}

var (
	_ exporters.Forwarder   = (*Exporter)(nil)
	_ exporters.Detourer    = (*Exporter)(nil)
	_ exporters.Quiet       = (*Exporter)(nil)
	_ exporters.SDKExporter = (*Exporter)(nil)
)

// New returns an Exporter. It reads the files of TLS, but does not connect: a
// server that is down is no error.
func New(cfg Config) (*Exporter, error) {
	sink, err := newSink(cfg)
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	return &Exporter{sink: sink}, nil
}

func newSink(cfg Config) (exporters.Forwarder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	endpoints, err := cfg.parseEndpoints()
	if err != nil {
		return nil, err
	}
	if err := checkProxy(endpoints); err != nil {
		return nil, err
	}
	sinks := make([]exporters.Sink, len(endpoints))
	for i, e := range endpoints {
		c, err := newClient(cfg, e)
		if err != nil {
			return nil, err
		}
		if len(endpoints) == 1 {
			return c, nil
		}
		sinks[i] = c
	}
	return exporters.NewFailover(sinks...)
}

func newClient(cfg Config, e endpoint) (*client, error) {
	headers, err := cfg.allHeaders()
	if err != nil {
		return nil, err
	}
	md, agent := toMetadata(headers)
	security := insecure.NewCredentials()
	if e.usesTLS(cfg) {
		tlsConfig, err := cfg.TLS.Client()
		if err != nil {
			return nil, err
		}
		security = credentials.NewTLS(tlsConfig)
	}
	c := &client{
		name: e.name,
		conns: connections{
			target: e.target,
			options: []grpc.DialOption{
				grpc.WithTransportCredentials(security),
				grpc.WithUserAgent(agent),
				grpc.WithMaxHeaderListSize(maxHeader),
				grpc.WithDisableRetry(), // others try again
				// Settings come from the user, not from the DNS.
				grpc.WithDisableServiceConfig(),
			},
		},
		metadata: md,
		options: []grpc.CallOption{
			grpc.ForceCodecV2(codec{}),
			grpc.MaxCallRecvMsgSize(maxAnswer),
		},
		limit:   int(cfg.MaxRequestSize),
		encoder: encode.OTLPProto(),
		buffers: buffers{max: 2 * int(cfg.MaxRequestSize)},
		clean:   cleaner(headers),
		gate:    gate.New(),
	}
	if cfg.Compression == "gzip" {
		c.conns.options = append(c.conns.options, new(packer).option())
	}
	if cfg.Timeout != exporters.Unlimited {
		c.timeout = cfg.Timeout.Std()
	}
	return c, nil
}

// maxHeader bounds the headers of an answer, its error's text included.
const maxHeader = 256 << 10

// cleaner returns what makes texts from outside fit for errors. Some are whole
// answers of a proxy, which know the password for it.
func cleaner(headers map[string]exporters.Secret) func(string) string {
	own := quote.NewCleaner(append(settings.Secrets(headers, nil), quote.ProxySecrets()...)...)
	return func(s string) string {
		s, _ = redact.Default().String(own.Hide(s))
		return quote.Line(s)
	}
}

// Write implements [exporters.Sink].
func (e *Exporter) Write(ctx context.Context, recs []record.Record) (int, error) {
	return e.sink.Write(ctx, recs)
}

// Forwards implements [exporters.Forwarder].
func (e *Exporter) Forwards() bool { return e.sink.Forwards() }

// WriteOTLP implements [exporters.Forwarder].
func (e *Exporter) WriteOTLP(ctx context.Context, recs []encode.OTLPRecord) (int, error) {
	return e.sink.WriteOTLP(ctx, recs)
}

// Quiet implements [exporters.Quiet].
func (e *Exporter) Quiet() bool { return exporters.IsQuiet(e.sink) }

// Export implements the SDK's exporter.
func (e *Exporter) Export(ctx context.Context, recs []exporters.SDKRecord) error {
	return e.adapter.Export(ctx, e, recs)
}

// Counts implements [exporters.Detourer]: where records went, if there are
// several endpoints.
func (e *Exporter) Counts() exporters.FailoverCounts {
	if f, ok := e.sink.(*exporters.Failover); ok {
		return f.Counts()
	}
	return exporters.FailoverCounts{}
}

// ForceFlush implements [exporters.Sink]; nothing is held.
func (e *Exporter) ForceFlush(ctx context.Context) error { return e.sink.ForceFlush(ctx) }

// Shutdown implements [exporters.Sink]. Writes under way go on until ctx ends
// and are then cut off: their records are worth another try.
func (e *Exporter) Shutdown(ctx context.Context) error { return e.sink.Shutdown(ctx) }
