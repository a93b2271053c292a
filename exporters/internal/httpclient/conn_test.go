package httpclient

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

// pair returns a connection as a Client dials it, and its other end.
func pair(t *testing.T) (*conn, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := dialer()(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return near.(*conn), far.(*net.TCPConn)
}

// net/http closes a connection as soon as reading it fails. What is written
// then fails for the same reason, not because it is closed.
func TestWriteTellsHowTheConnectionEnded(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*net.TCPConn) error
		want error
	}{
		"reset": {func(far *net.TCPConn) error { return errors.Join(far.SetLinger(0), far.Close()) }, syscall.ECONNRESET},
		"end":   {(*net.TCPConn).CloseWrite, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := pair(t)
			if err := c.end(far); err != nil {
				t.Fatal(err)
			}
			if _, err := near.Read(make([]byte, 1)); !errors.Is(err, c.want) {
				t.Fatalf("read: %v", err)
			}
			if err := near.Close(); err != nil {
				t.Fatal(err)
			}
			_, err := near.Write([]byte("x"))
			if err == nil || errors.Is(err, net.ErrClosed) {
				t.Errorf("write: %v", err)
			}
			if !errors.Is(err, c.want) {
				t.Errorf("write: %v, want %v", err, c.want)
			}
		})
	}
	near, _ := pair(t)
	if err := near.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := near.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed by ourselves: %v", err)
	}
}

// A server that stops reading and says nothing more has broken the connection;
// that our patience with it has ended is no news.
func TestNoLastWords(t *testing.T) {
	near, _ := pair(t)
	broken := &net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EPIPE)}
	near.Conn = deafConn{near.Conn, broken}
	if n, err := near.Write([]byte("x")); n != 1 || err != nil {
		t.Fatalf("write: %d, %v", n, err)
	}
	if _, err := near.Read(make([]byte, 1)); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("read: %v", err)
	}
}

// deafConn is a connection whose peer takes nothing.
type deafConn struct {
	net.Conn
	err error
}

func (c deafConn) Write([]byte) (int, error) { return 0, c.err }
