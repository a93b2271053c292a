package processors_test

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// printer is a last step, which prints messages.
type printer struct{}

func (printer) Enabled(context.Context, *record.Origin, log.Severity, string) bool { return true }

func (printer) OnEmit(ctx context.Context, r *record.Record, next processors.Next) error {
	fmt.Println(r.Level(), r.Logger(), r.Body.String())
	return next(ctx, r)
}

func (printer) Branches() []processors.Branch    { return nil }
func (printer) ForceFlush(context.Context) error { return nil }
func (printer) Shutdown(context.Context) error   { return nil }

// Each logger may log 2 records at once, and then one a second. Errors always
// pass.
func ExampleRateLimit() {
	cfg := processors.DefaultRateLimitConfig()
	cfg.PerSecond, cfg.Burst, cfg.By = 1, 2, []string{"logger"}
	limit, err := processors.NewRateLimit(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	pipeline, err := processors.NewPipeline(processors.DefaultConfig(), limit, printer{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"shop", "mail"} {
		logger := slog.New(bridge.NewHandler(name, bridge.WithPipeline(pipeline)))
		for i := range 5 {
			logger.Info(fmt.Sprint("message ", i))
		}
		logger.Error("failed")
	}
	_ = pipeline.Shutdown(context.Background())
	// Output:
	// INFO shop message 0
	// INFO shop message 1
	// ERROR shop failed
	// INFO mail message 0
	// INFO mail message 1
	// ERROR mail failed
	// WARN sluice sluice: 3 records suppressed (rate limit, logger=shop)
	// WARN sluice sluice: 3 records suppressed (rate limit, logger=mail)
}
