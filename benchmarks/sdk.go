package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutlog"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
)

// stdoutlogID precedes the id in stdoutlog's own layout.
const stdoutlogID = `{"Key":"` + keyID + `","Value":{"Type":"INT64","Value":`

func openSDKDiscard(string, int) (*session, error) {
	return sdkSession(sdklog.NewBatchProcessor(discardExporter{}), io.NopCloser(nil)), nil
}

func openSDKBatchFile(dir string, _ int) (*session, error) {
	e, f, err := stdoutlogFile(dir)
	if err != nil {
		return nil, err
	}
	return sdkSession(sdklog.NewBatchProcessor(e), f), nil
}

func openSDKSimpleFile(dir string, _ int) (*session, error) {
	e, f, err := stdoutlogFile(dir)
	if err != nil {
		return nil, err
	}
	return sdkSession(sdklog.NewSimpleProcessor(e), f), nil
}

func stdoutlogFile(dir string) (sdklog.Exporter, *os.File, error) {
	f, err := os.Create(filepath.Join(dir, "app.jsonl"))
	if err != nil {
		return nil, nil, err
	}
	e, err := stdoutlog.New(stdoutlog.WithWriter(f))
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return e, f, nil
}

func sdkSession(p sdklog.Processor, w io.Closer) *session {
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(p))
	// A batch processor has no level: this is how the SDK's users disable one.
	quiet := sdklog.NewLoggerProvider(sdklog.WithProcessor(minimum{p}))
	return slogSession(
		otelslog.NewLogger(loggerName, otelslog.WithLoggerProvider(provider)),
		otelslog.NewLogger(loggerName, otelslog.WithLoggerProvider(quiet)),
		func() error { return errors.Join(provider.Shutdown(context.Background()), w.Close()) })
}

// minimum lets INFO and more severe records pass.
type minimum struct{ sdklog.Processor }

func (m minimum) Enabled(_ context.Context, p sdklog.EnabledParameters) bool {
	return p.Severity >= log.SeverityInfo
}

type discardExporter struct{}

func (discardExporter) Export(context.Context, []sdklog.Record) error { return nil }
func (discardExporter) ForceFlush(context.Context) error              { return nil }
func (discardExporter) Shutdown(context.Context) error                { return nil }
