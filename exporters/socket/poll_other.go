//go:build !unix

package socket

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// poller reads from a socket without waiting longer than a millisecond, which
// is as short as it gets without system calls of its own.
type poller struct{ conn net.Conn }

func newPoller(conn net.Conn) (poller, error) { return poller{conn}, nil }

func (p poller) readNow(b []byte) (int, error) {
	if err := p.conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		return 0, err
	}
	n, err := p.conn.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errNothing
	}
	return n, errors.Join(err, p.conn.SetReadDeadline(time.Time{}))
}

func (p poller) pending() error { return nil }

// wsaeMsgSize is Winsock's EMSGSIZE.
const wsaeMsgSize = syscall.Errno(10040)

func isTooLarge(err error) bool { return errors.Is(err, wsaeMsgSize) }
