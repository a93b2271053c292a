package otlp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp"
	"github.com/seed2f724858/sluice/record"
)

func ExampleNew() {
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"))
	}))
	defer collector.Close()

	c := otlp.DefaultConfig()
	c.Endpoint = collector.URL + "/v1/logs"
	c.Headers = map[string]exporters.Secret{"Authorization": "Bearer c2x1aWNl"}
	c.Compression = "gzip"
	e, err := otlp.New(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = e.Shutdown(context.Background()) }()

	n, err := e.Write(context.Background(), []record.Record{{
		Severity: log.SeverityInfo,
		Body:     attribute.StringValue("order placed"),
	}})
	fmt.Println(n, err)
	// Output:
	// POST /v1/logs application/x-protobuf gzip
	// 1 <nil>
}

func ExampleFromEnvironment() {
	// As main would, with the variables as they are.
	c, err := otlp.FromEnvironment()
	if err != nil {
		fmt.Println(err) // names the variable; c goes without it
	}
	fmt.Println(c.Encoding, c.Timeout)
	// Output: protobuf 10s
}
