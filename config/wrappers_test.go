package config

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
)

// remote is a destination for tests: it can be down, and says which one it is.
type remote struct {
	sinktest.Script
	name string
}

type remoteSettings struct {
	Host string           `yaml:"host"`
	Down bool             `yaml:"down"`
	Key  exporters.Secret `yaml:"key"`
}

func (c *remoteSettings) Validate() error {
	if c.Host == "" {
		return errors.New("host: is empty: write host: example.org")
	}
	return nil
}

// Check repeats a secret, which it must not.
func (c *remoteSettings) Check() error {
	if c.Down {
		return fmt.Errorf("%s does not answer to %s", c.Host, c.Key.Reveal())
	}
	return nil
}

// remotes is a type of exporters of one's own, and what it has opened.
type remotes struct{ opened []*remote }

func (all *remotes) typ() ExporterType {
	return NewExporterType("remote", func() remoteSettings { return remoteSettings{Host: "localhost"} },
		func(c remoteSettings) (*remote, error) {
			r := &remote{name: c.Host}
			if c.Down {
				r.OnWrite = func(context.Context, int, []record.Record) (int, error) { return 0, errors.New(c.Host + " is down") }
			}
			all.opened = append(all.opened, r)
			return r, nil
		}).Network()
}

// chainOf names the sinks from s inwards.
func chainOf(s exporters.Sink) (names []string) {
	for s != nil {
		switch sink := s.(type) {
		case *remote:
			return append(names, sink.name)
		case *exporters.Retry:
			names = append(names, "retry")
		case *exporters.Failover:
			names = append(names, "failover")
		case *share:
			names = append(names, "share")
		default:
			return append(names, fmt.Sprintf("%T", s))
		}
		s = s.(exporters.Unwrapper).Unwrap()
	}
	return names
}

