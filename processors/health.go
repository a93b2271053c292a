package processors

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// HealthStatus says in one word how a pipeline does.
type HealthStatus string

const (
	// HealthOK: every exporter's latest write succeeded, and no record was
	// dropped within the last minute.
	HealthOK HealthStatus = "ok"
	// HealthDegraded: an exporter's latest write failed or has not come back
	// in time, or records were dropped within the last minute.
	HealthDegraded HealthStatus = "degraded"
	// HealthFailed: all exporters have been failing for a minute or longer, so
	// that nothing is delivered any more; or the pipeline was shut down.
	HealthFailed HealthStatus = "failed"
)

// healthWindow is how long a drop is remembered, and how long all exporters may
// fail before the pipeline counts as failed: one lost connection is no reason
// to restart a program.
const healthWindow = time.Minute

// Health is how a pipeline does, and why. A pipeline without exporters is well.
type Health struct {
	Status HealthStatus `json:"status"`
	// Causes are what keeps the status from being ok, in the order of the
	// exporters.
	Causes []HealthCause `json:"causes,omitempty"`
}

// HealthCause is one thing that is wrong.
type HealthCause struct {
	// Exporter is the exporter's name, empty for what concerns the pipeline.
	Exporter string `json:"exporter,omitempty"`
	Cause    string `json:"cause"`
}

// String returns "exporter mail: no route to host".
func (c HealthCause) String() string {
	if c.Exporter == "" {
		return c.Cause
	}
	return "exporter " + c.Exporter + ": " + c.Cause
}

// Err returns nil if the status is ok, else an error that tells the causes.
func (h Health) Err() error {
	if h.Status == HealthOK {
		return nil
	}
	errs := make([]error, len(h.Causes))
	for i, c := range h.Causes {
		errs[i] = errors.New(c.String())
	}
	return fmt.Errorf("%s: %w", h.Status, errors.Join(errs...))
}

// health judges the books as they are at now.
func (s Stats) health(closed bool, now time.Time) Health {
	h := Health{Status: HealthOK}
	because := func(exporter, cause string) {
		h.Status = HealthDegraded
		h.Causes = append(h.Causes, HealthCause{exporter, cause})
	}
	if closed {
		because("", "the pipeline was shut down")
	}
	allFailing := len(s.Exporters) > 0
	for _, e := range s.Exporters {
		failing := !e.FailingSince.IsZero()
		if failing {
			because(e.Name, brief(e.LastError))
		}
		if !e.LastDrop.IsZero() && now.Sub(e.LastDrop) < healthWindow {
			because(e.Name, fmt.Sprintf("%s since the start, the latest %s ago", sentence(e.Dropped), now.Sub(e.LastDrop).Round(time.Second)))
		}
		allFailing = allFailing && failing && now.Sub(e.FailingSince) >= healthWindow
	}
	if closed || allFailing {
		h.Status = HealthFailed
	}
	return h
}

// maxCause bounds the text of a cause, in bytes.
const maxCause = 500

// brief returns the first line of an error's text: a panic's stack is for the
// error handler.
func brief(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return clip(text, maxCause)
}
