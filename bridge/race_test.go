//go:build race

package bridge

// raceEnabled: the race detector makes sync.Pool forget at random.
const raceEnabled = true