// An exporter that may be out of reach gets one retry, in front of all that
// stands before it; a file has none.
func TestRetryInFront(t *testing.T) {
	all := &remotes{}
	doc := parse(t, `
logger_provider:
  processors:
    - async: {exporter: {remote: {host: a}}}
    - simple: {exporter: {remote: {host: b}}}
    - batch: {exporter: {retry: {max_elapsed: 1s, exporter: {remote: {host: c}}}}}
    - async: {exporter: {failover: {exporters: [{discard: }, {remote: {host: d}}]}}}
    - async: {exporter: {failover: {exporters: [{discard: }, {discard: }]}}}
    - async: {exporter: {retry: {exporter: {failover: {exporters: [{remote: {host: e}}, {ref: shared}]}}}}}
    - async: {exporter: {ref: shared}}
    - async: {exporter: {ref: patient}}
    - async: {exporter: {discard: }}
distribution:
  sluice:
    exporters:
      shared: {remote: {host: f}}
      patient: {retry: {exporter: {remote: {host: g}}}}
`, WithExporterTypes(all.typ()))
	var got [][]string
	s := &starter{ctx: t.Context(), shared: map[string]*shared{}}
	for _, p := range doc.model.LoggerProvider.Processors {
		var e *exporterNode
		switch c := p.config.(type) {
		case *async:
			e = &c.Exporter
		case *batch:
			e = &c.Exporter
		case *simple:
			e = &c.Exporter
		}
		sink, err := e.start(s)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, chainOf(sink))
		if err := sink.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	want := [][]string{
		{"retry", "a"},
		{"retry", "b"},
		{"retry", "c"},
		{"retry", "failover", "*discard.Exporter"},
		{"failover", "*discard.Exporter"},
		{"retry", "failover", "e"},
		{"retry", "share", "f"},
		{"share", "retry", "g"},
		{"*discard.Exporter"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, r := range all.opened {
		if _, err := r.Write(t.Context(), sinktest.Records("x", 0, 1)); r.OnWrite == nil && !errors.Is(err, exporters.ErrClosed) {
			t.Errorf("%s is open", r.name)
		}
	}
}

// Who rather waits than loses a record never gives up.
func TestRetryUnderOnFullBlock(t *testing.T) {
	const doc = `
logger_provider:
  processors:
    - async: {exporter: {retry: {exporter: {discard: }}}}
    - async: {exporter: {retry: {max_elapsed: 7s, exporter: {discard: }}}}
`
	for _, c := range []struct {
		opts []Option
		want []exporters.Duration
	}{
		{nil, []exporters.Duration{exporters.DefaultRetryConfig().MaxElapsed, exporters.Duration(7 * time.Second)}},
		{[]Option{OnFullBlock()}, []exporters.Duration{exporters.Unlimited, exporters.Duration(7 * time.Second)}},
	} {
		var got []exporters.Duration
		for _, p := range parse(t, doc, c.opts...).model.LoggerProvider.Processors {
			got = append(got, p.config.(*async).Exporter.config.(*retry).MaxElapsed)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("have %v, want %v", got, c.want)
		}
	}
	if got := defaultRetry(true).MaxElapsed; got != exporters.Unlimited {
		t.Errorf("the retry that nobody wrote gives up after %s", got)
	}
}

// While the first exporter is down the second gets the records, and the books
// say so, once.
func TestFailover(t *testing.T) {
	all := &remotes{}
	path := filepath.Join(t.TempDir(), "spare.jsonl")
	rt := start(t, `
logger_provider:
  processors:
    - simple: {exporter: {failover: {exporters: [{remote: {host: a, down: true}}, {file: {path: "`+path+`"}}]}}}
    - simple: {exporter: {ref: both}}
    - simple: {exporter: {ref: both}}
distribution:
  sluice:
    exporters:
      both: {failover: {exporters: [{remote: {host: b, down: true}}, {remote: {host: c}}]}}
`, WithExporterTypes(all.typ()))
	rt.Logger("shop").Info("hello")
	rt.Logger("shop").Info("again")
	if got := lines(t, path); len(got) != 2 {
		t.Errorf("%d lines", len(got))
	}
	var got []string
	for _, e := range rt.Stats().Exporters {
		got = append(got, fmt.Sprintf("%s %s %d delivered %d detoured %d switches", e.Name, e.Exporter, e.Delivered, e.Detoured, e.Switches))
	}
	want := []string{
		"remote config.remote 2 delivered 2 detoured 1 switches",
		"both config.remote 2 delivered 4 detoured 1 switches",
		"both/2 config.remote 2 delivered 0 detoured 0 switches",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := all.opened[len(all.opened)-1].Len(); n != 4 {
		t.Errorf("%d arrived at c", n)
	}
	if err := rt.Health().Err(); err != nil {
		t.Error(err)
	}
}

// A failover one of whose exporters cannot be opened leaves none open.
func TestFailoverFails(t *testing.T) {
	all := &remotes{}
	broken := NewExporterType("broken", noSettings, func(struct{}) (*remote, error) { return nil, errors.New("no such thing") })
	_, err := parse(t, `
logger_provider:
  processors: [{simple: {exporter: {failover: {exporters: [{remote: {host: a}}, {broken: }]}}}}]
`, WithExporterTypes(all.typ(), broken)).Start(t.Context())
	if err == nil || err.Error() != `F:4:82: logger_provider.processors[0].simple.exporter.failover.exporters[1].broken: no such thing` {
		t.Errorf("got %v", err)
	}
	if _, err := all.opened[0].Write(t.Context(), sinktest.Records("x", 0, 1)); !errors.Is(err, exporters.ErrClosed) {
		t.Errorf("the first is open: %v", err)
	}
}

// Types of one's own are read like others: names, defaults, checks, hints.
func TestExporterTypes(t *testing.T) {
	all := &remotes{}
	types := WithExporterTypes(all.typ(), NewExporterType("bare", func() remoteSettings { return remoteSettings{} },
		func(c remoteSettings) (*remote, error) { return &remote{name: c.Host}, nil }).Standard())
	_, err := Parse("F", []byte(`file_format: "1.1"
logger_provider:
  processors:
    - async: {exporter: {remote: {host: "", prot: 1}}}
    - async: {exporter: {bare: {host: a, name: b}}}
    - async: {exporter: {remot: }}
    - remote: {}
`), types)
	want := `F:4:41: logger_provider.processors[0].async.exporter.remote.host: is empty; hint: write host: example.org
F:4:45: logger_provider.processors[0].async.exporter.remote.prot: unknown key "prot"; hint: keys here: down, host, key, name
F:5:42: logger_provider.processors[1].async.exporter.bare.name: unknown key "name"; hint: keys here: down, host, key
F:6:26: logger_provider.processors[2].async.exporter.remot: exporter "remot" is not built into this binary; hint: did you mean "remote"?
F:7:7: logger_provider.processors[3].remote: processor "remote" is not built into this binary; hint: remote is an exporter: write - async: {exporter: {remote: {…}}}`
	if err == nil || err.Error() != want {
		t.Error(cmp.Diff(want, fmt.Sprint(err)))
	}
	doc := parse(t, `
logger_provider: {processors: [{async: {exporter: {remote: {host: example.org, down: true, key: hunter2}}}}]}
`, types)
	if err := doc.Check(); err == nil || err.Error() != `F:3:52: logger_provider.processors[0].async.exporter.remote: example.org does not answer to [REDACTED]` {
		t.Errorf("Check: %v", err)
	}
	for name, opts := range map[string][]Option{
		"two exporter types have the name \"file\"":        {WithExporterTypes(NewExporterType("file", noSettings, newConsole))},
		"two exporter types have the name \"remote\"":      {types, WithExporterTypes(all.typ())},
		"an exporter type has no name: make it with NewEx": {WithExporterTypes(ExporterType{})},
	} {
		if _, err := Parse("F", nil, opts...); err == nil || !strings.HasPrefix(err.Error(), "config: "+name) {
			t.Errorf("have %v, want %s", err, name)
		}
	}
}
