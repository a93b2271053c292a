package processors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

var _ Counted = (*Filter)(nil)

// FilterConfig configures a [Filter].
type FilterConfig struct {
	// Name is what statistics call the step; empty means "filter".
	Name string `yaml:"name"`
	// Keep chooses what passes, any of them; empty means everything.
	Keep []Match `yaml:"keep"`
	// Drop chooses what does not pass, even if Keep chooses it.
	Drop []Match `yaml:"drop"`
	// Func, if given, is asked about the records that Keep and Drop let pass:
	// true lets them pass. It may be called concurrently, and must neither
	// change nor keep r. If it panics, the record is dropped.
	Func func(ctx context.Context, r *record.Record) bool `yaml:"-"`
}

// DefaultFilterConfig returns the defaults: there are none.
func DefaultFilterConfig() FilterConfig { return FilterConfig{} }

// Validate reports every setting that cannot work.
func (c FilterConfig) Validate() error {
	errs := []error{validateList("keep", c.Keep), validateList("drop", c.Drop)}
	if len(c.Keep) == 0 && len(c.Drop) == 0 && c.Func == nil {
		errs = append(errs, errors.New("the filter lets everything pass: give it keep or drop"))
	}
	return errors.Join(errs...)
}

// Filter lets a record pass if Keep is empty or one of it chooses the record,
// and none of Drop does. What it stops is counted as [CauseFiltered].
type Filter struct {
	name string
	// selector holds what Drop lists before what Keep lists: the first that
	// chooses a record decides.
	selector *selector
	drops    int
	keepsAll bool
	ask      func(context.Context, *record.Record) bool
	code     foreign // ask
	stopped  atomic.Uint64
}

// NewFilter returns a Filter.
func NewFilter(cfg FilterConfig) (*Filter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	selector, err := firstOf(slices.Concat(cfg.Drop, cfg.Keep))
	if err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	if cfg.Name == "" {
		cfg.Name = "filter"
	}
	return &Filter{name: cfg.Name, selector: selector, drops: len(cfg.Drop), keepsAll: len(cfg.Keep) == 0, ask: cfg.Func, code: foreign{name: "the Func of " + cfg.Name}}, nil
}

func (f *Filter) readsOnly() bool { return true }

// Enabled implements [Processor].
func (f *Filter) Enabled(ctx context.Context, scope *record.Origin, sev log.Severity, event string) bool {
	behind, _ := f.walk(ctx, scope, only(sev), event)
	return behind != 0
}

func (f *Filter) walk(_ context.Context, scope *record.Origin, sevs severities, event string) (behind severities, wanted bool) {
	for sev := range sevs.each {
		passes := f.keepsAll
		f.selector.each(scope, sev, event, func(i int, v verdict) bool {
			switch {
			case i >= f.drops:
				passes = true
				return false
			case v == always:
				passes = false
				return false
			}
			return true
		})
		if passes {
			behind |= only(sev)
		}
	}
	return behind, false
}

// OnEmit hands r on if it passes.
func (f *Filter) OnEmit(ctx context.Context, r *record.Record, next Next) error {
	i := f.selector.first(r)
	passes := i >= f.drops || i < 0 && f.keepsAll
	if passes && f.ask != nil {
		if err := f.code.call(func() { passes = f.ask(ctx, r) }); err != nil {
			return err
		}
	}
	if !passes {
		f.stopped.Add(1)
		return nil
	}
	return next(ctx, r)
}

// ForceFlush does nothing: a Filter holds no records.
func (f *Filter) ForceFlush(context.Context) error { return nil }

// Shutdown does nothing.
func (f *Filter) Shutdown(context.Context) error { return nil }

// Books implements [Counted].
func (f *Filter) Books() StepStats {
	s := StepStats{Name: f.name}
	if n := f.stopped.Load(); n > 0 {
		s.Stopped = map[string]uint64{CauseFiltered: n}
	}
	f.code.count(&s)
	return s
}
