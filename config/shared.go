package config

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

// ref stands for an exporter defined under distribution.sluice.exporters:
// {ref: NAME}, or {ref: {name: NAME}}, which the published schema allows.
type ref struct {
	Name   string `yaml:"name,required"`
	target *exporterNode
}

// refUse is a ref whose exporter is still to be found.
type refUse struct {
	ref  *ref
	node *node
}

func (c *ref) decodeNode(d *decoder, n *node) {
	if n.kind == stringKind {
		c.Name = n.text
	} else {
		type keys ref // without this method
		k := keys(*c)
		d.into(n, &k)
		*c = ref(k)
	}
	d.refs = append(d.refs, refUse{c, n})
}

func (d *decoder) settleRefs(shared map[string]exporterNode) {
	for _, use := range d.refs {
		target, ok := shared[use.ref.Name]
		if !ok && use.ref.Name != "" {
			d.fail(use.node, "no exporter of that name is defined under distribution.sluice.exporters",
				suggest(use.ref.Name, slices.Collect(maps.Keys(shared)), "shared exporters"))
		}
		use.ref.target = &target
	}
}

func (c *ref) label(string) string { return c.Name }

func (c *ref) network() bool { return c.target.config.network() }

func (c *ref) open(s *starter) (exporters.Sink, error) {
	sh := s.shared[c.Name]
	if sh == nil {
		sink, err := c.target.open(s)
		if err != nil {
			return nil, err
		}
		sh = &shared{sink: sink}
		s.shared[c.Name] = sh
	}
	return &share{shared: sh, first: sh.users.Add(1) == 1}, nil
}

// shared is a sink with several users.
type shared struct {
	sink  exporters.Sink
	users atomic.Int32
}

// share is one user's part in a shared sink. The sink is shut down with its
// last user.
type share struct {
	shared *shared
	first  bool
	closed atomic.Bool
}

var (
	_ exporters.Unwrapper = (*share)(nil)
	_ exporters.Forwarder = (*share)(nil)
	_ exporters.Detourer  = (*share)(nil)
)

// Unwrap returns the sink that is shared.
func (s *share) Unwrap() exporters.Sink { return s.shared.sink }

// Quiet implements [exporters.Quiet].
func (s *share) Quiet() bool { return exporters.IsQuiet(s.shared.sink) }

// Write implements [exporters.Sink].
func (s *share) Write(ctx context.Context, recs []record.Record) (int, error) {
	if s.closed.Load() {
		return 0, exporters.ErrClosed
	}
	return s.shared.sink.Write(ctx, recs)
}

// Forwards implements [exporters.Forwarder].
func (s *share) Forwards() bool { return exporters.CanForward(s.shared.sink) }

// WriteOTLP implements [exporters.Forwarder].
func (s *share) WriteOTLP(ctx context.Context, recs []encode.OTLPRecord) (int, error) {
	if s.closed.Load() {
		return 0, exporters.ErrClosed
	}
	f, ok := s.shared.sink.(exporters.Forwarder)
	if !ok {
		return 0, exporters.Permanent(errors.New("the shared exporter takes no encoded records"))
	}
	return f.WriteOTLP(ctx, recs)
}

// Counts implements [exporters.Detourer]. Who was the first to use the sink
// tells of all its detours, so that nothing is told twice.
func (s *share) Counts() exporters.FailoverCounts {
	d, ok := exporters.As[exporters.Detourer](s.shared.sink)
	if !ok || !s.first {
		return exporters.FailoverCounts{}
	}
	return d.Counts()
}

// ForceFlush implements [exporters.Sink].
func (s *share) ForceFlush(ctx context.Context) error {
	if s.closed.Load() {
		return nil
	}
	return s.shared.sink.ForceFlush(ctx)
}

// Shutdown implements [exporters.Sink].
func (s *share) Shutdown(ctx context.Context) error {
	if s.closed.Swap(true) {
		return nil
	}
	if s.shared.users.Add(-1) > 0 {
		if _, ok := exporters.As[exporters.Spooler](s.shared.sink); ok {
			return nil // what was written is safe, and the last user's to drain
		}
		return s.shared.sink.ForceFlush(ctx)
	}
	return s.shared.sink.Shutdown(ctx)
}

// sluiceSettings are the settings of the whole, under distribution.sluice.
type sluiceSettings struct {
	Exporters map[string]exporterNode `yaml:"exporters"`
	// Redact says whether secrets are redacted although the file has no redact
	// processor of its own; nil is yes.
	Redact *bool `yaml:"redact"`
}

// decodeNode keeps a ref from standing for another one, or for itself.
func (s *sluiceSettings) decodeNode(d *decoder, n *node) {
	type keys sluiceSettings
	k := keys(*s)
	before := len(d.refs)
	d.into(n, &k)
	for _, use := range d.refs[before:] {
		d.fail(use.node, "a shared exporter cannot be made of another one", "write its settings here")
	}
	d.refs = d.refs[:before]
	*s = sluiceSettings(k)
}

// unused returns the names of the shared exporters that nothing refers to.
func (d *decoder) unused(defined map[string]exporterNode) []string {
	used := map[string]bool{}
	for _, use := range d.refs {
		used[use.ref.Name] = true
	}
	var names []string
	for name := range defined {
		if !used[name] {
			names = append(names, fmt.Sprintf("distribution.sluice.exporters.%s", name))
		}
	}
	slices.Sort(names)
	return names
}
