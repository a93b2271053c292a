package peer

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Stop makes the Collector stand still, as SIGSTOP does: connections stay open,
// the kernel takes what fits into its buffers, and nobody answers. Cont ends
// that. On systems other than Linux it skips the test.
func (p *Peer) Stop() {
	p.t.Helper()
	pid := p.run.cmd.Process.Pid
	if err := p.run.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		p.t.Fatal("stop the Collector: ", err)
	}
	// The signal takes effect some time after it was sent.
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			p.t.Fatal("wait for the Collector to stop: ", err)
		}
		return
	}
}

// Cont lets the Collector go on after Stop.
func (p *Peer) Cont() {
	p.t.Helper()
	if err := p.run.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		p.t.Fatal("continue the Collector: ", err)
	}
}
