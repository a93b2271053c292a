package otlpgrpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/answer"
	"github.com/seed2f724858/sluice/record"
)

// maxMessage is the most bytes that a message of gRPC can have here.
const maxMessage = math.MaxInt32

// client is the Sink for one endpoint.
type client struct {
	name     string
	conns    connections
	metadata metadata.MD
	options  []grpc.CallOption
	timeout  time.Duration // 0: no limit
	limit    int
	records  request[record.Record]
	buffers  buffers
	clean    func(string) string // makes a server's words fit for errors

	mu     sync.Mutex
	writes int
	closed bool
	idle   chan struct{}   // closed when there are no writes after closed
	life   context.Context // ends when Shutdown cuts off what is under way
	cut    context.CancelFunc
}

var _ exporters.Forwarder = (*client)(nil)

// Write implements [exporters.Sink].
func (c *client) Write(ctx context.Context, recs []record.Record) (int, error) {
	return write(ctx, c, recs, c.records)
}

// Forwards implements [exporters.Forwarder].
func (c *client) Forwards() bool { return true }

// WriteOTLP implements [exporters.Forwarder].
func (c *client) WriteOTLP(ctx context.Context, recs []encode.OTLPRecord) (int, error) {
	return write(ctx, c, recs, encode.AppendOTLPRecords)
}

// Quiet implements [exporters.Quiet].
func (c *client) Quiet() bool { return true }

// ForceFlush implements [exporters.Sink]; nothing is held.
func (c *client) ForceFlush(context.Context) error { return nil }

// write sends recs in as many requests as it takes.
func write[R any](ctx context.Context, c *client, recs []R, encode request[R]) (int, error) {
	if !c.begin() {
		return 0, exporters.ErrClosed
	}
	defer c.end()
	var (
		done, refused int
		words         error // the server's latest reason for refusing
		most          = len(recs)
	)
	// result keeps the count of the refused beside whatever else went wrong.
	result := func(err error) (int, error) {
		if refused > 0 {
			if err == nil {
				err = words
			}
			err = exporters.Rejected(refused, err)
		}
		return done, err
	}
	for done < len(recs) {
		if err := context.Cause(ctx); err != nil {
			return result(fmt.Errorf("otlp: %s: %w", c.name, err))
		}
		body, n := encodeRequest(&c.buffers, recs[done:min(done+most, len(recs))], c.limit, encode)
		if n == 0 {
			body.Free()
			return result(exporters.Poison(fmt.Errorf("otlp: a record of more than %d bytes", maxMessage)))
		}
		success, err := c.export(ctx, body)
		body.Free()
		if _, ok := errors.AsType[tooLargeError](err); ok && n > 1 {
			// Only for this Write: the server's limit may be another soon, and
			// records differ.
			most = n / 2
			continue
		} else if ok {
			err = exporters.Poison(err)
		}
		if err != nil {
			return result(err)
		}
		done += n
		if success.Rejected > 0 {
			refused += int(min(success.Rejected, int64(n)))
			words = fmt.Errorf("otlp: %s: %s", c.name, cmp.Or(c.clean(success.Message), "no reason given"))
		}
	}
	return result(nil)
}

// tooLargeError is that of a request too large for the server.
type tooLargeError struct{ error }

func (e tooLargeError) Unwrap() error { return e.error }

// export sends one request. An answer that cannot be read is as good as one
// that says nothing: the server has taken the records.
func (c *client) export(ctx context.Context, body mem.Buffer) (answer.Success, error) {
	conn, err := c.conns.take()
	if err != nil {
		return answer.Success{}, exporters.Permanent(fmt.Errorf("otlp: %s: %w", c.name, err))
	}
	// What the caller's context carries for other servers is not for this one.
	call := metadata.NewOutgoingContext(ctx, c.metadata)
	cancel := context.CancelFunc(func() {})
	if c.timeout > 0 {
		call, cancel = context.WithTimeout(call, c.timeout)
	} else {
		call, cancel = context.WithCancel(call)
	}
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()

	var msg []byte
	err = conn.Invoke(call, method, body, &msg, c.options...)
	st := status.Convert(err)
	c.conns.giveBack(conn, st.Code())
	if err != nil {
		return answer.Success{}, c.failure(ctx, call, st)
	}
	success, _ := answer.Proto(msg)
	return success, nil
}

// failure says what st means for the records of a request.
func (c *client) failure(ctx, call context.Context, st *status.Status) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("otlp: %s: %w", c.name, err)
	}
	if c.life.Err() != nil && st.Code() == codes.Canceled {
		return fmt.Errorf("%w while records were being sent to %s", exporters.ErrClosed, c.name)
	}
	answered := newAnswerError(c.name, st, c.clean)
	err := fmt.Errorf("otlp: %w", answered)
	switch {
	case answered.code == codes.DeadlineExceeded && call.Err() != nil:
		// gRPC may say on what it waited.
		return fmt.Errorf("%w (no answer within %s)", err, c.timeout)
	case tooLarge(st):
		return tooLargeError{err}
	case answered.retryable():
		return err
	default:
		return exporters.Permanent(err)
	}
}

// begin and end enclose a Write. begin reports false after Shutdown.
func (c *client) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.writes++
	return true
}

func (c *client) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes--
	if c.closed && c.writes == 0 {
		close(c.idle)
	}
}

// Shutdown implements [exporters.Sink]. It waits for the Writes under way
// until ctx ends, and cuts them off then.
func (c *client) Shutdown(ctx context.Context) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	if c.writes == 0 {
		close(c.idle)
	}
	c.mu.Unlock()

	var err error
	select {
	case <-c.idle:
	case <-ctx.Done():
		select {
		case <-c.idle: // both are: nothing is cut off
		default:
			err = fmt.Errorf("otlp: %s: records were being sent: %w", c.name, context.Cause(ctx))
		}
	}
	c.cut()
	<-c.idle
	select {
	case <-c.conns.shut():
	case <-ctx.Done(): // what is left ends by itself
	}
	return err
}
