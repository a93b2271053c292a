package processors_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/exporters/terminal"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// tenant is a step that a user might write: it names the tenant on every
// record.
type tenant string

func (t tenant) Enabled(context.Context, *record.Origin, log.Severity, string) bool { return true }

func (t tenant) OnEmit(ctx context.Context, r *record.Record, next processors.Next) error {
	r.AddAttributes(attribute.String("tenant", string(t)))
	return next(ctx, r)
}

func (t tenant) ForceFlush(context.Context) error { return nil }
func (t tenant) Shutdown(context.Context) error   { return nil }

func Example() {
	cfg := terminal.DefaultConfig()
	cfg.Format, cfg.Writer = "logfmt", os.Stdout
	sink, err := terminal.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	batch, err := processors.NewBatch(sink, processors.DefaultBatchConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	pipeline, err := processors.NewPipeline(processors.DefaultConfig(), tenant("acme"), batch)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pipeline.Shutdown(context.Background())

	logger := slog.New(dropTime{bridge.NewHandler("shop.cart", bridge.WithPipeline(pipeline))})
	logger.Info("order placed", "order", 7)
	if err := pipeline.ForceFlush(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(pipeline.Stats().Exporters[0].Delivered, "delivered")
	// Output:
	// time=1970-01-01T00:00:07.000000000Z level=INFO logger=shop.cart msg="order placed" order=7 tenant=acme
	// 1 delivered
}

// dropTime makes the example's output the same every time.
type dropTime struct{ slog.Handler }

func (h dropTime) Handle(ctx context.Context, r slog.Record) error {
	r.Time = time.Unix(7, 0)
	return h.Handler.Handle(ctx, r)
}
