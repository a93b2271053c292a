package tally_test

import (
	"testing"

	"github.com/seed2f724858/sluice/cmd/sluice/internal/table"
	"github.com/seed2f724858/sluice/cmd/sluice/internal/tally"
	"github.com/seed2f724858/sluice/processors"
)

func TestStep(t *testing.T) {
	for _, tt := range []struct {
		books processors.StepStats
		want  string
	}{
		{processors.StepStats{Name: "redact"}, ""},
		{processors.StepStats{Changed: 1}, "1 changed"},
		{processors.StepStats{Stopped: map[string]uint64{"rate_limited": 120}, Added: 3}, "120 stopped (rate_limited), 3 added"},
		{processors.StepStats{Stopped: map[string]uint64{"b": 2, "a": 1}}, "1 stopped (a), 2 stopped (b)"},
		{processors.StepStats{Held: 7, Released: 12345, Refused: 1}, "7 held, 12,345 released, 1 refused (triggers)"},
	} {
		if got := tally.Step(tt.books, table.Count); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.books, got, tt.want)
		}
	}
}
