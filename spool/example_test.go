package spool_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool"
)

// What the destination does not take stays in the directory, and goes out when
// the next process starts.
func Example() {
	dir, err := os.MkdirTemp("", "spool")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cfg := spool.DefaultConfig()
	cfg.Directory, cfg.Sync = dir, spool.SyncAlways
	ctx := context.Background()

	down := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) {
		return 0, errors.New("connection refused")
	}}
	first, err := spool.New(down, cfg)
	if err != nil {
		log.Fatal(err)
	}
	n, err := first.Write(ctx, []record.Record{
		{Body: attribute.StringValue("order 7 was paid")},
		{Body: attribute.StringValue("order 8 was not")},
	})
	fmt.Println(n, "taken, error:", err)
	_ = first.Shutdown(ctx)
	fmt.Println(first.Spooled().Waiting, "wait on disk")

	up := new(sinktest.Memory)
	next, err := spool.New(up, cfg)
	if err != nil {
		log.Fatal(err)
	}
	_ = next.ForceFlush(ctx)
	for _, r := range up.Records() {
		fmt.Println(r.Body.AsString())
	}
	fmt.Println(next.Spooled().Recovered, "recovered,", next.Spooled().Waiting, "wait on disk")
	_ = next.Shutdown(ctx)
	// Output:
	// 2 taken, error: <nil>
	// 2 wait on disk
	// order 7 was paid
	// order 8 was not
	// 2 recovered, 0 wait on disk
}
