package otlpgrpc

import (
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
)

// connections hands out the connection to a server, and replaces it when a
// call in it has failed.
//
// gRPC would keep a channel and reconnect by itself, after pauses of its own
// of up to two minutes, for the name's address as for the connection. Here
// there is somebody already who decides when to try again: the retry or the
// disk queue in front. So a channel lives as long as it works, and each Write
// after a failure looks up, dials and shakes hands at once. That also does
// away with connections that are only half open, as a firewall or a crash
// leaves them: the call that ran out of time in one ends it. Pings of gRPC's
// own would notice no earlier, since servers cut off clients that ping more
// than every five minutes unless they are told to bear it
// (https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md).
type connections struct {
	target  string
	options []grpc.DialOption

	mu      sync.Mutex
	current *connection
	closing sync.WaitGroup
}

type connection struct {
	*grpc.ClientConn
	calls   int
	retired bool // to be closed by its last call
}

// take returns the connection for a call. It does not dial; the call does.
func (c *connections) take() (*connection, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		conn, err := grpc.NewClient(c.target, c.options...)
		if err != nil {
			return nil, err
		}
		c.current = &connection{ClientConn: conn}
	}
	c.current.calls++
	return c.current, nil
}

// giveBack ends a call that had the status code.
func (c *connections) giveBack(conn *connection, code codes.Code) {
	// A server that answers has a connection that works.
	broken := code == codes.DeadlineExceeded || code != codes.OK && conn.GetState() != connectivity.Ready
	c.mu.Lock()
	defer c.mu.Unlock()
	conn.calls--
	if broken {
		c.retire(conn)
	}
	if conn.retired && conn.calls == 0 {
		c.close(conn)
	}
}

// retire keeps further calls from conn. c.mu is locked.
func (c *connections) retire(conn *connection) {
	conn.retired = true
	if c.current == conn {
		c.current = nil
	}
}

// close closes conn aside: saying good-bye to a server that does not read may
// take gRPC five seconds.
func (c *connections) close(conn *connection) {
	c.closing.Go(func() { _ = conn.Close() })
}

// shut closes the connection when there are no calls any more, nor will be,
// and returns a channel that is closed when that is done.
func (c *connections) shut() <-chan struct{} {
	c.mu.Lock()
	if conn := c.current; conn != nil {
		c.retire(conn)
		c.close(conn)
	}
	c.mu.Unlock()
	done := make(chan struct{})
	go func() {
		c.closing.Wait()
		close(done)
	}()
	return done
}
