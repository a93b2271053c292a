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
	"github.com/seed2f724858/sluice/record"
)

// Health checks are dropped unless they fail; a function of the program's own
// decides about the rest.
func ExampleFilter() {
	filter, err := processors.NewFilter(processors.FilterConfig{
		Drop: []processors.Match{{
			Attributes:      map[string]string{"path": "/health*"},
			MaximumSeverity: processors.Severity(log.SeverityWarn4),
		}},
		Func: func(_ context.Context, r *record.Record) bool {
			tenant, ok := r.Attr("tenant")
			return !ok || tenant.AsString() != "load-test"
		},
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
	pipeline, err := processors.NewPipeline(processors.DefaultConfig(), filter, simple)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pipeline.Shutdown(context.Background())

	logger := slog.New(dropTime{bridge.NewHandler("shop", bridge.WithPipeline(pipeline))})
	logger.Info("served", "path", "/healthz")
	logger.Error("served", "path", "/healthz")
	logger.Info("order placed", "tenant", "load-test")
	logger.Info("order placed", "tenant", "acme")
	fmt.Println(pipeline.Stats().Steps[0].Stopped)
	// Output:
	// time=1970-01-01T00:00:07.000000000Z level=ERROR logger=shop msg="served" path=/healthz
	// time=1970-01-01T00:00:07.000000000Z level=INFO logger=shop msg="order placed" tenant=acme
	// map[filtered:2]
}
