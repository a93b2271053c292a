package socket

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/gate"
)

const (
	// chunk is what a write's deadline is for.
	chunk = 64 << 10
	// maxReads bounds how much is read at a time of a receiver that talks.
	maxReads = 16
	// linger is how long a receiver may take to close its end of a stream.
	linger = time.Second
)

// errNothing is what a read returns that would have to wait. To package
// crypto/tls it is an error that passes.
var errNothing error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing to read" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

// link is one connection.
type link struct {
	conn    net.Conn // what is written to: a TLS connection, or raw
	raw     *polled
	since   time.Time
	records uint64 // written over it
	scratch [4 << 10]byte
}

// polled is a connection whose Read does not wait while poll is set.
type polled struct {
	net.Conn
	stream bool
	poll   bool
	poller
}

func newPolled(conn net.Conn, stream bool) (*polled, error) {
	p, err := newPoller(conn)
	return &polled{Conn: conn, stream: stream, poller: p}, err
}

func (p *polled) Read(b []byte) (int, error) {
	if p.poll {
		n, err := p.readNow(b)
		if n == 0 && err == nil && p.stream {
			err = io.EOF
		}
		return n, err
	}
	return p.Conn.Read(b)
}

// look reads what has come, which is of no interest, and so learns what has
// become of the connection: nil while it is open, io.EOF when the receiver has
// closed it in an orderly way, any other error when it may not have read all.
func (l *link) look() error {
	l.raw.poll = true
	defer func() { l.raw.poll = false }()
	if l.conn != net.Conn(l.raw) {
		// Reading may write, an answer to a key update (RFC 8446 section 4.6.3),
		// and the last write's deadline may be over.
		if err := l.raw.SetWriteDeadline(time.Now().Add(linger)); err != nil {
			return err
		}
	}
	for range maxReads {
		_, err := l.conn.Read(l.scratch[:])
		switch {
		case err == nil:
		case errors.Is(err, errNothing):
			return nil
		case errors.Is(err, io.EOF):
			// Data that came behind the receiver's close was answered with a
			// reset, which a read does not show.
			if reset := l.raw.pending(); reset != nil {
				return fmt.Errorf("closed by the receiver: %w", reset)
			}
			return io.EOF
		default:
			return err
		}
	}
	return nil
}

// lost returns what the end of a connection may have cost; nil if it was an
// orderly one, or nothing was written.
func (l *link) lost(cause error) *lostError {
	if cause == nil || errors.Is(cause, io.EOF) || l.records == 0 {
		return nil
	}
	return &lostError{l.records, cause}
}

// lostError tells that acknowledged records may be lost.
type lostError struct {
	records uint64 // at most
	err     error
}

func (e *lostError) Error() string {
	return fmt.Sprintf("of %d records written before, those may be lost that the receiver had not read yet: %v", e.records, e.err)
}

func (e *lostError) Unwrap() error { return e.err }

func (e *lostError) Is(target error) bool { return target == exporters.ErrUncertain }

// and adds up two errors, either of which may be nil.
func (e *lostError) and(other *lostError) *lostError {
	if e == nil || other == nil {
		return cmp.Or(e, other)
	}
	return &lostError{e.records + other.records, other.err}
}

// guard makes the writes until the returned function is called end with ctx.
func (l *link) guard(ctx context.Context) (release func()) {
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(cut)
		_ = l.raw.SetWriteDeadline(time.Unix(1, 0)) // fails with a closed connection only
	})
	return func() {
		if !stop() {
			<-cut // else it could cut a later write
		}
	}
}

// write writes b and returns how many bytes the kernel has taken.
func (l *link) write(ctx context.Context, b []byte, timeout time.Duration) (n int, err error) {
	for n < len(b) {
		var deadline time.Time
		if timeout < exporters.Unlimited.Std() {
			deadline = time.Now().Add(timeout)
		}
		if err := l.raw.SetWriteDeadline(deadline); err != nil {
			return n, err
		}
		if ctx.Err() != nil {
			return n, fmt.Errorf("write: %w", context.Cause(ctx))
		}
		written, err := l.conn.Write(b[n:min(len(b), n+chunk)])
		n += written
		if err != nil {
			return n, fmt.Errorf("write: %w", withCause(ctx, err))
		}
	}
	return n, nil
}

// interrupted reports whether err, of a write, came from this side: from a
// deadline, or a context.
func interrupted(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, context.Canceled) || errors.Is(err, gate.ErrCutOff)
}

// close gives the connection up. What the kernel holds still goes out, unless
// the receiver has said something that nobody has read: that makes a close a
// reset.
func (l *link) close() {
	_ = l.look()
	_ = l.raw.Close() // nothing can be done about it
}

// hangUp says that nothing more will come, and waits until the receiver has
// read everything and closes its end: at most for linger, and until ctx ends.
// The error is why it may not have read everything.
func (l *link) hangUp(ctx context.Context) error {
	defer l.close()
	if err := l.look(); err != nil {
		return err
	}
	half, ok := l.raw.Conn.(interface{ CloseWrite() error })
	if !ok || !l.raw.stream {
		return nil
	}
	if ctx.Err() != nil {
		return l.unread(context.Cause(ctx))
	}
	if err := l.raw.SetDeadline(time.Now().Add(linger)); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() {
		_ = l.raw.SetDeadline(time.Unix(1, 0))
	})()
	if secure, ok := l.conn.(*tls.Conn); ok {
		if err := secure.CloseWrite(); err != nil {
			return err
		}
	}
	if err := half.CloseWrite(); err != nil {
		return err
	}
	for {
		_, err := l.conn.Read(l.scratch[:])
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return l.unread(fmt.Errorf("the receiver has not closed its end within %s", linger))
		default:
			return err
		}
	}
}

// unread returns an error if the receiver has not got everything that was
// written to a stream, or nobody can tell, and its end was not waited for.
func (l *link) unread(why error) error {
	bytes, known := l.raw.unread()
	switch {
	case !known:
		return why
	case bytes > 1: // the end of a TCP stream is one
		return fmt.Errorf("%d bytes are still on their way: %w", bytes, why)
	}
	return nil
}
