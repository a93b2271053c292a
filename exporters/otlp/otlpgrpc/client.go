package otlpgrpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/gate"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/answer"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/delivery"
	"github.com/seed2f724858/sluice/record"
)

// client is the exporter for one endpoint.
type client struct {
	name     string
	conns    connections
	metadata metadata.MD
	options  []grpc.CallOption
	timeout  time.Duration // 0: no limit
	limit    int           // of a request, in bytes
	encoder  *encode.OTLPProtoEncoder
	buffers  buffers
	clean    func(string) string // makes texts from outside fit for errors
	gate     *gate.Gate
	closed   atomic.Bool
}

var _ exporters.Forwarder = (*client)(nil)

// Write implements [exporters.Sink].
func (c *client) Write(ctx context.Context, recs []record.Record) (int, error) {
	return deliver(ctx, c, recs, c.encoder.AppendUpTo)
}

// Forwards implements [exporters.Forwarder].
func (c *client) Forwards() bool { return true }

// WriteOTLP implements [exporters.Forwarder].
func (c *client) WriteOTLP(ctx context.Context, recs []encode.OTLPRecord) (int, error) {
	return deliver(ctx, c, recs, encode.AppendOTLPRecords)
}

// Quiet implements [exporters.Quiet].
func (c *client) Quiet() bool { return true }

// ForceFlush implements [exporters.Sink].
func (c *client) ForceFlush(context.Context) error { return nil }

// Shutdown implements [exporters.Sink].
func (c *client) Shutdown(ctx context.Context) error {
	if c.closed.Swap(true) {
		return nil
	}
	err := c.gate.Close(ctx)
	select {
	case <-c.conns.shut():
	case <-ctx.Done(): // what is left of them ends by itself
	}
	if err != nil {
		return fmt.Errorf("otlp: shutdown: %w", err)
	}
	return nil
}

// deliver sends recs in as many requests as it takes.
func deliver[R any](ctx context.Context, c *client, recs []R, upTo delivery.Append[R]) (int, error) {
	ctx, leave, err := c.gate.Enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	send := func(recs []R) (int, answer.Success, error) {
		if err := context.Cause(ctx); err != nil { // before anything is encoded
			return 0, answer.Success{}, fmt.Errorf("otlp: %s: %w", c.name, err)
		}
		body, n := encodeRequest(&c.buffers, recs, c.limit, upTo)
		defer body.Free()
		success, err := c.call(ctx, body)
		return n, success, err
	}
	return delivery.Deliver(recs, send, c.refusal)
}

// call sends one request.
func (c *client) call(ctx context.Context, body mem.Buffer) (answer.Success, error) {
	conn, err := c.conns.take()
	if err != nil {
		return answer.Success{}, exporters.Misconfigured(fmt.Errorf("otlp: %s: %w", c.name, err))
	}
	// What the caller's context carries for other servers is not for this one.
	call := metadata.NewOutgoingContext(ctx, c.metadata)
	if c.timeout > 0 {
		var cancel context.CancelFunc
		call, cancel = context.WithTimeout(call, c.timeout)
		defer cancel()
	}
	var msg []byte
	err = conn.Invoke(call, method, body, &msg, c.options...)
	st := status.Convert(err)
	c.conns.giveBack(conn, st.Code())
	if err != nil {
		return answer.Success{}, c.failure(ctx, call, st)
	}
	// That it cannot be read is no reason to send the request again.
	success, _ := answer.Proto(msg)
	return success, nil
}

// failure says what st, which is not OK, means for the records of a request.
func (c *client) failure(ctx, call context.Context, st *status.Status) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("otlp: %s: %w", c.name, err)
	}
	answered := newAnswerError(c.name, st, c.clean)
	err := fmt.Errorf("otlp: %w", answered)
	switch {
	case answered.code == codes.DeadlineExceeded && call.Err() != nil:
		return fmt.Errorf("%w (no answer within %s)", err, c.timeout)
	case tooLarge(st):
		return delivery.TooLarge(err)
	case answered.retryable():
		return err
	case answered.refusesAny():
		return exporters.Misconfigured(err)
	default:
		return exporters.Permanent(err)
	}
}

// refusal is the error for records that the server rejected out of a request.
func (c *client) refusal(reason string) error {
	return errors.New("otlp: " + c.name + ": partial success: " + cmp.Or(c.clean(reason), "no reason given"))
}
