package processors

import (
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/record"
)

// exemptions choose the records that a step which limits the volume leaves
// alone. A record without severity, which has no minimum to fail, is not
// exempt for it: exemption takes a severity that says so.
type exemptions struct {
	severe  *selector // for records that have a severity
	unknown *selector // for those without: what asks for no severity
}

// defaultExempt exempts errors.
func defaultExempt() []Match {
	return []Match{{MinimumSeverity: Severity(log.SeverityError1)}}
}

func compileExempt(list []Match) (exemptions, error) {
	if err := validateList("exempt", list); err != nil {
		return exemptions{}, err
	}
	var unbounded []Match
	for _, m := range list {
		if m.MinimumSeverity == 0 && m.MaximumSeverity == 0 {
			unbounded = append(unbounded, m)
		}
	}
	severe, err := firstOf(list)
	if err != nil {
		return exemptions{}, err
	}
	unknown, err := firstOf(unbounded)
	return exemptions{severe, unknown}, err
}

// cover reports whether the record is exempt.
func (e *exemptions) cover(r *record.Record) bool {
	if r.Severity == log.SeverityUndefined {
		return e.unknown.first(r) >= 0
	}
	return e.severe.first(r) >= 0
}

// possible reports whether a record of which only this is known may be exempt.
func (e *exemptions) possible(scope *record.Origin, sev log.Severity, event string) bool {
	return e.severe.enabled(scope, sev, event)
}
