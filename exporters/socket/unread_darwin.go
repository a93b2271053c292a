package socket

import "golang.org/x/sys/unix"

// unread returns how many bytes of TCP the receiver's system has not
// acknowledged (getsockopt(2), SO_NWRITE).
func (p poller) unread() (bytes int, known bool) {
	var failed error
	err := p.rc.Control(func(fd uintptr) {
		bytes, failed = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NWRITE)
	})
	return bytes, err == nil && failed == nil
}
