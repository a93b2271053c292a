package socket

import "golang.org/x/sys/unix"

// unread returns how many bytes the receiver has not got: of TCP those that its
// system has not acknowledged (tcp(7), SIOCOUTQ), of a Unix socket those that
// it has not read, with what they cost the kernel.
func (p poller) unread() (bytes int, known bool) {
	var failed error
	err := p.rc.Control(func(fd uintptr) {
		bytes, failed = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	})
	return bytes, err == nil && failed == nil
}
