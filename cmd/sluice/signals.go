package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signals is what the outside asks of a command that is running.
type signals struct {
	// end is done at the first SIGINT or SIGTERM: take no more input, drain.
	end context.Context
	// hurry is done at the second: give up what is not drained yet.
	hurry context.Context
	// reopen gets a value for each SIGHUP, or for several of them, and is
	// closed in the end.
	reopen <-chan struct{}
}

// watchSignals catches SIGINT and SIGTERM until the returned function is
// called, which also ends the goroutine behind it.
//
// A broken pipe never kills the process, because other destinations may be in
// order; with endOnBrokenPipe it ends the input like SIGTERM, for commands
// whose only destination is their own output. SIGHUP does not
// end anything: a closed terminal shows as the end of the input.
func watchSignals(parent context.Context, endOnBrokenPipe bool) (signals, func()) {
	end, cancelEnd := context.WithCancel(parent)
	hurry, cancelHurry := context.WithCancel(parent)
	caught := make(chan os.Signal, 4)
	signal.Notify(caught, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	reopen := make(chan struct{}, 1)
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		defer close(reopen)
		for {
			select {
			case <-done:
				return
			case s := <-caught:
				switch {
				case s == syscall.SIGHUP:
					select {
					case reopen <- struct{}{}:
					default: // one is on its way
					}
				case s == syscall.SIGPIPE:
					if endOnBrokenPipe {
						cancelEnd()
					}
				case end.Err() == nil:
					cancelEnd()
				default:
					cancelHurry()
				}
			}
		}
	}()
	return signals{end: end, hurry: hurry, reopen: reopen}, func() {
		// A late SIGHUP is no reason to end otherwise than well.
		signal.Ignore(syscall.SIGHUP)
		signal.Stop(caught)
		close(done)
		<-stopped
		cancelEnd()
		cancelHurry()
	}
}
