//go:build race

package otlp

// The race detector makes sync.Pool forget at random.
const raceEnabled = true
