// Package processors is the pipeline between log calls and exporters: steps
// that decide, change, copy or keep records, and the batch engine that hands
// them to exporters without ever blocking the caller unless it was asked to.
package processors

import (
	"context"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

// Next hands a record to what follows a step: the next step of the list. A
// step gets the same Next at every call and may keep it, to emit records of its
// own later, from any goroutine, until its Shutdown has returned.
type Next func(ctx context.Context, r *record.Record) error

// Processor is one step of a pipeline. All methods may be called concurrently.
//
// A record flows from step to step down the list. A step that delivers records
// itself (batch, simple, route) also implements [Brancher].
type Processor interface {
	// Enabled reports whether the step has a use for such records: whether it
	// would deliver them if it is a Brancher, whether it lets them pass if it
	// is not. It is true when unsure, never blocks, and its answer for a
	// scope and severity may be cached until [Pipeline.Refresh]. scope may be
	// nil, event empty. A panic counts as true.
	Enabled(ctx context.Context, scope *record.Origin, sev log.Severity, event string) bool
	// OnEmit takes one record. It may change r, stop it by not calling next,
	// or emit others through next. r is borrowed until OnEmit returns; a step
	// that keeps it clones it. A slice that it assigns to r.Attributes is the
	// record's from then on, and will be overwritten by later records: never
	// one that the step keeps or shares. A cancelled ctx is no reason to stop.
	OnEmit(ctx context.Context, r *record.Record, next Next) error
	// ForceFlush exports what the step still holds, within ctx's deadline.
	ForceFlush(ctx context.Context) error
	// Shutdown includes ForceFlush. Steps are shut down from first to last,
	// and what the step emits meanwhile still reaches those behind it. Those
	// that are no Branchers have half of the time that the pipeline has, all
	// together; one that does not return within it is left behind.
	// Afterwards every call is a no-op that returns nil, but that OnEmit hands
	// records on: what comes too late is counted by the branch that gets it.
	Shutdown(ctx context.Context) error
}

// Brancher is a Processor that delivers records to exporters.
type Brancher interface {
	Processor
	// Branches returns every branch below the step, in order.
	Branches() []Branch
}

// Counted is a Processor that keeps books on what it stops, holds, adds and
// changes.
type Counted interface {
	Processor
	// Books returns a consistent snapshot.
	Books() StepStats
}

// Branch is one way to one exporter.
type Branch interface {
	// Stats returns the branch's books as one consistent snapshot.
	Stats() ExporterStats
}
