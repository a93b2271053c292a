package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// config returns the defaults, with a directory of the test's own.
func config(t testing.TB, change func(*Config)) Config {
	t.Helper()
	c := DefaultConfig()
	c.Directory = t.TempDir()
	if change != nil {
		change(&c)
	}
	return c
}

func newSpool(t testing.TB, sink exporters.Sink, c Config) *Spool {
	t.Helper()
	s, err := New(sink, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	for _, sync := range []SyncPolicy{SyncNever, SyncAlways, SyncPolicy(1e6)} {
		t.Run(sync.String(), func(t *testing.T) {
			sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
				m := new(sinktest.Memory)
				s := newSpool(t, m, config(t, func(c *Config) { c.Sync = sync }))
				return s, func() []string { return ids(m) }
			}})
		})
	}
}

// ids returns the ids that arrived, in order.
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

// write writes records of a series, all of which must be taken.
func write(t testing.TB, s *Spool, series string, from, n int) {
	t.Helper()
	if taken, err := s.Write(context.Background(), sinktest.Records(series, from, n)); taken != n || err != nil {
		t.Fatalf("Write = %d of %d, %v", taken, n, err)
	}
}

func flushed(t testing.TB, s *Spool) {
	t.Helper()
	if err := s.ForceFlush(context.Background()); err != nil {
		t.Fatalf("ForceFlush: %v", err)
	}
}

func shutdown(t testing.TB, s *Spool) {
	t.Helper()
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	balanced(t, s.Spooled())
}

// balanced fails the test unless the books balance.
func balanced(t testing.TB, st exporters.SpoolStats) {
	t.Helper()
	gone := st.Delivered + st.Waiting
	for _, n := range st.Dropped {
		gone += n
	}
	if all := st.Accepted + st.Recovered + st.Noticed; all != gone {
		t.Errorf("the books do not balance: %d came in, %d are told of: %+v", all, gone, st)
	}
}

// wantBooks compares what is told of drops as "cause n, cause n".
func wantBooks(t testing.TB, s *Spool, accepted, recovered, delivered, waiting uint64, dropped string) {
	t.Helper()
	st := s.Spooled()
	balanced(t, st)
	_, told, _ := strings.Cut(sentence(st.Dropped), "(")
	if told = strings.TrimSuffix(told, ")"); st.Accepted != accepted || st.Recovered != recovered ||
		st.Delivered-min(st.Noticed, st.Delivered) != delivered || st.Waiting != waiting || told != dropped {
		t.Errorf("accepted %d, recovered %d, delivered %d (with %d notices), waiting %d, dropped %q; want %d, %d, %d, %d, %q",
			st.Accepted, st.Recovered, st.Delivered, st.Noticed, st.Waiting, told, accepted, recovered, delivered, waiting, dropped)
	}
}

func series(name string, from, to int) []string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, sinktest.ID(name, i))
	}
	return all
}

func wantIDs(t testing.TB, got []string, want ...[]string) {
	t.Helper()
	if all := slices.Concat(want...); !slices.Equal(got, all) {
		t.Errorf("%d records arrived, want %d, or in another order: %.300s", len(got), len(all), fmt.Sprint(got))
	}
}

// files returns what is in a directory, without the numbers of queues.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if rel, _ := filepath.Rel(dir, path); rel != "." {
			all = append(all, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func content(t testing.TB, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// outage is a Script that fails until it is over.
type outage struct {
	sinktest.Script
	mu  sync.Mutex
	err error
}

func newOutage(err error) *outage {
	o := &outage{err: err}
	o.OnWrite = func(_ context.Context, _ int, recs []record.Record) (int, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.err != nil {
			return 0, o.err
		}
		return len(recs), nil
	}
	return o
}

func (o *outage) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = nil
}

var errDown = errors.New("connection refused")

// forwarder keeps what it is sent in OTLP's binary form.
type forwarder struct {
	sinktest.Memory
	mu   sync.Mutex
	sent []encode.OTLPRecord
}

func (f *forwarder) Forwards() bool { return true }

func (f *forwarder) WriteOTLP(_ context.Context, recs []encode.OTLPRecord) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range recs {
		f.sent = append(f.sent, encode.OTLPRecord{Origin: r.Origin, Log: slices.Clone(r.Log), UID: r.UID})
	}
	return len(recs), nil
}

func uid(r *record.Record) string {
	v, _ := r.Attr("log.record.uid")
	if v.Type() != attribute.STRING {
		return ""
	}
	return v.AsString()
}
