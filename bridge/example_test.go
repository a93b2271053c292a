package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
)

// newPipeline returns a pipeline into memory. Programs get theirs from
// sluice.Start.
func newPipeline() (*processors.Pipeline, *sinktest.Memory) {
	memory := &sinktest.Memory{}
	simple, err := processors.NewSimple(memory, processors.DefaultSimpleConfig())
	if err != nil {
		panic(err)
	}
	p, err := processors.NewPipeline(processors.DefaultConfig(), simple)
	if err != nil {
		panic(err)
	}
	return p, memory
}

func show(memory *sinktest.Memory) {
	for _, r := range memory.Records() {
		fmt.Println(r.Level(), r.Logger(), r.Body.AsString(), attribute.MapValue(r.Attributes...))
	}
}

func ExampleNewLogger() {
	pipeline, memory := newPipeline()
	logger := bridge.NewLogger("shop.cart", bridge.WithPipeline(pipeline))

	logger.Info("order placed", "order", 7, "took", 1500*time.Millisecond)
	logger.With("peer", net.IPv4(10, 0, 0, 1)).WithGroup("item").Warn("out of stock", "id", 3)
	show(memory)
	// Output:
	// INFO shop.cart order placed {"order":7,"took":1500000000}
	// WARN shop.cart out of stock {"item":{"id":3},"peer":"10.0.0.1"}
}

func ExampleNewLogger_openTelemetry() {
	pipeline, memory := newPipeline()
	provider := sdklog.NewLoggerProvider(pipeline.ProviderOptions()...) // or any other provider
	logger := bridge.NewLogger("shop.cart", bridge.WithLoggerProvider(provider))

	logger.Warn("payment refused", "err", fmt.Errorf("charge: %w", net.ErrClosed), "also", errors.New("card expired"))
	show(memory)
	// Output:
	// WARN shop.cart payment refused {"also":"card expired","err":"charge: use of closed network connection","exception.message":"charge: use of closed network connection","exception.type":"internal/poll.errNetClosing"}
}

func ExampleWith() {
	pipeline, memory := newPipeline()
	logger := bridge.NewLogger("shop", bridge.WithPipeline(pipeline))

	ctx := bridge.With(context.Background(), slog.String("request", "r-1"))
	logger.InfoContext(ctx, "started")
	logger.InfoContext(bridge.With(ctx, slog.String("user", "ann")), "signed in", "method", "password")
	show(memory)
	// Output:
	// INFO shop started {"request":"r-1"}
	// INFO shop signed in {"method":"password","request":"r-1","user":"ann"}
}

func ExampleWithPipeline_levels() {
	pipeline, memory := newPipeline()
	cart := bridge.NewLogger("shop.cart", bridge.WithPipeline(pipeline))
	db := bridge.NewLogger("shop.db", bridge.WithPipeline(pipeline))

	rules, err := processors.ParseLevels("info,shop.db=warn")
	if err != nil {
		panic(err)
	}
	pipeline.Levels().Configure(rules)
	// Ten minutes of everything that shop.db has to say.
	if err := pipeline.Levels().Set("shop.db", log.SeverityDebug, 10*time.Minute); err != nil {
		panic(err)
	}
	cart.Debug("not logged")
	db.Debug("query", "rows", 3)
	show(memory)
	// Output:
	// DEBUG shop.db query {"rows":3}
}
