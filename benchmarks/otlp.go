package main

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp"
	"github.com/seed2f724858/sluice/exporters/otlp/otlpgrpc"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/spool"
)

// The transports of OTLP.
const (
	overHTTP     = "HTTP"
	overHTTPGzip = "HTTP, gzip"
	overGRPC     = "gRPC"
)

// otlpContestant is one way to send log records to a Collector.
type otlpContestant struct {
	name string
	open func(j job) (*session, error)
}

// The contestants that send to a Collector.
const (
	sluiceOTLP    = "sluice"
	sluiceSpooled = "sluice, disk queue"
	// stockOTLP has the SDK's defaults: what comes faster than it is sent is
	// lost.
	stockOTLP = "otelslog, SDK batch, stock exporter"
	// stockOTLPFlushed waits before the queue is full, so that nothing is lost:
	// what is compared with it is the cost of sending, not of dropping.
	stockOTLPFlushed = "otelslog, SDK batch, stock exporter, flushed in time"
)

func otlpContestants() []otlpContestant {
	return []otlpContestant{
		{sluiceOTLP, openSluiceOTLP},
		{sluiceSpooled, openSpooledOTLP},
		{stockOTLP, func(j job) (*session, error) {
			s, _, err := openStockOTLP(j)
			return s, err
		}},
		{stockOTLPFlushed, openFlushedOTLP},
	}
}

func otlpNamed(name string) (otlpContestant, error) {
	for _, c := range otlpContestants() {
		if c.name == name {
			return c, nil
		}
	}
	return otlpContestant{}, fmt.Errorf("no contestant that sends OTLP is called %q", name)
}

// openSluiceOTLP waits when the queue is full, so that everything is
// delivered; queue and batches are as large as they are by default.
func openSluiceOTLP(j job) (*session, error) {
	return openDecorated(j, func(sink exporters.Sink) (exporters.Sink, error) {
		return exporters.NewRetry(sink, exporters.DefaultRetryConfig())
	})
}

// openSpooledOTLP has everything go over the disk.
func openSpooledOTLP(j job) (*session, error) {
	return openDecorated(j, func(sink exporters.Sink) (exporters.Sink, error) {
		return spool.New(sink, spoolConfig(j.Dir))
	})
}

func openDecorated(j job, decorate func(exporters.Sink) (exporters.Sink, error)) (*session, error) {
	sink, err := sluiceExporter(j)
	if err != nil {
		return nil, err
	}
	decorated, err := decorate(sink)
	if err != nil {
		return nil, errors.Join(err, sink.Shutdown(context.Background()))
	}
	p, err := pipelineTo(decorated, processors.Block)
	if err != nil {
		return nil, err
	}
	return pipelineSession(p), nil
}

func sluiceExporter(j job) (exporters.Sink, error) {
	if j.Sink == overGRPC {
		cfg := otlpgrpc.DefaultConfig()
		cfg.Endpoint = j.GRPC
		return otlpgrpc.New(cfg)
	}
	cfg := otlp.DefaultConfig()
	cfg.Endpoint = j.HTTP + "/v1/logs"
	if j.Sink == overHTTPGzip {
		cfg.Compression = "gzip"
	}
	return otlp.New(cfg)
}

func openStockOTLP(j job) (*session, *sdklog.LoggerProvider, error) {
	e, err := stockExporter(j)
	if err != nil {
		return nil, nil, err
	}
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(e)))
	l := otelslog.NewLogger(loggerName, otelslog.WithLoggerProvider(provider))
	return slogSession(l, l, func() error { return provider.Shutdown(context.Background()) }), provider, nil
}

func stockExporter(j job) (sdklog.Exporter, error) {
	ctx := context.Background()
	if j.Sink == overGRPC {
		return otlploggrpc.New(ctx, otlploggrpc.WithEndpointURL(j.GRPC))
	}
	compression := otlploghttp.NoCompression
	if j.Sink == overHTTPGzip {
		compression = otlploghttp.GzipCompression
	}
	return otlploghttp.New(ctx, otlploghttp.WithEndpointURL(j.HTTP+"/v1/logs"), otlploghttp.WithCompression(compression))
}

// flushEvery is less than the 2048 records that the SDK's queue holds.
const flushEvery = 2 * 512

func openFlushedOTLP(j job) (*session, error) {
	s, provider, err := openStockOTLP(j)
	if err != nil {
		return nil, err
	}
	call := s.call
	s.call = func(from, n int) {
		for ; n > 0; from, n = from+flushEvery, n-flushEvery {
			call(from, min(n, flushEvery))
			_ = provider.ForceFlush(context.Background()) // what is not delivered shows in the Collector's count
		}
	}
	return s, nil
}

// runOTLP floods the Collector whose addresses the job has.
func runOTLP(j job) (result, error) {
	c, err := otlpNamed(j.Contestant)
	if err != nil {
		return result{}, err
	}
	s, err := c.open(j)
	if err != nil {
		return result{}, err
	}
	return flood(j, s)
}

// sendOTLP does the job in a process of its own against a Collector of its own,
// and asks that what arrived.
func sendOTLP(j job) (r result, err error) {
	c, err := startSink(j.Command, j.Dir)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	j.HTTP, j.GRPC = c.http, c.grpc
	if r, err = measure(j); err != nil {
		return result{}, err
	}
	arrived, err := c.accepted()
	r.Delivered = float64(min(arrived, j.Records)) / float64(j.Records)
	r.Duplicates = max(0, arrived-j.Records)
	return r, err
}

// sentPerCPU counts the records that arrived for each second of CPU time that
// the sender spent.
func sentPerCPU(records int) func(result) float64 {
	return func(r result) float64 { return r.Delivered * float64(records) / r.CPU }
}

func otlpDetails(runs []result, records int) string {
	s := fmt.Sprintf("%s delivered, %s records/s, %.2f CPU s, %.0f MiB", percent(runs),
		number(median(runs, rate(records))), median(runs, cpu), median(runs, rss)/(1<<20))
	duplicates := 0
	for _, r := range runs {
		duplicates += r.Duplicates
	}
	if duplicates > 0 {
		s += fmt.Sprintf(", %d duplicates", duplicates)
	}
	return s
}
