package sluice_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/exporters/otlp"
	"github.com/seed2f724858/sluice/record"
	"github.com/seed2f724858/sluice/spool"
)

func newProvider(endpoint, directory string) (*sdklog.LoggerProvider, error) {
	to := otlp.DefaultConfig()
	to.Endpoint = endpoint
	sender, err := otlp.New(to)
	if err != nil {
		return nil, err
	}
	on := spool.DefaultConfig()
	on.Directory = directory
	queue, err := spool.New(sender, on)
	if err != nil {
		return nil, err
	}
	return sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(queue))), nil
}

// A disk queue and the OTLP exporter under OpenTelemetry's own SDK.
func Example_stockSDK() {
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = new(decode.OTLPProto).Decode(body, func(r *record.Record) { fmt.Println(r.Body.AsString()) })
		}
		if err != nil {
			fmt.Println(err)
		}
	}))
	defer collector.Close()
	dir, err := os.MkdirTemp("", "queue")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	provider, err := newProvider(collector.URL+"/v1/logs", dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	var r log.Record
	r.SetSeverity(log.SeverityInfo)
	r.SetBody(attribute.StringValue("order placed"))
	ctx := context.Background()
	provider.Logger("shop").Emit(ctx, r)
	if err := provider.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}
	// Output: order placed
}

// TestCollectorExample: the function in the document is the one that runs as
// an example.
func TestCollectorExample(t *testing.T) {
	text, err := os.ReadFile("docs/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	function := regexp.MustCompile("(?s)```go\n(func newProvider.*?)```").FindSubmatch(text)
	if function == nil {
		t.Fatal("the document has no function")
	}
	example, err := os.ReadFile("example_collector_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(example, function[1]) {
		t.Error("the document's function is not that of the example")
	}
}
