package processors_test

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// What the pipeline refuses, or stops in front of a redact, goes to the SDK's
// other processors all the same: without its secrets.
func TestRedactReachesSDKProcessorsWhateverHappens(t *testing.T) {
	dedup, err := processors.NewDedup(processors.DefaultDedupConfig())
	if err != nil {
		t.Fatal(err)
	}
	panics := newRedact(t, func(c *processors.RedactConfig) {
		c.Func = func(context.Context, *record.Record) { panic("no") }
	})
	for name, tc := range map[string]struct {
		steps  []processors.Processor
		levels processors.LevelRules
		closed bool
	}{
		"nothing":         {steps: []processors.Processor{newRedact(t, nil), memoryStep(t)}},
		"below the level": {steps: []processors.Processor{newRedact(t, nil), memoryStep(t)}, levels: processors.LevelRules{"": log.SeverityError1}},
		"after Shutdown":  {steps: []processors.Processor{newRedact(t, nil), memoryStep(t)}, closed: true},
		"no exporter":     {steps: []processors.Processor{newRedact(t, nil)}},
		"stopped before":  {steps: []processors.Processor{dedup, newRedact(t, nil), memoryStep(t)}},
		"it panics":       {steps: []processors.Processor{panics, memoryStep(t)}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := processors.DefaultConfig()
			cfg.Levels = processors.NewLevels()
			cfg.Levels.Configure(tc.levels)
			p, err := processors.NewPipeline(cfg, tc.steps...)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Shutdown(context.Background())
			if tc.closed {
				_ = p.Shutdown(context.Background())
			}
			behind := &sdkKeeper{}
			logger := sdklog.NewLoggerProvider(append(p.ProviderOptions(), sdklog.WithProcessor(behind))...).Logger("shop")
			for range 2 {
				var r log.Record
				r.SetSeverity(log.SeverityInfo1)
				r.SetBody(attribute.StringValue("login with password=" + canary))
				logger.Emit(context.Background(), r)
			}
			if got := strings.Join(behind.got, "\n"); len(behind.got) != 2 || strings.Contains(got, canary) {
				t.Errorf("%q", behind.got)
			}
		})
	}
}

func memoryStep(t *testing.T) processors.Processor {
	t.Helper()
	step, err := processors.NewSimple(&sinktest.Memory{}, processors.DefaultSimpleConfig())
	if err != nil {
		t.Fatal(err)
	}
	return step
}

// Half a secret may not look like one: limits cut what was redacted.
func TestRedactBeforeLimits(t *testing.T) {
	memory := &sinktest.Memory{}
	step, err := processors.NewSimple(memory, processors.DefaultSimpleConfig())
	if err != nil {
		t.Fatal(err)
	}
	cfg := processors.DefaultConfig()
	cfg.Limits.ValueLength = 30
	p, err := processors.NewPipeline(cfg, newRedact(t, nil), step)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Shutdown(context.Background())
	secret := "ghp_0123456789abcdefghijABCDEFGHIJ012345"
	r := &record.Record{Severity: log.SeverityInfo1, Attributes: []attribute.KeyValue{attribute.String("detail", "clone with "+secret)}}
	if err := p.Logger(record.Scope{Name: "shop"}).Emit(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	if got := memory.Records()[0].Attributes[0].Value.AsString(); strings.Contains(got, "ghp_0") {
		t.Error(got)
	}
}

// The redact that the pipeline itself calls is one of the list all the same.
func TestRedactIsAStepLikeOthers(t *testing.T) {
	first := newRedact(t, nil)
	for want, steps := range map[string][]processors.Processor{
		"step 0 (*processors.Redact) stands in the list twice": {first, memoryStep(t), first},
		"step 2 is nil": {first, memoryStep(t), nil},
	} {
		if _, err := processors.NewPipeline(processors.DefaultConfig(), steps...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
