package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/file"
	"github.com/seed2f724858/sluice/processors"
)

// openSluice logs directly into a pipeline that writes a rotating file. It
// waits when the queue is full, so that everything is delivered.
func openSluice(dir string, size int) (*session, error) {
	p, err := filePipeline(dir, size)
	if err != nil {
		return nil, err
	}
	return pipelineSession(p), nil
}

// openSluiceSDK logs through otelslog and the SDK into the same pipeline, which
// stands where the SDK's batch processor would.
func openSluiceSDK(dir string, size int) (*session, error) {
	return openThroughSDK(dir, size, func(provider log.LoggerProvider) *slog.Logger {
		return otelslog.NewLogger(loggerName, otelslog.WithLoggerProvider(provider))
	})
}

// openSluiceTail puts the bridge in front of that.
func openSluiceTail(dir string, size int) (*session, error) {
	return openThroughSDK(dir, size, func(provider log.LoggerProvider) *slog.Logger {
		return bridge.NewLogger(loggerName, bridge.WithLoggerProvider(provider))
	})
}

func openThroughSDK(dir string, size int, logger func(log.LoggerProvider) *slog.Logger) (*session, error) {
	p, err := filePipeline(dir, size)
	if err != nil {
		return nil, err
	}
	provider := sdklog.NewLoggerProvider(p.ProviderOptions()...)
	l := logger(provider)
	return slogSession(l, l, func() error {
		ctx := context.Background()
		return errors.Join(p.Shutdown(ctx), provider.Shutdown(ctx))
	}), nil
}

func filePipeline(dir string, size int) (*processors.Pipeline, error) {
	sink, err := file.New(fileConfig(dir, size))
	if err != nil {
		return nil, err
	}
	return pipelineTo(sink, processors.Block)
}

func fileConfig(dir string, size int) file.Config {
	cfg := file.DefaultConfig()
	cfg.Path = filepath.Join(dir, "app.jsonl")
	cfg.Rotation.MaxSize = exporters.Size(size) * exporters.MiB
	cfg.Retention.MaxFiles = file.KeepAll
	return cfg
}

func pipelineTo(sink exporters.Sink, full processors.OnFull) (*processors.Pipeline, error) {
	cfg := processors.DefaultBatchConfig()
	cfg.OnFull = full
	cfg.BlockTimeout = exporters.Unlimited
	cfg.Match = &processors.Match{MinimumSeverity: processors.Severity(log.SeverityInfo)}
	batch, err := processors.NewBatch(sink, cfg)
	if err != nil {
		return nil, errors.Join(err, sink.Shutdown(context.Background()))
	}
	p, err := processors.NewPipeline(processors.DefaultConfig(), batch)
	if err != nil {
		return nil, errors.Join(err, batch.Shutdown(context.Background()))
	}
	return p, nil
}

func pipelineSession(p *processors.Pipeline) *session {
	l := bridge.NewLogger(loggerName, bridge.WithPipeline(p))
	return slogSession(l, l, func() error { return p.Shutdown(context.Background()) })
}

// sluiceDropping is sluice in front of any sink with its default policy for a
// full queue, drop_lowest.
func sluiceDropping(sink exporters.Sink) (*session, error) {
	p, err := pipelineTo(sink, processors.DefaultBatchConfig().OnFull)
	if err != nil {
		return nil, err
	}
	return pipelineSession(p), nil
}
