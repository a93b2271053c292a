package processors_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// What a failover did shows in the books of the branch, be it behind a retry;
// so does what its exporters hold.
func TestFailoverBooks(t *testing.T) {
	down := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) { return 0, errors.New("down") }}
	failover, err := exporters.NewFailover(down, &digest{})
	if err != nil {
		t.Fatal(err)
	}
	retry, err := exporters.NewRetry(failover, exporters.DefaultRetryConfig())
	if err != nil {
		t.Fatal(err)
	}
	s := newSimple(t, retry, "mail", nil)
	p := newPipeline(t, processors.DefaultConfig(), s)
	for i := range 5 {
		emit(t, s, log.SeverityInfo, fmt.Sprint(i))
	}
	got := s.Stats()
	if got.Detoured != 5 || got.Switches != 1 || got.InFlight != 5 || got.Delivered != 0 || got.Accepted != 5 || got.Failures != 0 {
		t.Errorf("%+v", got)
	}
	points := map[string]int64{}
	for _, m := range p.Stats().Metrics() {
		for _, pt := range m.Points {
			if v, _ := pt.Attributes.Value("otel.component.name"); v == attribute.StringValue("mail") {
				points[m.Name] += pt.Value
			}
		}
	}
	if points["sluice.exporter.detoured"] != 5 || points["sluice.exporter.switches"] != 1 {
		t.Errorf("metrics: %v", points)
	}
	if err := p.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.Stats(); got.Delivered != 5 || got.InFlight != 0 {
		t.Errorf("after a flush: %+v", got)
	}
}

// A branch does badly while its retry tries in vain, not only when that ends.
func TestRetryBooks(t *testing.T) {
	catchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		sink := &sinktest.Script{OnWrite: func(_ context.Context, call int, recs []record.Record) (int, error) {
			if call < 2 {
				return 0, errors.New("dial https://shop:hunter2hunter2@collector: refused")
			}
			return len(recs), nil
		}}
		cfg := exporters.DefaultRetryConfig()
		cfg.Initial = cfg.Max
		retry, err := exporters.NewRetry(sink, cfg)
		if err != nil {
			t.Fatal(err)
		}
		b := newBatch(t, retry, func(c *processors.BatchConfig) { c.ExportTimeout = exporters.Unlimited })
		p := newPipeline(t, processors.DefaultConfig(), b)
		start := time.Now()
		emit(t, b, log.SeverityFatal, "x")
		synctest.Wait()
		got := b.Stats()
		if got.Failures != 0 || !got.FailingSince.Equal(start) || !strings.Contains(got.LastError, "refused") || strings.Contains(got.LastError, "hunter2") {
			t.Errorf("%+v", got)
		}
		if h := p.Health(); h.Status != processors.HealthDegraded {
			t.Errorf("health: %+v", h)
		}
		if err := p.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.Stats(); got.Failures != 2 || got.LastError != "" || !got.FailingSince.IsZero() || got.Delivered != 1 || got.Writes != 1 {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

// digest holds what it was given until it is flushed.
type digest struct {
	sinktest.Memory
	held int
}

func (d *digest) Write(ctx context.Context, recs []record.Record) (int, error) {
	d.held += len(recs)
	return d.Memory.Write(ctx, recs)
}

func (d *digest) Held() int { return d.held }

func (d *digest) ForceFlush(context.Context) error {
	d.held = 0
	return nil
}
