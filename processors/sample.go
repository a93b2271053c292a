package processors

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

var _ Counted = (*Sample)(nil)

// SampleConfig configures a [Sample].
type SampleConfig struct {
	// Name is what statistics call the step; empty means "sample".
	Name string `yaml:"name"`
	// Ratio is the part of the records that passes, from 0 to 1.
	Ratio float64 `yaml:"ratio"`
	// TraceBased has the records of a trace pass exactly if the trace is
	// sampled. Ratio is for the others then.
	TraceBased bool `yaml:"trace_based"`
	// Exempt chooses the records that always pass: any of the list may. A
	// record without severity is not exempt because of one.
	Exempt []Match `yaml:"exempt"`
}

// DefaultSampleConfig returns the defaults: ratio 1, errors are exempt.
func DefaultSampleConfig() SampleConfig { return SampleConfig{Ratio: 1, Exempt: defaultExempt()} }

// Validate reports every setting that cannot work.
func (c SampleConfig) Validate() error {
	_, err := newSample(c)
	return err
}

// sampleWeight is the attribute that tells how many records one stands for.
const sampleWeight = attribute.Key("sluice.sample.weight")

// Sample lets a part of the records pass. Which ones is decided by the trace
// id as OpenTelemetry's consistent probability sampling has it: every service
// with the same ratio keeps the records of the same traces, and one with a
// lower ratio some of those. (An explicit randomness value, which a tracestate
// may have, is not looked at.) Records outside of traces pass at random, each
// for itself.
//
// What passes for others too has the attribute sluice.sample.weight, a float:
// the number of records that it stands for, so that the sum of the weights
// estimates the count; without the attribute it is 1. It takes a weight from
// an earlier step into account. What passes because its trace is sampled has no
// weight: at which ratio that was is not known.
type Sample struct {
	name       string
	exempt     exemptions
	threshold  uint64 // the least randomness that passes
	weight     float64
	traceBased bool

	stopped, changed atomic.Uint64
}

// randomness is the number of values that decide, the 56 bits of which trace
// ids have at least:
// https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
const randomness = 1 << 56

// NewSample returns a Sample.
func NewSample(cfg SampleConfig) (*Sample, error) {
	s, err := newSample(cfg)
	if err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	return s, nil
}

func newSample(cfg SampleConfig) (*Sample, error) {
	var errs []error
	if !(cfg.Ratio >= 0 && cfg.Ratio <= 1) {
		errs = append(errs, fmt.Errorf("ratio is %v: want a number from 0 to 1", cfg.Ratio))
	} else if cfg.Ratio > 0 && cfg.Ratio < 1.0/randomness {
		errs = append(errs, fmt.Errorf("ratio is %v: want 0, or at least 2^-56", cfg.Ratio))
	}
	exempt, err := compileExempt(cfg.Exempt)
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	if cfg.Name == "" {
		cfg.Name = "sample"
	}
	return &Sample{
		name:       cfg.Name,
		exempt:     exempt,
		threshold:  randomness - uint64(math.Round(cfg.Ratio*randomness)),
		weight:     1 / cfg.Ratio,
		traceBased: cfg.TraceBased,
	}, nil
}

func (s *Sample) readsOnly() bool { return s.threshold == 0 || s.threshold == randomness }

// Enabled implements [Processor].
func (s *Sample) Enabled(_ context.Context, scope *record.Origin, sev log.Severity, event string) bool {
	return s.threshold < randomness || s.traceBased || s.exempt.possible(scope, sev, event)
}

// OnEmit implements [Processor].
func (s *Sample) OnEmit(ctx context.Context, r *record.Record, next Next) error {
	if s.exempt.cover(r) {
		return next(ctx, r)
	}
	traced := r.TraceID.IsValid()
	var pass bool
	switch {
	case traced && s.traceBased:
		pass = r.TraceFlags.IsSampled()
	case traced:
		pass = binary.BigEndian.Uint64(r.TraceID[8:])%randomness >= s.threshold
	default:
		pass = rand.Uint64()%randomness >= s.threshold
	}
	if !pass {
		s.stopped.Add(1)
		return nil
	}
	if s.threshold > 0 && !(traced && s.traceBased) {
		s.weigh(r, traced)
		s.changed.Add(1)
	}
	return next(ctx, r)
}

// weigh gives r its weight.
func (s *Sample) weigh(r *record.Record, traced bool) {
	weight := s.weight
	if v, ok := r.Attr(sampleWeight); ok && v.Type() == attribute.FLOAT64 {
		// Chances multiply where each step throws its own dice. Steps that
		// decide by the trace id all look at the same.
		switch earlier := v.AsFloat64(); {
		case !(earlier > 1) || math.IsInf(earlier, 0): // no weight at all
		case !traced:
			weight *= earlier
		case earlier > weight:
			weight = earlier
		}
	}
	setAttribute(r, sampleWeight.Float64(weight))
}

// ForceFlush does nothing.
func (s *Sample) ForceFlush(context.Context) error { return nil }

// Shutdown does nothing: sampling goes on.
func (s *Sample) Shutdown(context.Context) error { return nil }

// Books implements [Counted].
func (s *Sample) Books() StepStats {
	st := StepStats{Name: s.name, Changed: s.changed.Load()}
	if n := s.stopped.Load(); n > 0 {
		st.Stopped = map[string]uint64{CauseSampled: n}
	}
	return st
}
