// Package socket writes records to a TCP, TLS, UDP or Unix socket: JSON lines
// for a log shipper, length-prefixed messages as Python's SocketHandler frames
// them, datagrams as its DatagramHandler sends them.
//
// # What is guaranteed
//
// None of these transports tells whether the program at the other end has read
// a record. A Write reports as delivered what the kernel has taken: enough to
// survive the death of this process, not that of the receiver. What has an
// answer to each request is the exporter otlp, or webhook.
//
// Within that bound records are rather sent twice than lost. Before a batch is
// written the exporter looks whether the receiver has closed the connection,
// which Python's handlers and log/syslog find out by losing a record, and
// connects again. It looks again behind the batch: one that has met a reset,
// or a refused UDP port, is not acknowledged. A receiver that stops reading
// holds up a Write for Config.Timeout; what the kernel has taken by then is
// delivered, a message cut in two is sent again whole on a new connection,
// which begins with it. Such a receiver sees the torn message at the end of
// the old connection.
//
// When the end of a connection may have cost records that were acknowledged,
// the next Write that succeeds says so, with an error beside the number of all
// its records. Shutdown does, too, when the receiver has not got everything by
// then: on Linux and macOS the kernel tells, elsewhere all that is known is
// whether the receiver has closed its end.
//
// UDP is what it is: datagrams get lost on the way, silently.
//
// Host names are looked up at each connecting; a UDP socket is made anew every
// minute for that. What a receiver sends back is read and discarded.
package socket

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/gate"
	"github.com/seed2f724858/sluice/exporters/internal/quote"
	"github.com/seed2f724858/sluice/record"
)

const (
	defaultTimeout = 10 * time.Second
	// lookupEvery is how often the host of a UDP endpoint is looked up.
	lookupEvery = time.Minute
	// fullBuffer is from where the buffer is written before it gets more.
	fullBuffer = 256 << 10
	// maxBuffer bounds the buffer that is kept between writes.
	maxBuffer = 1 << 20
)

// Exporter writes records to a socket. Its methods are safe for concurrent
// use; writes come one after the other, over one connection, which the first
// Write opens.
type Exporter struct {
	ep      endpoint
	dialer  dialer
	format  format
	timeout time.Duration
	adapter exporters.Adapter
	closed  atomic.Bool
	base    context.Context // ends with a Shutdown that can wait no longer
	end     context.CancelFunc

	turn exporters.Turn // guards what follows
	link *link          // nil when there is no connection
	out  frames
	// untold is what connections that ended may have cost.
	untold *lostError
}

var (
	_ exporters.Sink        = (*Exporter)(nil)
	_ exporters.Quiet       = (*Exporter)(nil)
	_ exporters.SDKExporter = (*Exporter)(nil)
)

// New returns an Exporter. It reads the TLS files, and does not connect yet.
func New(c Config) (*Exporter, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	ep, err := parseEndpoint(c.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("socket: endpoint: %w", err)
	}
	enc, err := c.encoder()
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	e := &Exporter{
		ep:      ep,
		dialer:  dialer{endpoint: ep, timeout: c.Timeout.Std()},
		format:  newFormat(c, ep, enc),
		timeout: c.Timeout.Std(),
		turn:    exporters.NewTurn(),
	}
	if ep.secure {
		if e.dialer.tls, err = c.TLS.Client(); err != nil {
			return nil, fmt.Errorf("socket: %w", err)
		}
	}
	e.base, e.end = context.WithCancel(context.Background())
	return e, nil
}

// Write implements [exporters.Sink]. The package's documentation says what its
// number means.
func (e *Exporter) Write(ctx context.Context, recs []record.Record) (n int, err error) {
	if e.closed.Load() {
		return 0, exporters.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	if err := e.turn.Lock(ctx); err != nil {
		return 0, fmt.Errorf("socket: another write is blocked: %w", err)
	}
	defer e.unlock()
	if e.closed.Load() {
		return 0, exporters.ErrClosed
	}
	if len(recs) == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(e.base, func() { cancel(gate.ErrCutOff) })()

	e.look()
	if e.link == nil {
		if e.link, err = e.dialer.dial(ctx); err != nil {
			return 0, e.failed(err)
		}
	}
	defer e.link.guard(ctx)()
	if e.ep.datagram() {
		n, err = e.writeDatagrams(ctx, recs)
	} else {
		n, err = e.writeStream(ctx, recs)
	}
	if err == nil && e.untold != nil {
		// Only now: beside a failure it would get lost when that is retried.
		err, e.untold = e.untold, nil
	}
	return n, e.failed(err)
}

// failed says where an error happened, which may be nil. Its text may be that
// of a certificate.
func (e *Exporter) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("socket: %s: %w", e.ep, quote.Error(err))
}

// unlock passes the turn on. Shutdown may have given up waiting for it: then
// the connection is closed here.
func (e *Exporter) unlock() {
	e.out.release()
	e.turn.Unlock()
	if e.closed.Load() {
		_ = e.hangUp(e.base) // what is wrong is told by Shutdown
	}
}

// hangUp closes the connection, if nobody has the turn who will do it then.
func (e *Exporter) hangUp(ctx context.Context) error {
	if err := e.turn.Lock(ctx); err != nil {
		return fmt.Errorf("socket: a write is blocked: %w", err)
	}
	defer e.turn.Unlock()
	if e.link != nil {
		e.untold = e.untold.and(e.link.lost(e.link.hangUp(ctx)))
		e.link = nil
	}
	if e.untold == nil {
		return nil
	}
	return e.failed(e.untold)
}

// Quiet implements [exporters.Quiet].
func (e *Exporter) Quiet() bool { return true }

// Export implements the SDK's exporter.
func (e *Exporter) Export(ctx context.Context, recs []exporters.SDKRecord) error {
	return e.adapter.Export(ctx, e, recs)
}

// ForceFlush implements [exporters.Sink]. Write keeps nothing back, so it only
// waits for the writes under way.
func (e *Exporter) ForceFlush(ctx context.Context) error {
	if e.closed.Load() {
		return nil
	}
	if err := e.turn.Lock(ctx); err != nil {
		return fmt.Errorf("socket: a write is blocked: %w", err)
	}
	e.turn.Unlock()
	return nil
}

// Shutdown implements [exporters.Sink]: it waits for the write under way, or
// cuts it short when ctx ends (its records are worth another try), and closes
// the connection in an orderly way: on a stream it gives the receiver up to a
// second to read what is under way and close its end. The error says how many
// records may be lost at most if it has not got everything then.
func (e *Exporter) Shutdown(ctx context.Context) error {
	if e.closed.Swap(true) {
		return nil
	}
	defer e.end()
	return e.hangUp(ctx)
}
