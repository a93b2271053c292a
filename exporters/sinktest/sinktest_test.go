package sinktest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

func TestMemoryAndScript(t *testing.T) {
	for name, make := range map[string]func() (exporters.Sink, *sinktest.Memory){
		"memory": func() (exporters.Sink, *sinktest.Memory) { m := new(sinktest.Memory); return m, m },
		"script": func() (exporters.Sink, *sinktest.Memory) { s := new(sinktest.Script); return s, &s.Memory },
	} {
		t.Run(name, func(t *testing.T) {
			sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
				s, m := make()
				return s, func() []string { return ids(m) }
			}})
		})
	}
}

func ids(m *sinktest.Memory) []string {
	var all []string
	for _, r := range m.Records() {
		all = append(all, sinktest.IDs([]byte(r.Body.String()))...)
		if v, ok := r.Attr("id"); ok {
			all = append(all, v.AsString())
		}
	}
	return all
}

func TestScript(t *testing.T) {
	down := errors.New("down")
	s := &sinktest.Script{OnWrite: func(_ context.Context, call int, recs []record.Record) (int, error) {
		if call == 1 {
			return 1, down
		}
		return len(recs), nil
	}}
	recs := sinktest.Records("s", 0, 3)
	for call, want := range []error{nil, down, nil} {
		if _, err := s.Write(t.Context(), recs); err != want {
			t.Errorf("call %d: %v, want %v", call, err, want)
		}
	}
	if s.Calls() != 3 || s.Len() != 7 {
		t.Errorf("%d calls, %d records; want 3, 7", s.Calls(), s.Len())
	}
}

// broken sinks each break one rule of the contract.
var broken = map[string]func() (exporters.Sink, *sinktest.Memory){
	"drops a record": func() (exporters.Sink, *sinktest.Memory) {
		s := new(sinktest.Script)
		return &wrap{Sink: s, write: func(ctx context.Context, recs []record.Record) (int, error) {
			n, err := s.Write(ctx, recs[min(1, len(recs)):])
			return n + min(1, len(recs)), err
		}}, &s.Memory
	},
	"reverses the order": func() (exporters.Sink, *sinktest.Memory) {
		m := new(sinktest.Memory)
		return &wrap{Sink: m, write: func(ctx context.Context, recs []record.Record) (int, error) {
			for i := len(recs) - 1; i >= 0; i-- {
				if _, err := m.Write(ctx, recs[i:i+1]); err != nil {
					return 0, err
				}
			}
			return len(recs), nil
		}}, m
	},
	"changes the records": func() (exporters.Sink, *sinktest.Memory) {
		m := new(sinktest.Memory)
		return &wrap{Sink: m, write: func(ctx context.Context, recs []record.Record) (int, error) {
			n, err := m.Write(ctx, recs)
			for i := range recs {
				recs[i].Attributes = nil
			}
			return n, err
		}}, m
	},
	"keeps the records": func() (exporters.Sink, *sinktest.Memory) {
		m := new(sinktest.Memory)
		var mu sync.Mutex
		var held []record.Record
		flush := func() {
			mu.Lock()
			defer mu.Unlock()
			_, _ = m.Write(context.Background(), held)
			held = nil
		}
		return &wrap{Sink: m, flush: flush, write: func(ctx context.Context, recs []record.Record) (int, error) {
			if _, err := m.Write(ctx, nil); err != nil {
				return 0, err
			}
			flush()
			mu.Lock()
			defer mu.Unlock()
			held = recs
			return len(recs), nil
		}}, m
	},
	"writes after shutdown": func() (exporters.Sink, *sinktest.Memory) {
		m := new(sinktest.Memory)
		return &wrap{Sink: m, shutdown: func() error { return nil }}, m
	},
	"refuses a second shutdown": func() (exporters.Sink, *sinktest.Memory) {
		m := new(sinktest.Memory)
		var once sync.Once
		return &wrap{Sink: m, shutdown: func() error {
			err := errors.New("already closed")
			once.Do(func() { err = m.Shutdown(context.Background()) })
			return err
		}}, m
	},
	"leaves a goroutine behind": func() (exporters.Sink, *sinktest.Memory) {
		m := new(sinktest.Memory)
		go func() { select {} }()
		return m, m
	},
	"loses records of a cancelled write": func() (exporters.Sink, *sinktest.Memory) {
		m := new(sinktest.Memory)
		return &wrap{Sink: m, write: func(ctx context.Context, recs []record.Record) (int, error) {
			if ctx.Err() != nil {
				return len(recs), nil
			}
			return m.Write(ctx, recs)
		}}, m
	},
	"panics on hostile records": func() (exporters.Sink, *sinktest.Memory) {
		m := new(sinktest.Memory)
		return &wrap{Sink: m, write: func(ctx context.Context, recs []record.Record) (int, error) {
			for i := range recs {
				_ = recs[i].Attributes[0]
			}
			return m.Write(ctx, recs)
		}}, m
	},
}

type wrap struct {
	exporters.Sink
	write    func(context.Context, []record.Record) (int, error)
	flush    func()
	shutdown func() error
}

func (w *wrap) Write(ctx context.Context, recs []record.Record) (int, error) {
	if w.write == nil {
		return w.Sink.Write(ctx, recs)
	}
	return w.write(ctx, recs)
}

func (w *wrap) ForceFlush(ctx context.Context) error {
	if w.flush != nil {
		w.flush()
	}
	return w.Sink.ForceFlush(ctx)
}

func (w *wrap) Shutdown(ctx context.Context) error {
	if w.shutdown == nil {
		return w.Sink.Shutdown(ctx)
	}
	return w.shutdown()
}

const brokenEnv = "SINKTEST_BROKEN"

// TestBroken runs the suite on the broken sink that the environment names; it
// is run by TestSuiteFindsBrokenSinks, in a process of its own.
func TestBroken(t *testing.T) {
	make, ok := broken[os.Getenv(brokenEnv)]
	if !ok {
		t.Skip("run by TestSuiteFindsBrokenSinks")
	}
	sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
		s, m := make()
		return s, func() []string { return ids(m) }
	}})
}

// The suite is worth something only if it fails what is wrong.
func TestSuiteFindsBrokenSinks(t *testing.T) {
	for name := range broken {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestBroken$")
			cmd.Env = append(os.Environ(), brokenEnv+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "FAIL") {
				t.Errorf("the suite passes a sink that %s: %v\n%s", name, err, out)
			}
		})
	}
}
