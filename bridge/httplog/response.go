package httplog

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/felixge/httpsnoop"
)

// response is what a handler did to its ResponseWriter.
type response struct {
	status   int // the first that is final, 0 before
	written  int64
	hijacked bool
}

// untouched reports whether a status can still be sent.
func (s *response) untouched() bool { return s.status == 0 && !s.hijacked }

// sent notes a status, or the 200 that net/http sends in front of a body. Of
// several the first counts, as in net/http; those that only inform (RFC 9110,
// section 15.2) do not, but for 101, which is the last. When the connection is
// no longer its own, net/http sends none.
func (s *response) sent(status int) {
	if s.status == 0 && !s.hijacked && (status >= 200 || status == http.StatusSwitchingProtocols) {
		s.status = status
	}
}

// observe returns w with hooks that note what is sent through it.
func (s *response) observe(w http.ResponseWriter) http.ResponseWriter {
	return httpsnoop.Wrap(w, httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(status int) {
				next(status) // which panics on an invalid one
				s.sent(status)
			}
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(b []byte) (int, error) {
				s.sent(http.StatusOK)
				n, err := next(b)
				s.written += int64(n)
				return n, err
			}
		},
		WriteString: func(next httpsnoop.WriteStringFunc) httpsnoop.WriteStringFunc {
			return func(text string) (int, error) {
				s.sent(http.StatusOK)
				n, err := next(text)
				s.written += int64(n)
				return n, err
			}
		},
		ReadFrom: func(next httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			return func(src io.Reader) (n int64, err error) {
				panicked := true
				defer func() {
					// A source without a byte leaves the header unsent. How much
					// was sent of one that panicked is not known.
					if n > 0 || panicked {
						s.sent(http.StatusOK)
					}
					s.written += n
				}()
				n, err = next(src)
				panicked = false
				return n, err
			}
		},
		Flush: func(next httpsnoop.FlushFunc) httpsnoop.FlushFunc { // FlushError comes here, too
			return func() {
				s.sent(http.StatusOK)
				next()
			}
		},
		Hijack: func(next httpsnoop.HijackFunc) httpsnoop.HijackFunc {
			return func() (net.Conn, *bufio.ReadWriter, error) {
				conn, buf, err := next()
				s.hijacked = s.hijacked || err == nil
				return conn, buf, err
			}
		},
	})
}
