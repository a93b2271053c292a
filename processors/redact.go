package processors

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/redact"
)

var _ Counted = (*Redact)(nil)

// RedactConfig configures a [Redact].
type RedactConfig struct {
	// Name is what statistics call the step; empty means "redact".
	Name string `yaml:"name"`
	// Config says what is redacted and how.
	redact.Config `yaml:",inline"`
	// Func, if given, redacts what only the program knows to be secret, after
	// the rest. It may be called concurrently and must not keep r. If it
	// panics, the record is dropped.
	Func func(ctx context.Context, r *record.Record) `yaml:"-"`
}

// DefaultRedactConfig returns the defaults, those of package redact: what
// preset "secrets" finds is replaced.
func DefaultRedactConfig() RedactConfig { return RedactConfig{Config: redact.DefaultConfig()} }

// Redact puts something else in the place of secrets: in the body, the
// attributes (exceptions' messages and stacks are some) and the origin. What
// stands behind it in the list never sees them. That goes for SDK processors
// behind the pipeline too, but for the resource and the scope, which the SDK
// does not let go of.
//
// A record that cannot be redacted, because that panics, is dropped.
type Redact struct {
	name     string
	redactor *redact.Redactor
	ask      func(context.Context, *record.Record)
	code     foreign // ask
	changed  atomic.Uint64
}

// NewRedact returns a Redact.
func NewRedact(cfg RedactConfig) (*Redact, error) {
	redactor, err := redact.New(cfg.Config)
	if err != nil {
		return nil, err
	}
	if cfg.Name == "" {
		cfg.Name = "redact"
	}
	return &Redact{name: cfg.Name, redactor: redactor, ask: cfg.Func}, nil
}

func (s *Redact) readsOnly() bool { return false }

// Enabled implements [Processor]: every record passes.
func (s *Redact) Enabled(context.Context, *record.Origin, log.Severity, string) bool { return true }

// OnEmit redacts r and hands it on.
func (s *Redact) OnEmit(ctx context.Context, r *record.Record, next Next) error {
	if _, err := s.redact(ctx, r); err != nil {
		return err
	}
	return next(ctx, r)
}

// redact reports whether it may have changed r. If it returns an error, r is
// empty: it may be somebody else's next, who gets it from the SDK.
func (s *Redact) redact(ctx context.Context, r *record.Record) (changed bool, err error) {
	returned := false
	defer func() {
		if err != nil || !returned {
			changed = true
			r.Body = attribute.Value{}
			clear(r.Attributes)
			r.Attributes = r.Attributes[:0]
		}
		if returned {
			return
		}
		s.code.lost.Add(1)
		// What somebody panicked with may be the secret itself.
		p := recover()
		why := fmt.Sprintf("with a %T", p)
		if e, ok := p.(runtime.Error); ok {
			why = "(" + e.Error() + ")"
		}
		err = fmt.Errorf("processors: %s panicked %s: the record was dropped", s.name, why)
	}()
	if changed = s.redactor.Record(r) > 0; changed {
		s.changed.Add(1)
	}
	if s.ask != nil {
		if !s.code.enter() {
			returned = true
			return true, fmt.Errorf("processors: the Func of %s logs into the pipeline that calls it: the record was dropped", s.name)
		}
		defer s.code.leave()
		s.ask(ctx, r)
		changed = true
	}
	returned = true
	return changed, nil
}

// ForceFlush does nothing: the step holds no records.
func (s *Redact) ForceFlush(context.Context) error { return nil }

// Shutdown does nothing.
func (s *Redact) Shutdown(context.Context) error { return nil }

// Books implements [Counted]. Changed counts the records that held a secret
// of a kind that Config names.
func (s *Redact) Books() StepStats {
	st := StepStats{Name: s.name, Changed: s.changed.Load()}
	s.code.count(&st)
	return st
}
