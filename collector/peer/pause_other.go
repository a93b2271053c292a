//go:build !linux

package peer

// Stop skips the test: stopping a process is left to Linux.
func (p *Peer) Stop() {
	p.t.Helper()
	p.t.Skip("processes are stopped on Linux only")
}

// Cont lets the Collector go on after Stop.
func (p *Peer) Cont() {}
