//go:build !race

package otlpgrpc

// raceEnabled tells that the race detector is on: it makes pools forget.
const raceEnabled = false
