package discard_test

import (
	"testing"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/discard"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

func TestConformance(t *testing.T) {
	sinktest.Run(t, sinktest.Options{New: func(t testing.TB) (exporters.Sink, func() []string) {
		e, err := discard.New(discard.DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		return e, nil
	}})
}
