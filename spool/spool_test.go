package spool

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
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
