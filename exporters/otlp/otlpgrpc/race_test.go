//go:build race

package otlpgrpc

const raceEnabled = true
