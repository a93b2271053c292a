package processors

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

// emitter hands on the records that a step makes itself: not within a log
// call, so errors go to the error handler.
type emitter struct {
	name     string
	turn     exporters.Turn // of handing on
	over     atomic.Bool    // Shutdown is done with handing on
	added    atomic.Uint64  // records handed on
	failures *failures
	ending   ending
}

func newEmitter(name string) emitter {
	return emitter{name: name, turn: exporters.NewTurn(), failures: newFailures(), ending: newEnding()}
}

func (d *Dedup) reports() *failures     { return d.emitter.failures }
func (l *RateLimit) reports() *failures { return l.emitter.failures }

// emit hands r on. The step must not hold a lock that its OnEmit takes: what
// follows may block, log, or end the goroutine.
func (e *emitter) emit(next Next, r *record.Record) {
	e.added.Add(1)
	// The record is no caller's: neither is its context.
	err := contain("what follows", func() error { return next(context.Background(), r) })
	if err != nil {
		e.failures.add(fmt.Errorf("processors: %s: %w", e.name, err))
	}
}

// emitAll hands records on until Shutdown gives up.
func (e *emitter) emitAll(next Next, recs []*record.Record) {
	for _, r := range recs {
		if e.over.Load() {
			return
		}
		e.emit(next, r)
	}
}

// inTurn has do hand records on when nobody else does.
func (e *emitter) inTurn(do func()) {
	_ = e.turn.Lock(context.Background()) // which never ends
	defer e.turn.Unlock()
	do()
}

// patience bounds how long a flush waits for what follows to take records.
const patience = 5 * time.Second

// flush is inTurn, and waits no longer than ctx allows, and for patience; do
// goes on after that. However many flushes there are, one of them does
// something.
func (e *emitter) flush(ctx context.Context, do func()) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := e.turn.Lock(ctx)
	if err == nil {
		err = aside(ctx, "what follows", func() error {
			defer e.turn.Unlock()
			do()
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("processors: %s: what follows takes no records: %w", e.name, err)
	}
	return nil
}

// close flushes for the last time. When it returns, nothing more is handed on
// but the record that may be stuck; what is left is in nobody's Added.
func (e *emitter) close(ctx context.Context, do func()) error {
	err := e.flush(ctx, do)
	e.over.Store(true)
	if err != nil { // the record before may just be on its way
		ctx, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		if e.turn.Lock(ctx) == nil {
			e.turn.Unlock()
		}
	}
	e.failures.close(ctx)
	return err
}
