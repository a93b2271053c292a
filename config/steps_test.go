package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A step behind the last exporter serves nobody.
func TestIdleSteps(t *testing.T) {
	doc := parse(t, `
logger_provider:
  processors:
    - filter: {drop: [{loggers: [noise]}]}
    - route:
        rules:
          - processors: [{redact: }, {async: {exporter: {discard: }}}, {flight_recorder: }]
          - {match: {loggers: [noise]}, stop: true}
    - attributes: {set: {a: 1}}
    - dedup:
`)
	want := []string{
		"logger_provider.processors[3].dedup (no exporter stands behind it)",
		"logger_provider.processors[2].attributes (no exporter stands behind it)",
		"logger_provider.processors[1].route.rules[0].processors[2].flight_recorder (no exporter stands behind it)",
	}
	if diff := cmp.Diff(want, doc.Ignored()); diff != "" {
		t.Error(diff)
	}
}
