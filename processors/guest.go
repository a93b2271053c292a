package processors

import (
	"context"
	"fmt"
	"maps"
	"reflect"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/record"
)

// guest is a user's step as a chain has it: what may go wrong in it stays away
// from the code that logs, and from the rest of the pipeline. It has none of the
// methods by which steps of this package know each other, which a step that
// embeds one of ours has too, though it may do something else altogether.
type guest struct {
	step     Processor
	code     foreign
	flushing exporters.Turn
}

var _ Counted = (*guest)(nil)

// guestBrancher is a guest that delivers.
type guestBrancher struct{ *guest }

var _ Brancher = guestBrancher{}

// host returns the step that a chain has for one that it is given.
func host(step Processor) Processor {
	t := reflect.TypeOf(step)
	if t.Kind() == reflect.Pointer && t.Elem().PkgPath() == reflect.TypeFor[chain]().PkgPath() {
		return step
	}
	g := &guest{step: step, code: foreign{name: t.String()}, flushing: exporters.NewTurn()}
	if _, delivers := step.(Brancher); delivers {
		return guestBrancher{g}
	}
	return g
}

// inner returns the step that stands behind a guest, or step itself.
func inner(step Processor) Processor {
	if g, ok := step.(interface{ inner() Processor }); ok {
		return g.inner()
	}
	return step
}

func (g *guest) inner() Processor { return g.step }

// Enabled takes a panic for what it says: "unsure", which is true.
func (g *guest) Enabled(ctx context.Context, scope *record.Origin, sev log.Severity, event string) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = true
		}
	}()
	return g.step.Enabled(ctx, scope, sev, event)
}

func (g *guest) OnEmit(ctx context.Context, r *record.Record, next Next) (err error) {
	if lost := g.code.call(func() { err = g.step.OnEmit(ctx, r, next) }); lost != nil {
		return lost
	}
	return err
}

// ForceFlush gives a step that is stuck no second call to be stuck in.
func (g *guest) ForceFlush(ctx context.Context) error {
	if err := g.flushing.Lock(ctx); err != nil {
		return fmt.Errorf("processors: %s: the flush before is still under way: %w", g.code.name, err)
	}
	return aside(ctx, "processors: "+g.code.name, func() error {
		defer g.flushing.Unlock()
		return g.step.ForceFlush(ctx)
	})
}

func (g *guest) Shutdown(ctx context.Context) error {
	return aside(ctx, "processors: "+g.code.name, func() error { return g.step.Shutdown(ctx) })
}

// Books returns the step's own books, if it keeps any, and what was lost in it.
func (g *guest) Books() (s StepStats) {
	if c, ok := g.step.(Counted); ok {
		func() {
			defer func() { _ = recover() }() // who asks for statistics is not to suffer
			s = c.Books()
			s.Stopped = maps.Clone(s.Stopped)
		}()
	}
	if s.Name == "" {
		s.Name = typeName(g.step)
	}
	g.code.count(&s)
	return s
}

func (g guestBrancher) Branches() []Branch {
	defer func() { _ = recover() }()
	return g.step.(Brancher).Branches()
}

// statsOf returns a branch's books; a user's may panic.
func statsOf(b Branch) (s ExporterStats) {
	defer func() {
		if p := recover(); p != nil {
			s = ExporterStats{Name: typeName(b), LastError: "its statistics panicked: " + panicText(p)}
		}
	}()
	return b.Stats()
}
