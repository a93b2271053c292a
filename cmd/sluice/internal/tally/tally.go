// Package tally tells people what a step of a pipeline did to records.
package tally

import (
	"maps"
	"slices"
	"strings"

	"github.com/seed2f724858/sluice/processors"
)

// Step says what a step's books hold, with numbers as number writes them:
// "120 stopped (rate_limited), 3 added". It is empty for a step that let every
// record pass as it was.
func Step(s processors.StepStats, number func(uint64) string) string {
	var parts []string
	add := func(n uint64, what string) {
		if n > 0 {
			parts = append(parts, number(n)+" "+what)
		}
	}
	for _, cause := range slices.Sorted(maps.Keys(s.Stopped)) {
		add(s.Stopped[cause], "stopped ("+cause+")")
	}
	add(s.Held, "held")
	add(s.Released, "released")
	add(s.Added, "added")
	add(s.Changed, "changed")
	add(s.Refused, "refused (triggers)")
	return strings.Join(parts, ", ")
}
