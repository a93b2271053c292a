package processors_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/exporters/terminal"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// One attribute is renamed, others are deleted, and the region and the
// service's name stand on every record.
func ExampleAttributes() {
	attributes, err := processors.NewAttributes(processors.AttributesConfig{
		Set: map[string]processors.AttributeSource{
			"region":  {Value: attribute.StringValue("eu")},
			"service": {Resource: "service.name"},
			"user.id": {Attribute: "uid"},
		},
		Delete: []string{"uid", "tmp.*"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	out := terminal.DefaultConfig()
	out.Format, out.Writer = "logfmt", os.Stdout
	sink, err := terminal.New(out)
	if err != nil {
		fmt.Println(err)
		return
	}
	simple, err := processors.NewSimple(sink, processors.DefaultSimpleConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := processors.DefaultConfig()
	cfg.Resource = &record.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "shop")}}
	pipeline, err := processors.NewPipeline(cfg, attributes, simple)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pipeline.Shutdown(context.Background())

	logger := slog.New(dropTime{bridge.NewHandler("shop.cart", bridge.WithPipeline(pipeline))})
	logger.Info("order placed", "order", 7, "uid", 42, "tmp.step", 3)
	// Output:
	// time=1970-01-01T00:00:07.000000000Z level=INFO logger=shop.cart msg="order placed" order=7 region=eu service=shop user.id=42
}
