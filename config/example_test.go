package config_test

import (
	"context"
	"fmt"
	"strings"

	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/seed2f724858/sluice/config"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/discard"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func Example() {
	doc, err := config.Parse("sluice.yaml", []byte(`
file_format: "1.1"
resource:
  attributes:
    - {name: service.name, value: "${SHOP_NAME:-shop}"}
logger_provider:
  processors:
    - async: {match: {minimum_severity: warn}, exporter: {discard: {name: audit}}}
    - async: {exporter: {discard: }}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	rt, err := doc.Start(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	rt.Logger("shop.cart").Info("order placed", "order", 7)
	rt.Logger("shop.cart").Warn("payment refused", "order", 7)
	if err := rt.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, e := range rt.Stats().Exporters {
		fmt.Println(e.Name, e.Delivered)
	}
	// Output:
	// audit 1
	// discard 2
}

// memory stands for an exporter of the OpenTelemetry SDK, such as otlploghttp.
type memory struct{ bodies []string }

func (m *memory) Export(_ context.Context, records []sdklog.Record) error {
	for _, r := range records {
		m.bodies = append(m.bodies, r.Body().AsString())
	}
	return nil
}

func (m *memory) ForceFlush(context.Context) error { return nil }
func (m *memory) Shutdown(context.Context) error   { return nil }

// A runtime made in Go takes any exporter of the OpenTelemetry SDK. Steps of
// one's own (see package processors) stand in front of the batch.
func ExampleNewRuntime() {
	exporter := &memory{}
	settings := processors.DefaultBatchConfig()
	settings.Name = "otlp"
	batch, err := processors.NewBatch(exporters.FromExporter(exporter), settings)
	if err != nil {
		fmt.Println(err)
		return
	}
	rt, err := config.NewRuntime(config.DefaultRuntimeConfig(), batch)
	if err != nil {
		fmt.Println(err)
		return
	}
	rt.Logger("shop.cart").Info("order placed", "order", 7)
	if err := rt.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(exporter.bodies, rt.Stats().Exporters[0].Name)
	// Output:
	// [order placed] otlp
}

// A file's pipeline, with what only Go code can add: a filter that asks a
// function, and an exporter of the OpenTelemetry SDK.
func ExampleWithProcessors() {
	filter := processors.DefaultFilterConfig()
	filter.Func = func(_ context.Context, r *record.Record) bool { return r.Body.AsString() != "heartbeat" }
	asks, err := processors.NewFilter(filter)
	if err != nil {
		fmt.Println(err)
		return
	}
	exporter := &memory{} // otlploghttp.New(ctx), say
	batch, err := processors.NewBatch(exporters.FromExporter(exporter), processors.DefaultBatchConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	doc, err := config.Parse("sluice.yaml", []byte(`
file_format: "1.1"
logger_provider:
  processors:
    - async: {exporter: {discard: }}
`), config.WithProcessors(asks, batch))
	if err != nil {
		fmt.Println(err)
		return
	}
	rt, err := doc.Start(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	rt.Logger("shop").Info("heartbeat")
	rt.Logger("shop").Info("login with password=hunter2")
	if err := rt.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(exporter.bodies, rt.Stats().Exporters[1].Delivered)
	// Output:
	// [login with password=[REDACTED]] 1
}

// shout is an exporter of one's own: a sink with settings.
type shout struct {
	discard.Exporter
	settings shoutSettings
}

type shoutSettings struct {
	Mark string `yaml:"mark"`
}

func (s *shout) Write(_ context.Context, recs []record.Record) (int, error) {
	for _, r := range recs {
		fmt.Println(strings.ToUpper(r.Body.AsString()) + s.settings.Mark)
	}
	return len(recs), nil
}

// A file may name exporters of one's own.
func ExampleWithExporterTypes() {
	shouting := config.NewExporterType("shout",
		func() shoutSettings { return shoutSettings{Mark: "!"} },
		func(s shoutSettings) (*shout, error) { return &shout{settings: s}, nil })
	doc, err := config.Parse("sluice.yaml", []byte(`
file_format: "1.1"
logger_provider:
  processors:
    - simple: {exporter: {shout: {mark: "!!"}}}
    - async: {match: {minimum_severity: warn}, exporter: {shout: }}
`), config.WithExporterTypes(shouting))
	if err != nil {
		fmt.Println(err)
		return
	}
	rt, err := doc.Start(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	rt.Logger("shop").Info("order placed")
	if err := rt.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, e := range rt.Stats().Exporters {
		fmt.Println(e.Name, e.Delivered)
	}
	// Output:
	// ORDER PLACED!!
	// shout 1
	// shout/2 0
}

// Everything that is wrong shows at once, each with its place.
func ExampleErrors() {
	_, err := config.Parse("sluice.yaml", []byte(`
file_format: "1.1"
logger_provider:
  processors:
    - async:
        schedule_delay: 5000
        exporter:
          file: {path: app.jsonl, max_size: 100MiB}
`))
	fmt.Println(err)
	// Output:
	// sluice.yaml:6:25: logger_provider.processors[0].async.schedule_delay: duration "5000" has no unit; hint: write 5000ms or 5000s
	// sluice.yaml:8:35: logger_provider.processors[0].async.exporter.file.max_size: unknown key "max_size"; hint: did you mean "max_size", under "rotation"?
}
