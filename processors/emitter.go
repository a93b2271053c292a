package processors

import (
	"context"
	"fmt"
	"time"

	"github.com/seed2f724858/sluice/record"
)

// emitter hands on the records that a step makes itself: not within a log
// call, so errors go to the error handler.
type emitter struct {
	name     string
	turn     chan struct{} // holds one token, of the goroutine whose turn it is
	failures *failures
	ending   ending
}

func newEmitter(name string) emitter {
	return emitter{name: name, turn: make(chan struct{}, 1), failures: newFailures(), ending: newEnding()}
}

func (d *Dedup) reports() *failures     { return d.emitter.failures }
func (l *RateLimit) reports() *failures { return l.emitter.failures }

// emit hands r on. The step must not hold a lock that its OnEmit takes: what
// follows may block, or log.
func (e *emitter) emit(next Next, r *record.Record) {
	// The record is no caller's: neither is its context.
	err := contain("what follows", func() error { return next(context.Background(), r) })
	if err != nil {
		e.failures.add(fmt.Errorf("processors: %s: %w", e.name, err))
	}
}

// inTurn has do hand records on when nobody else does.
func (e *emitter) inTurn(do func()) {
	e.turn <- struct{}{}
	defer func() { <-e.turn }()
	do()
}

// patience bounds how long a flush waits for what follows to take records. A
// queue that is full and blocks is let go by its own Shutdown, which comes
// after this step's.
const patience = 5 * time.Second

// flush is inTurn, and waits for it no longer than ctx allows, and for patience.
func (e *emitter) flush(ctx context.Context, do func()) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.inTurn(do)
	}()
	if _, ok := await(ctx, done); !ok {
		return fmt.Errorf("processors: %s: what follows takes no records: %w", e.name, ctx.Err())
	}
	return nil
}
