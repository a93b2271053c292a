package socket

import (
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// listenUDP returns a socket that drops nothing of what a test sends, which
// the system grants to few.
func listenUDP(t testing.TB) (conn net.PacketConn, endpoint string) {
	t.Helper()
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) (err error) {
		if cerr := rc.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
		}); cerr != nil {
			return cerr
		}
		return err
	}}
	conn, err := lc.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Skipf("needs a receive buffer that only root may ask for: %v", err)
	}
	return conn, "udp://" + conn.LocalAddr().String()
}
