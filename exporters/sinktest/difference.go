package sinktest

import "fmt"

// difference tells in one line where got leaves want.
func difference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%d ids, want %d; at %d %q, want %q", len(got), len(want), i, got[i], want[i])
		}
	}
	return fmt.Sprintf("%d ids, want %d; equal as far as they go", len(got), len(want))
}
