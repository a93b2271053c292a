//go:build race

package redact_test

// The race detector counts allocations of its own.
const raceEnabled = true
