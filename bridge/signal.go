package bridge

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// WithSignals sets the signals that [OnSignal] waits for; the default is
// SIGTERM and SIGINT.
func WithSignals(signals ...os.Signal) EndOption {
	return func(e *ending) { e.signals = signals }
}

// OnSignal delivers what was logged, as [Exit] does, when the process is asked
// to end by SIGTERM or SIGINT, and then ends it by that same signal, so that
// its parent sees what happened. Where that cannot be, which is on Windows and
// for process 1 of a container, it ends with status 128 + the signal's number.
// A second signal ends it at once. Signals that were ignored at the start, as
// nohup does it, stay ignored.
//
//	defer bridge.OnSignal(bridge.WithShutdown(func(ctx context.Context) error {
//		return errors.Join(server.Shutdown(ctx), rt.Shutdown(ctx))
//	}))()
//
// stop, which that defers, gives the signals free. While a signal is being
// handled it does not return: main, whose server has ended, must not end the
// process before the records are delivered. So it must not be called by the
// shutdown function.
//
// A program that ends by itself when a context of [signal.NotifyContext] does
// needs none of this: its deferred Shutdown delivers.
func OnSignal(opts ...EndOption) (stop func()) {
	e := newEnding(opts)
	if e.signals == nil {
		e.signals = []os.Signal{syscall.SIGTERM, os.Interrupt}
	}
	came := make(chan os.Signal, 2) // the second one hurries
	for _, s := range e.signals {
		if !signal.Ignored(s) {
			signal.Notify(came, s)
		}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case s := <-came:
			e.endBy(s, came)
		case <-quit:
			select {
			case s := <-came: // just before stop
				e.endBy(s, came)
			default:
			}
		}
	}()
	return sync.OnceFunc(func() {
		signal.Stop(came)
		close(quit)
		<-done
	})
}

// endBy does not return.
func (e *ending) endBy(s os.Signal, second <-chan os.Signal) {
	go func() { die(<-second) }()
	e.report(e.within(context.Background(), e.deliver))
	die(s)
}
