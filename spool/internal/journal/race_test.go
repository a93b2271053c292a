//go:build race

package journal

// The race detector allocates by itself.
const raceEnabled = true
