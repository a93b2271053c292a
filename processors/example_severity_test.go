package processors_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/exporters/terminal"
	"github.com/seed2f724858/sluice/processors"
)

// An error of a known, harmless kind becomes a warning.
func ExampleSeverityStep() {
	severity, err := processors.NewSeverityStep(processors.SeverityConfig{
		Rules: []processors.SeverityRule{{
			Match: processors.Match{Loggers: []string{"shop"}, Attributes: map[string]string{"error": "*broken pipe"}},
			Set:   processors.Severity(log.SeverityWarn1),
		}},
	})
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
	pipeline, err := processors.NewPipeline(processors.DefaultConfig(), severity, simple)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pipeline.Shutdown(context.Background())

	logger := slog.New(dropTime{bridge.NewHandler("shop.http", bridge.WithPipeline(pipeline))})
	logger.Error("no reply", "error", "write tcp: broken pipe")
	logger.Error("no order", "error", "disk full")
	// Output:
	// time=1970-01-01T00:00:07.000000000Z level=WARN logger=shop.http msg="no reply" error="write tcp: broken pipe"
	// time=1970-01-01T00:00:07.000000000Z level=ERROR logger=shop.http msg="no order" error="disk full"
}
