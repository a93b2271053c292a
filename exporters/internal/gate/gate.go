// Package gate lets the Writes of an exporter run side by side, and lets its
// Shutdown wait for them.
package gate

import (
	"context"
	"errors"
	"sync"

	"github.com/seed2f724858/sluice/exporters"
)

// ErrCutOff ends what a Shutdown could not wait for. It is not ErrClosed: the
// records are worth another try, by another exporter or after a restart.
var ErrCutOff = errors.New("cut off by Shutdown")

// Gate lets callers in until it is closed, and knows whether any are inside.
type Gate struct {
	cut    context.Context // ends when those inside are to leave
	cutOff context.CancelFunc

	mu     sync.Mutex
	closed bool
	inside int
	empty  chan struct{} // closed when the last has left a closed gate
}

// New returns an open Gate.
func New() *Gate {
	g := &Gate{empty: make(chan struct{})}
	g.cut, g.cutOff = context.WithCancel(context.Background())
	return g
}

// Enter returns a context that ends with ctx, and with ErrCutOff as its cause
// when the time is up for those inside; leave has to be called. After Close
// the error is [exporters.ErrClosed].
func (g *Gate) Enter(ctx context.Context) (inside context.Context, leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, nil, exporters.ErrClosed
	}
	g.inside++
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(g.cut, func() { cancel(ErrCutOff) })
	return ctx, func() {
		stop()
		cancel(nil)
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.inside--; g.inside == 0 && g.closed {
			close(g.empty)
		}
	}, nil
}

// Close lets nobody in any more and waits until all have left. Those that are
// still inside when ctx ends are cut off; it waits for them, too, and returns
// why ctx has ended. Further calls do nothing.
func (g *Gate) Close(ctx context.Context) error {
	g.mu.Lock()
	again, inside := g.closed, g.inside
	g.closed = true
	g.mu.Unlock()
	if again {
		return nil
	}
	defer g.cutOff()
	if inside == 0 {
		return nil
	}
	select {
	case <-g.empty:
		return nil
	case <-ctx.Done():
	}
	g.cutOff()
	<-g.empty
	return context.Cause(ctx)
}
