package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/seed2f724858/sluice/bridge"
)

func ExampleRecover() {
	pipeline, memory := newPipeline()
	logger := bridge.NewLogger("shop", bridge.WithPipeline(pipeline))

	work := func(ctx context.Context) {
		defer bridge.Recover(ctx, bridge.WithLogger(logger))
		panic("no stock")
	}
	func() {
		defer func() { fmt.Println("above:", recover()) }() // without this the process would end
		work(bridge.With(context.Background(), slog.String("job", "j-1")))
	}()
	r := memory.Records()[0]
	stack, _ := r.Attr("exception.stacktrace")
	first, _, _ := strings.Cut(stack.AsString(), "\n")
	fmt.Println(r.Severity, r.Body.AsString())
	fmt.Println(first)
	// Output:
	// above: no stock
	// FATAL panic: no stock
	// github.com/seed2f724858/sluice/bridge_test.ExampleRecover.func1(...)
}

func ExampleExit() {
	if len(os.Args) > 100 {
		slog.Error("too many arguments")
		bridge.Exit(2) // os.Exit would lose that record in the queue
	}
}

func ExampleOnSignal() {
	server := &http.Server{}
	pipeline, _ := newPipeline()

	stop := bridge.OnSignal(bridge.WithDeadline(20*time.Second), bridge.WithShutdown(func(ctx context.Context) error {
		return errors.Join(server.Shutdown(ctx), pipeline.Shutdown(ctx)) // a Runtime's as well
	}))
	defer stop() // while a signal is handled, main waits here
	// return server.ListenAndServe()
}

func ExampleCaptureCrashes() {
	pipeline, memory := newPipeline()
	logger := bridge.NewLogger("shop", bridge.WithPipeline(pipeline))
	dir, err := os.MkdirTemp("", "crashes")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	// As an earlier process leaves it.
	text := "panic: no stock\n\ngoroutine 7 [running]:\nmain.sell(...)\n"
	if err := os.WriteFile(dir+"/crash-20261121T101530.000000000Z-4711.txt", []byte(text), 0o600); err != nil {
		panic(err)
	}

	stop, err := bridge.CaptureCrashes(dir, bridge.WithLogger(logger))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	show(memory)
	// Output:
	// FATAL shop earlier process crashed: panic: no stock {"exception.message":"no stock","exception.stacktrace":"goroutine 7 [running]:\nmain.sell(...)","exception.type":"panic","process.pid":4711}
}
