// Package ingest turns the lines that other programs write into records of a
// pipeline.
package ingest

import (
	"context"
	"io"
	"time"
)

const (
	chunkSize = 64 << 10
	// grace is how long Input waits for more once the input is to end: lines
	// that were written before the end are on their way through a pipe, which takes a
	// while on a machine that is busy.
	grace = 300 * time.Millisecond
	// lastBytes bounds what is read after the end, so that a writer who never
	// pauses cannot put it off. It is the largest buffer of a Linux pipe that
	// needs no privilege.
	lastBytes = 1 << 20
)

// Input is a reader that can be told to end although its source neither has
// anything to read nor is at its end, as a pipe whose writer sleeps.
//
// A goroutine reads ahead, at most two chunks of 64 KiB. If it is blocked in
// the source's Read when the input ends, it stays there until that returns.
type Input struct {
	end    context.Context
	chunks chan chunk
	closed chan struct{}

	rest []byte // of the chunk received last
	err  error  // that came with it
	left int    // bytes that may still be read after the end
}

type chunk struct {
	data []byte
	err  error
}

// NewInput returns an Input that reads from src. When end is done it takes
// what is there already and then reports [io.EOF].
func NewInput(end context.Context, src io.Reader) *Input {
	in := &Input{end: end, chunks: make(chan chunk), closed: make(chan struct{}), left: lastBytes}
	go in.readAhead(src)
	return in
}

// readAhead fills two buffers in turn. The consumer receives a chunk only when
// it is done with the one before, whose buffer is then free.
func (in *Input) readAhead(src io.Reader) {
	var buffers [2][chunkSize]byte
	for i := 0; ; i ^= 1 {
		n, err := src.Read(buffers[i][:])
		select {
		case in.chunks <- chunk{buffers[i][:n], err}:
		case <-in.closed:
			return
		}
		if err != nil {
			return
		}
	}
}

// Read implements [io.Reader].
func (in *Input) Read(p []byte) (int, error) {
	for len(in.rest) == 0 {
		if in.err != nil {
			return 0, in.err
		}
		in.receive()
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

func (in *Input) receive() {
	if in.end.Err() == nil {
		select {
		case c := <-in.chunks:
			in.rest, in.err = c.data, c.err
		case <-in.end.Done():
		case <-in.closed:
			in.err = io.EOF
		}
		return
	}
	if in.left <= 0 {
		in.err = io.EOF
		return
	}
	wait := time.NewTimer(grace)
	defer wait.Stop()
	select {
	case c := <-in.chunks:
		in.rest, in.err = c.data, c.err
		in.left -= len(c.data)
	case <-wait.C:
		in.err = io.EOF
	case <-in.closed:
		in.err = io.EOF
	}
}

// Close makes a Read that waits, and every later one, report [io.EOF]. It is
// called once.
func (in *Input) Close() { close(in.closed) }
