package httpclient

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// lastWords is how long an answer is waited for when the server reads no more.
const lastWords = time.Second

// conn keeps to itself that the server has stopped reading. A server that
// refuses a request by its headers may answer, close, and never read the body;
// net/http would report that it could not write on, not the answer, which then
// says that the request must not be sent again.
//
// It also remembers how the connection ended: net/http closes it then, and a
// request that is being written meanwhile would fail with no more than that.
type conn struct {
	net.Conn
	deaf  atomic.Pointer[error] // why the server reads no more
	ended atomic.Pointer[error] // why there is no more to read

	silent atomic.Bool // nothing was read yet
}

// isSettings reports whether b begins like the frame with which a server of
// HTTP/2 begins, whatever it is asked (RFC 9113 section 3.4): three bytes of
// its length, a type of 4. net/http would wait for the end of a line.
func isSettings(b []byte) bool {
	return len(b) > 3 && b[0] == 0 && b[1] == 0 && b[3] == 4
}

func dialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{KeepAlive: 15 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		wrapped := &conn{Conn: c}
		wrapped.silent.Store(true)
		return wrapped, nil
	}
}

// Write implements [net.Conn]. What follows from an error is for Read to find
// out.
func (c *conn) Write(b []byte) (int, error) {
	if c.deaf.Load() != nil {
		return len(b), nil
	}
	n, err := c.Conn.Write(b)
	if err == nil {
		return n, nil
	}
	if errors.Is(err, net.ErrClosed) {
		if why := c.ended.Load(); why != nil {
			err = *why
		}
		return n, err
	}
	c.deaf.Store(&err)
	if err := c.SetReadDeadline(time.Now().Add(lastWords)); err != nil {
		return n, err
	}
	return len(b), nil
}

// Read implements [net.Conn].
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.silent.Swap(false) && isSettings(b[:n]) {
		n, err = 0, ErrHTTP2
	}
	if err == nil || errors.Is(err, net.ErrClosed) {
		return n, err
	}
	if why := c.deaf.Load(); why != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		err = *why // the wait for the last words is over
	}
	c.ended.CompareAndSwap(nil, &err)
	return n, err
}

// ReadFrom implements [io.ReaderFrom]: it writes the rest of a body, which is
// in memory, at once. net/http limits bodies to their length, which hides that.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		if body, ok := limited.R.(io.WriterTo); ok {
			return body.WriteTo(&atMost{c, limited})
		}
	}
	return io.Copy(struct{ io.Writer }{c}, r)
}

// atMost writes no more than a reader's limit, and counts it off.
type atMost struct {
	to    io.Writer
	limit *io.LimitedReader
}

// Write implements [io.Writer].
func (w *atMost) Write(b []byte) (int, error) {
	if int64(len(b)) > w.limit.N {
		return 0, errors.New("the body is longer than its length")
	}
	n, err := w.to.Write(b)
	w.limit.N -= int64(n)
	return n, err
}
