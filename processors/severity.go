package processors

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

var _ Counted = (*SeverityStep)(nil)

// SeverityConfig configures a [SeverityStep].
type SeverityConfig struct {
	// Name is what statistics call the step; empty means "severity".
	Name string `yaml:"name"`
	// Rules set severities; the first that chooses a record decides.
	Rules []SeverityRule `yaml:"rules"`
	// Func, if given, is asked for the severity of the records that no rule
	// chooses; 0 leaves it, as does a number that is no severity. It may be
	// called concurrently, and must neither change nor keep r. If it panics,
	// the record is dropped.
	//
	// What it answers is not known beforehand: a logger whose records may
	// reach it logs all severities if any is wanted behind the step.
	Func func(ctx context.Context, r *record.Record) log.Severity `yaml:"-"`
}

// SeverityRule gives the records that Match chooses the severity Set.
type SeverityRule struct {
	Match Match    `yaml:"match"`
	Set   Severity `yaml:"set"`
}

// DefaultSeverityConfig returns the defaults: there are none.
func DefaultSeverityConfig() SeverityConfig { return SeverityConfig{} }

// Validate reports every setting that cannot work.
func (c SeverityConfig) Validate() error {
	var errs []error
	for i, r := range c.Rules {
		if err := r.Match.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("rules[%d].match: %w", i, err))
		}
		switch {
		case r.Set == 0:
			errs = append(errs, fmt.Errorf("rules[%d]: set is missing: write the severity that the records get", i))
		case !valid(log.Severity(r.Set)):
			errs = append(errs, fmt.Errorf("rules[%d].set: %d is no severity", i, int(r.Set)))
		}
	}
	if len(c.Rules) == 0 && c.Func == nil {
		errs = append(errs, errors.New("no severity is set: give it rules"))
	}
	return errors.Join(errs...)
}

func valid(s log.Severity) bool { return s >= log.SeverityTrace1 && s <= log.SeverityFatal4 }

// everySeverity is the set of all that a record may be given.
const everySeverity severities = 1<<(log.SeverityFatal4+1) - 2

// SeverityStep changes the severity of records: an error that is known to be
// harmless becomes a warning. The severity's text, which is the source's word
// for the old one, is removed, so that outputs show the new one's name. A
// record that has the severity already keeps its text.
//
// What loggers log, and what is enabled, follows: a debug record that becomes
// an error is logged if errors are wanted behind the step.
type SeverityStep struct {
	name     string
	selector *selector
	set      []log.Severity
	ask      func(context.Context, *record.Record) log.Severity
	code     foreign // ask
	changed  atomic.Uint64
}

// NewSeverityStep returns a SeverityStep.
func NewSeverityStep(cfg SeverityConfig) (*SeverityStep, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("severity: %w", err)
	}
	s := &SeverityStep{name: cfg.Name, ask: cfg.Func}
	if s.name == "" {
		s.name = "severity"
	}
	s.code.name = "the Func of " + s.name
	matches := make([]Match, len(cfg.Rules))
	for i, r := range cfg.Rules {
		matches[i] = r.Match
		s.set = append(s.set, log.Severity(r.Set))
	}
	var err error
	if s.selector, err = firstOf(matches); err != nil {
		return nil, fmt.Errorf("severity: %w", err)
	}
	return s, nil
}

func (s *SeverityStep) readsOnly() bool { return false }

// Enabled implements [Processor]: every record passes.
func (s *SeverityStep) Enabled(context.Context, *record.Origin, log.Severity, string) bool {
	return true
}

func (s *SeverityStep) walk(_ context.Context, scope *record.Origin, sevs severities, event string) (behind severities, wanted bool) {
	for sev := range sevs.each {
		settled := false
		s.selector.each(scope, sev, event, func(i int, v verdict) bool {
			behind |= only(s.set[i])
			settled = v == always
			return !settled
		})
		if settled {
			continue
		}
		behind |= only(sev)
		if s.ask != nil {
			behind |= everySeverity
		}
	}
	return behind, false
}

// OnEmit sets r's severity and hands it on.
func (s *SeverityStep) OnEmit(ctx context.Context, r *record.Record, next Next) error {
	var sev log.Severity
	if i := s.selector.first(r); i >= 0 {
		sev = s.set[i]
	} else if s.ask != nil {
		if err := s.code.call(func() { sev = s.ask(ctx, r) }); err != nil {
			return err
		}
	}
	if sev != r.Severity && valid(sev) {
		r.Severity, r.SeverityText = sev, ""
		s.changed.Add(1)
	}
	return next(ctx, r)
}

// ForceFlush does nothing: the step holds no records.
func (s *SeverityStep) ForceFlush(context.Context) error { return nil }

// Shutdown does nothing.
func (s *SeverityStep) Shutdown(context.Context) error { return nil }

// Books implements [Counted].
func (s *SeverityStep) Books() StepStats {
	st := StepStats{Name: s.name, Changed: s.changed.Load()}
	s.code.count(&st)
	return st
}
