//go:build !windows

package bridge

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// die ends the process by the default action of s. The kernel has none for
// process 1 of a container.
func die(s os.Signal) {
	number, _ := s.(syscall.Signal)
	if os.Getpid() != 1 {
		signal.Reset(s)
		_ = syscall.Kill(os.Getpid(), number)
		time.Sleep(time.Second) // another thread may be the one that takes it
	}
	os.Exit(128 + int(number))
}
