//go:build race

package spool

// The race detector makes sync.Pool forget at random.
const raceEnabled = true
