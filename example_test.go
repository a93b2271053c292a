package sluice_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed2f724858/sluice"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "logs", "shop.jsonl")

	rt, err := sluice.Start(sluice.WithService("shop", "1.2.0"), sluice.WithFile(path), sluice.WithoutConsole())
	if err != nil {
		fmt.Println(err)
		return
	}
	rt.Logger("shop.cart").Info("order placed", "order", 7)

	// What could not be written within the deadline is counted as dropped.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := rt.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}

	line, _ := os.ReadFile(path)
	_, behindTime, _ := strings.Cut(string(line), ",")
	fmt.Print("{…", behindTime)
	for _, e := range rt.Stats().Exporters {
		fmt.Println(e.Name, "accepted", e.Accepted, "delivered", e.Delivered)
	}
	// Output:
	// {…"level":"INFO","logger":"shop.cart","msg":"order placed","order":7}
	// file accepted 1 delivered 1
}

func ExampleWithDefault() {
	rt, err := sluice.Start(sluice.WithDefault(), sluice.WithLevels("info,shop.db=debug"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = rt.Shutdown(context.Background()) }()
	slog.Info("the application's own logger, and the log package, come here too")
}
