//go:build !linux && !darwin

package socket

// unread cannot tell how many bytes the receiver has not got.
func (p poller) unread() (bytes int, known bool) { return 0, false }
