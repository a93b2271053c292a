//go:build unix

package socket

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// poller reads from a socket without waiting.
type poller struct{ rc syscall.RawConn }

func newPoller(conn net.Conn) (poller, error) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return poller{}, fmt.Errorf("%T is no socket", conn)
	}
	rc, err := sc.SyscallConn()
	return poller{rc}, err
}

// readNow is Read, but returns errNothing when it would have to wait.
func (p poller) readNow(b []byte) (n int, err error) {
	var errno error
	err = p.rc.Read(func(fd uintptr) bool {
		for {
			if n, errno = unix.Read(int(fd), b); errno != unix.EINTR {
				return true
			}
		}
	})
	switch {
	case err != nil:
		return 0, err
	case errors.Is(errno, unix.EAGAIN):
		return 0, errNothing
	case errno != nil:
		return 0, os.NewSyscallError("read", errno)
	}
	return n, nil
}

// pending returns the socket's error that no call has reported yet.
func (p poller) pending() error {
	var value int
	var errno error
	if err := p.rc.Control(func(fd uintptr) {
		value, errno = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	}); err != nil || errno != nil || value == 0 {
		return nil
	}
	return os.NewSyscallError("write", unix.Errno(value))
}

func isTooLarge(err error) bool { return errors.Is(err, unix.EMSGSIZE) }
