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

// DEBUG records show only where an ERROR follows.
func ExampleFlightRecorder() {
	recorder, err := processors.NewFlightRecorder(processors.DefaultFlightRecorderConfig())
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
	pipeline, err := processors.NewPipeline(processors.DefaultConfig(), recorder, simple)
	if err != nil {
		fmt.Println(err)
		return
	}

	logger := slog.New(dropTime{bridge.NewHandler("shop.cart", bridge.WithPipeline(pipeline))})
	logger.Debug("cart loaded", "items", 3)
	logger.Info("checkout begun")
	logger.Debug("payment asked for", "attempt", 1)
	logger.Error("payment refused")
	logger.Debug("cart kept")
	logger.Info("checkout ended")

	_ = pipeline.Shutdown(context.Background())
	books := pipeline.Stats().Steps[0]
	fmt.Println(books.Released, "released,", books.Stopped[processors.CauseForgotten], "forgotten")
	// Output:
	// time=1970-01-01T00:00:07.000000000Z level=INFO logger=shop.cart msg="checkout begun"
	// time=1970-01-01T00:00:07.000000000Z level=DEBUG logger=shop.cart msg="cart loaded" items=3
	// time=1970-01-01T00:00:07.000000000Z level=DEBUG logger=shop.cart msg="payment asked for" attempt=1
	// time=1970-01-01T00:00:07.000000000Z level=ERROR logger=shop.cart msg="payment refused"
	// time=1970-01-01T00:00:07.000000000Z level=INFO logger=shop.cart msg="checkout ended"
	// 2 released, 1 forgotten
}
