//go:build race

package encode_test

// The race detector makes sync.Pool forget at random.
const raceEnabled = true
