package httpclient

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// lastWords is how long an answer is waited for when the server reads no more.
const lastWords = time.Second

// conn keeps to itself that the server has stopped reading. A server that
// refuses a request by its headers may answer, close, and never read the body;
// net/http would report that it could not write on, not the answer, which then
// says that the request must not be sent again.
type conn struct {
	net.Conn
	deaf atomic.Bool
}

func dialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{KeepAlive: 15 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &conn{Conn: c}, nil
	}
}

// Write implements [net.Conn]. What follows from an error is for Read to find
// out.
func (c *conn) Write(b []byte) (int, error) {
	if c.deaf.Load() {
		return len(b), nil
	}
	n, err := c.Conn.Write(b)
	if err == nil || errors.Is(err, net.ErrClosed) {
		return n, err
	}
	c.deaf.Store(true)
	if err := c.SetReadDeadline(time.Now().Add(lastWords)); err != nil {
		return n, err
	}
	return len(b), nil
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
