// Package discard is the null sink: it takes every record and keeps none.
package discard

import (
	"context"
	"sync/atomic"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

// Config has no settings.
type Config struct{}

// DefaultConfig returns the only Config there is.
func DefaultConfig() Config { return Config{} }

// Validate finds nothing wrong.
func (Config) Validate() error { return nil }

// Exporter takes records and forgets them.
type Exporter struct {
	adapter exporters.Adapter
	closed  atomic.Bool
}

var (
	_ exporters.Sink        = (*Exporter)(nil)
	_ exporters.SDKExporter = (*Exporter)(nil)
)

// New returns an Exporter; its error is always nil.
func New(Config) (*Exporter, error) { return new(Exporter), nil }

// Write implements [exporters.Sink].
func (e *Exporter) Write(_ context.Context, recs []record.Record) (int, error) {
	if e.closed.Load() {
		return 0, exporters.ErrClosed
	}
	return len(recs), nil
}

// Quiet implements [exporters.Quiet].
func (e *Exporter) Quiet() bool { return true }

// Export implements the SDK's exporter.
func (e *Exporter) Export(ctx context.Context, recs []exporters.SDKRecord) error {
	return e.adapter.Export(ctx, e, recs)
}

// ForceFlush implements [exporters.Sink]; there is nothing to flush.
func (e *Exporter) ForceFlush(context.Context) error { return nil }

// Shutdown implements [exporters.Sink].
func (e *Exporter) Shutdown(context.Context) error {
	e.closed.Store(true)
	return nil
}
