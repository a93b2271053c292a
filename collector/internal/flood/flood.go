// Package flood is a Collector receiver for benchmarks: it receives nothing,
// but hands on the same batch of log records again and again, as fast as the
// pipeline takes it, and prints how many records that were.
package flood

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
)

// Config is the receiver's section in a Collector's configuration.
type Config struct {
	// Goroutines hand on batches at the same time, each of so many records,
	// all of them for Duration.
	Goroutines int           `mapstructure:"goroutines"`
	Batch      int           `mapstructure:"batch"`
	Duration   time.Duration `mapstructure:"duration"`
}

// Validate implements xconfmap.Validator.
func (c *Config) Validate() error {
	if c.Goroutines < 1 || c.Batch < 1 || c.Duration <= 0 {
		return errors.New("goroutines, batch and duration: must be more than 0")
	}
	return nil
}

// NewFactory returns the factory of the receiver "flood".
func NewFactory() receiver.Factory { return newFactory(os.Stdout) }

func newFactory(report io.Writer) receiver.Factory {
	return receiver.NewFactory(component.MustNewType("flood"),
		func() component.Config { return &Config{} },
		receiver.WithLogs(func(_ context.Context, _ receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
			return &flood{cfg: *cfg.(*Config), next: next, report: report}, nil
		}, component.StabilityLevelDevelopment))
}

type flood struct {
	cfg    Config
	next   consumer.Logs
	report io.Writer
	cancel context.CancelFunc
	ended  chan struct{}
}

func (f *flood) Start(context.Context, component.Host) error {
	ctx, cancel := context.WithCancel(context.Background()) // Start's own ends with Start
	f.cancel, f.ended = cancel, make(chan struct{})
	go func() {
		defer close(f.ended)
		f.run(ctx)
	}()
	return nil
}

func (f *flood) Shutdown(context.Context) error {
	if f.cancel != nil {
		f.cancel()
		<-f.ended
	}
	return nil
}

// run prints the records taken, the seconds that took and, if there was one,
// the first error, at which it stops.
func (f *flood) run(ctx context.Context) {
	logs := batch(f.cfg.Batch)
	logs.MarkReadOnly() // so that nobody changes what all share
	var (
		taken  atomic.Int64
		once   sync.Once
		failed error
		all    sync.WaitGroup
	)
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Duration)
	defer cancel()
	for range f.cfg.Goroutines {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := f.next.ConsumeLogs(context.WithoutCancel(ctx), logs); err != nil {
					once.Do(func() { failed = err })
					cancel()
					return
				}
				taken.Add(int64(f.cfg.Batch))
			}
		})
	}
	all.Wait()
	fmt.Fprintf(f.report, "%d %f", taken.Load(), time.Since(start).Seconds())
	if failed != nil {
		fmt.Fprintf(f.report, " %v", failed)
	}
	fmt.Fprintln(f.report)
}

// batch returns records with the content that all benchmarks log.
func batch(n int) plog.Logs {
	logs := plog.NewLogs()
	scope := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	scope.Scope().SetName("shop.cart")
	now := pcommon.NewTimestampFromTime(time.Now())
	for i := range n {
		r := scope.LogRecords().AppendEmpty()
		r.SetTimestamp(now)
		r.SetObservedTimestamp(now)
		r.SetSeverityNumber(plog.SeverityNumberInfo)
		r.SetSeverityText("INFO")
		r.Body().SetStr("payment accepted")
		a := r.Attributes()
		a.PutStr("customer", "c-4711-eu-west")
		a.PutInt("id", int64(i))
		a.PutInt("took", 1234567)
		a.PutBool("retried", true)
		a.PutDouble("amount", 129.95)
	}
	return logs
}
