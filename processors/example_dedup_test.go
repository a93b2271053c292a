package processors_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/exporters/terminal"
	"github.com/seed2f724858/sluice/processors"
)

// A failure that repeats is shown once, and then how often it came.
func ExampleDedup() {
	dedup, err := processors.NewDedup(processors.DefaultDedupConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := terminal.DefaultConfig()
	cfg.Format, cfg.Writer = "logfmt", os.Stdout
	sink, err := terminal.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	simple, err := processors.NewSimple(sink, processors.DefaultSimpleConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	pipeline, err := processors.NewPipeline(processors.DefaultConfig(), dedup, simple)
	if err != nil {
		fmt.Println(err)
		return
	}

	logger := slog.New(dropTime{bridge.NewHandler("shop", bridge.WithPipeline(pipeline))})
	for attempt := range 100 {
		logger.Warn("no connection", "attempt", attempt)
	}
	logger.Info("connected")
	// The interval, of 10 s, would end it too.
	_ = pipeline.Shutdown(context.Background())
	// Output:
	// time=1970-01-01T00:00:07.000000000Z level=WARN logger=shop msg="no connection" attempt=0
	// time=1970-01-01T00:00:07.000000000Z level=INFO logger=shop msg="connected"
	// time=1970-01-01T00:00:07.000000000Z level=WARN logger=shop msg="no connection" attempt=99 sluice.dedup.count=99 sluice.dedup.first=1970-01-01T00:00:07.000000000Z sluice.dedup.last=1970-01-01T00:00:07.000000000Z
}
