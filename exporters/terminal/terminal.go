// Package terminal writes records to standard output or standard error, for
// people when that is a terminal and as JSON lines when it is not.
package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

// maxBuffer bounds the buffer that is kept between writes.
const maxBuffer = 1 << 20

// Exporter writes records to a terminal or another stream, a batch at a time.
//
// A stream that nobody reads (a full pipe, a terminal stopped with Ctrl-S)
// blocks write(2), and no deadline reaches that call: the Write it blocks
// stays blocked, whereas other Writes, ForceFlush and Shutdown honour their
// contexts. A broken pipe is a permanent error, since its reader never comes
// back; note that the Go runtime ends a program that meets one on standard
// output or standard error unless the program handles SIGPIPE.
type Exporter struct {
	w       io.Writer
	enc     encode.Encoder
	adapter exporters.Adapter
	closed  atomic.Bool

	turn exporters.Turn // guards what follows
	buf  []byte
	ends []int // offset in buf behind each record's line feed
	torn bool  // the stream ends within a line
}

var (
	_ exporters.Sink        = (*Exporter)(nil)
	_ exporters.SDKExporter = (*Exporter)(nil)
)

// New returns an Exporter. It looks at the stream and the environment once.
func New(c Config) (*Exporter, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	e := &Exporter{w: c.Writer, turn: exporters.NewTurn()}
	if e.w == nil {
		e.w = os.Stdout
		if c.Stream == "stderr" {
			e.w = os.Stderr
		}
	}
	tty := isTerminal(e.w)
	format := c.Format
	switch {
	case format != "":
	case tty:
		format = "pretty"
	default:
		format = "json"
	}
	var err error
	e.enc, err = encode.New(format, encode.Options{
		Color:    wantColor(c.Color, tty, os.Getenv) && prepareColor(e.w),
		Template: c.Template,
	})
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	return e, nil
}

// Write implements [exporters.Sink]: one write to the stream for all of recs.
// What a failed write cuts in two is closed with a line feed by the next one.
func (e *Exporter) Write(ctx context.Context, recs []record.Record) (int, error) {
	if err := ctx.Err(); err != nil && !e.closed.Load() {
		return 0, fmt.Errorf("terminal: %w", err)
	}
	if err := e.turn.Lock(ctx); err != nil {
		return 0, fmt.Errorf("terminal: another write is blocked: %w", err)
	}
	defer e.turn.Unlock()
	if e.closed.Load() {
		return 0, exporters.ErrClosed
	}
	if len(recs) == 0 {
		return 0, nil
	}
	buf, ends := e.buf[:0], e.ends[:0]
	if e.torn {
		buf = append(buf, '\n')
	}
	for i := range recs {
		buf = e.enc.Append(buf, &recs[i])
		ends = append(ends, len(buf))
	}
	written, err := e.w.Write(buf)
	written = min(max(written, 0), len(buf))
	if err == nil && written < len(buf) {
		err = io.ErrShortWrite
	}
	n := len(recs)
	if err != nil {
		// A record that lacks its line feed alone is out: the next write
		// begins with one.
		for n = 0; n < len(ends) && ends[n]-1 <= written; n++ {
		}
	}
	if n == len(recs) {
		err = nil
	} else {
		err = fmt.Errorf("terminal: write: %w", err)
		if isBrokenPipe(err) {
			err = exporters.Permanent(err)
		}
	}
	if written > 0 {
		e.torn = buf[written-1] != '\n'
	}
	if cap(buf) <= maxBuffer {
		e.buf = buf
	} else {
		e.buf = nil
	}
	e.ends = ends
	return n, err
}

// Quiet implements [exporters.Quiet].
func (e *Exporter) Quiet() bool { return true }

// Export implements the SDK's exporter.
func (e *Exporter) Export(ctx context.Context, recs []exporters.SDKRecord) error {
	return e.adapter.Export(ctx, e, recs)
}

// ForceFlush implements [exporters.Sink]: it waits for the writes under way.
func (e *Exporter) ForceFlush(ctx context.Context) error {
	if e.closed.Load() {
		return nil
	}
	return e.wait(ctx)
}

// Shutdown implements [exporters.Sink]: it waits for the writes under way. The
// stream stays open, it is the program's.
func (e *Exporter) Shutdown(ctx context.Context) error {
	if e.closed.Swap(true) {
		return nil
	}
	return e.wait(ctx)
}

func (e *Exporter) wait(ctx context.Context) error {
	if err := e.turn.Lock(ctx); err != nil {
		return fmt.Errorf("terminal: a write is blocked: %w", err)
	}
	e.turn.Unlock()
	return nil
}

func isBrokenPipe(err error) bool {
	return errors.Is(err, io.ErrClosedPipe) || errors.Is(err, os.ErrClosed) || isEPIPE(err)
}
