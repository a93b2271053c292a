package otlp

import (
	"context"
	"errors"
	"sync"

	"github.com/seed2f724858/sluice/exporters"
)

// errCutOff ends the requests that Shutdown's context did not wait for. It
// must not be ErrClosed: their records are worth another try, by another
// exporter or after a restart.
var errCutOff = errors.New("cut off by Shutdown")

// gate lets Writes in until it is shut, and knows whether any are inside.
type gate struct {
	cut    context.Context // ends when those inside are to leave
	cutOff context.CancelFunc

	mu     sync.Mutex
	shut   bool
	inside int
	empty  chan struct{} // closed when the last has left a gate that is shut
}

func newGate() *gate {
	g := &gate{empty: make(chan struct{})}
	g.cut, g.cutOff = context.WithCancel(context.Background())
	return g
}

// enter returns a context that also ends when the time is up for those inside;
// leave has to be called. The error is ErrClosed.
func (g *gate) enter(ctx context.Context) (inside context.Context, leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return nil, nil, exporters.ErrClosed
	}
	g.inside++
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(g.cut, func() { cancel(errCutOff) })
	return ctx, func() {
		stop()
		cancel(nil)
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.inside--; g.inside == 0 && g.shut {
			close(g.empty)
		}
	}, nil
}

// close lets nobody in any more and waits until all have left; those still
// there when ctx ends have to, and it returns ctx's error. Further calls do
// nothing.
func (g *gate) close(ctx context.Context) error {
	g.mu.Lock()
	again, inside := g.shut, g.inside
	g.shut = true
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
	<-g.empty // at once: requests end with their contexts
	return context.Cause(ctx)
}
