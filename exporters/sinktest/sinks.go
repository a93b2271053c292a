package sinktest

import (
	"context"
	"sync"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

// Memory is a Sink that keeps copies of what it was given. The zero value is
// ready.
type Memory struct {
	mu     sync.Mutex
	recs   []record.Record
	closed bool
}

var _ exporters.Sink = (*Memory)(nil)

// Write implements [exporters.Sink].
func (m *Memory) Write(_ context.Context, recs []record.Record) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, exporters.ErrClosed
	}
	for i := range recs {
		m.recs = append(m.recs, recs[i].Clone())
	}
	return len(recs), nil
}

// ForceFlush implements [exporters.Sink].
func (m *Memory) ForceFlush(context.Context) error { return nil }

// Shutdown implements [exporters.Sink].
func (m *Memory) Shutdown(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// Records returns what has arrived so far, in order.
func (m *Memory) Records() []record.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]record.Record(nil), m.recs...)
}

// Len returns how many records have arrived.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.recs)
}

// Script is a Memory whose answers come from functions: errors, stalls and
// panics are theirs to produce. A nil function succeeds.
type Script struct {
	Memory
	// OnWrite gets the number of the call, from 0. The first n records it
	// reports are kept as delivered.
	OnWrite    func(ctx context.Context, call int, recs []record.Record) (n int, err error)
	OnFlush    func(ctx context.Context) error
	OnShutdown func(ctx context.Context) error

	mu    sync.Mutex
	calls int
}

// Write implements [exporters.Sink].
func (s *Script) Write(ctx context.Context, recs []record.Record) (int, error) {
	s.mu.Lock()
	call := s.calls
	s.calls++
	s.mu.Unlock()
	if s.OnWrite == nil {
		return s.Memory.Write(ctx, recs)
	}
	n, err := s.OnWrite(ctx, call, recs)
	if n > 0 {
		if _, closed := s.Memory.Write(ctx, recs[:n]); closed != nil {
			return 0, closed
		}
	}
	return n, err
}

// Calls returns how often Write was called.
func (s *Script) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// ForceFlush implements [exporters.Sink].
func (s *Script) ForceFlush(ctx context.Context) error {
	if s.OnFlush == nil {
		return nil
	}
	return s.OnFlush(ctx)
}

// Shutdown implements [exporters.Sink].
func (s *Script) Shutdown(ctx context.Context) error {
	err := s.Memory.Shutdown(ctx)
	if s.OnShutdown != nil {
		err = s.OnShutdown(ctx)
	}
	return err
}
