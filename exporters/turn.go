package exporters

import "context"

// Turn is a mutex for sinks: waiting for it ends with a context, so that a
// Write blocked by its destination takes no other caller's deadline away.
// NewTurn makes one.
type Turn chan struct{}

// NewTurn returns an unlocked Turn.
func NewTurn() Turn { return make(Turn, 1) }

// Lock waits for the turn; it returns ctx's error when that comes first. A
// free turn is taken even if ctx is done.
func (t Turn) Lock(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	default:
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Unlock passes the turn on.
func (t Turn) Unlock() { <-t }
