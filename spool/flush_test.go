package spool

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// A flush does not wait for a pause to end, and tells what it has not reached.
func TestFlush(t *testing.T) {
	c := config(t, nil)
	synctest.Test(t, func(t *testing.T) {
		sink := newOutage(busy{24 * time.Hour})
		s := newSpool(t, sink, c)
		write(t, s, "s", 0, 7)
		synctest.Wait()
		began := time.Now()
		err := s.ForceFlush(t.Context())
		stored, ok := errors.AsType[*exporters.StoredError](err)
		if !ok || stored.Records != 7 || !errors.Is(err, error(busy{24 * time.Hour})) || err.Error() != "spool: flush: 7 records wait on disk: busy" {
			t.Errorf("ForceFlush during an outage: %v", err)
		}
		if sink.Calls() != 2 || time.Since(began) != 0 {
			t.Errorf("%d tries within %v, want the first one and that of the flush", sink.Calls(), time.Since(began))
		}
		sink.end()
		flushed(t, s)
		wantIDs(t, ids(&sink.Memory), series("s", 0, 7))
		wantBooks(t, s, 7, 0, 7, 0, "")
		flushed(t, s) // with nothing to do
		shutdown(t, s)
		flushed(t, s)
	})
}

// A flush waits for what was written before it, not for all that comes later.
func TestFlushUnderLoad(t *testing.T) {
	sink := new(sinktest.Memory)
	s := newSpool(t, sink, config(t, func(c *Config) { c.Sync = SyncNever }))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	written := 0
	wg.Go(func() {
		for range 200 { // else looking at what arrived takes too long
			select {
			case <-stop:
				return
			default:
			}
			n, err := s.Write(context.Background(), sinktest.Records("load", written, 20))
			written += n
			if err != nil {
				t.Errorf("Write: %v", err)
				return
			}
		}
	})
	for i := range 20 {
		write(t, s, "mine", i, 1)
		flushed(t, s)
		if got := count(ids(sink), "mine"); got != i+1 {
			t.Errorf("after flush %d, %d records have arrived", i, got)
		}
	}
	close(stop)
	wg.Wait()
	shutdown(t, s)
	if got := count(ids(sink), "load"); got != written {
		t.Errorf("%d of %d records arrived", got, written)
	}
}

// Shutdown delivers what it can, and leaves the rest for the next process as
// soon as the destination fails.
func TestShutdown(t *testing.T) {
	c := config(t, nil)
	synctest.Test(t, func(t *testing.T) {
		sink := new(sinktest.Script)
		gate := make(chan struct{})
		sink.OnWrite = func(_ context.Context, call int, recs []record.Record) (int, error) {
			switch {
			case call == 0:
				<-gate
				return min(5, len(recs)), nil
			case call == 1:
				return 2, nil
			}
			return 0, errDown
		}
		s := newSpool(t, sink, c)
		write(t, s, "s", 0, 20)
		go func() {
			time.Sleep(time.Second)
			close(gate)
		}()
		began := time.Now()
		shutdown(t, s)
		if took := time.Since(began); took != time.Second {
			t.Errorf("Shutdown took %s, want no pause after the failure", took)
		}
		wantIDs(t, ids(&sink.Memory), series("s", 0, 7))
		wantBooks(t, s, 20, 0, 7, 13, "")
		if n, err := s.Write(t.Context(), sinktest.Records("late", 0, 1)); n != 0 || !errors.Is(err, exporters.ErrClosed) {
			t.Errorf("Write after Shutdown = %d, %v", n, err)
		}
	})
	sink := new(sinktest.Memory)
	s := newSpool(t, sink, c)
	flushed(t, s)
	wantIDs(t, ids(sink), series("s", 7, 20))
	shutdown(t, s)
}

// An exporter that does not come back keeps nobody, and costs nothing.
func TestShutdownWithAHangingExporter(t *testing.T) {
	for name, heeds := range map[string]bool{"heeds its context": true, "does not": false} {
		t.Run(name, func(t *testing.T) {
			c := config(t, nil)
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				sink := new(sinktest.Script)
				sink.OnWrite = func(ctx context.Context, _ int, recs []record.Record) (int, error) {
					if heeds {
						<-ctx.Done()
						return 0, ctx.Err()
					}
					<-release
					return len(recs), nil
				}
				s := newSpool(t, sink, c)
				write(t, s, "s", 0, 10)
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				began := time.Now()
				if err := s.Shutdown(ctx); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
				if took := time.Since(began); took > 5*time.Second+2*grace {
					t.Errorf("Shutdown took %s", took)
				}
				wantBooks(t, s, 10, 0, 0, 10, "")
				close(release) // what comes back now finds the queue closed
				synctest.Wait()
				wantBooks(t, s, 10, 0, 0, 10, "")
			})
			sink := new(sinktest.Memory)
			s := newSpool(t, sink, c)
			flushed(t, s)
			wantIDs(t, ids(sink), series("s", 0, 10))
			shutdown(t, s)
		})
	}
}

// A Write that hangs is told of while it does, and ends after a minute.
func TestStalledWrite(t *testing.T) {
	c := config(t, nil)
	synctest.Test(t, func(t *testing.T) {
		sink := new(sinktest.Script)
		sink.OnWrite = func(ctx context.Context, call int, recs []record.Record) (int, error) {
			if call == 0 {
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return len(recs), nil
		}
		s := newSpool(t, sink, c)
		write(t, s, "s", 0, 10)
		time.Sleep(29 * time.Second)
		if st := s.Spooled(); st.LastError != "" {
			t.Errorf("after 29 s: %+v", st)
		}
		time.Sleep(2 * time.Second)
		if st := s.Spooled(); !strings.Contains(st.LastError, "has not come back") || time.Since(st.FailingSince) != time.Second {
			t.Errorf("after 31 s: %+v", st)
		}
		time.Sleep(time.Minute)
		wantIDs(t, ids(&sink.Memory), series("s", 0, 10))
		if st := s.Spooled(); st.LastError != "" || st.Failures != 1 {
			t.Errorf("afterwards: %+v", st)
		}
		shutdown(t, s)
	})
}

// A shutdown of the exporter that panics, or ends its goroutine, is an error.
func TestShutdownPanics(t *testing.T) {
	sink := &sinktest.Script{OnShutdown: func(context.Context) error { panic("no") }}
	s := newSpool(t, sink, config(t, nil))
	if err := s.Shutdown(t.Context()); err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("Shutdown: %v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("second Shutdown: %v", err)
	}
}
