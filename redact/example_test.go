package redact_test

import (
	"fmt"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/redact"
)

func Example() {
	d := redact.Default()
	for _, text := range []string{
		`connecting to postgres://app:hunter2@db:5432/shop`,
		`{"user":"bob","apiKey":"4f9a81c2","max_tokens":512}`,
		`invalid password: too short`,
	} {
		text, _ = d.String(text)
		fmt.Println(text)
	}
	// Output:
	// connecting to postgres://app:[REDACTED]@db:5432/shop
	// {"user":"bob","apiKey":"[REDACTED]","max_tokens":512}
	// invalid password: too short
}

func ExampleNew() {
	cfg := redact.DefaultConfig()
	cfg.Presets = append(cfg.Presets, "emails")
	cfg.Keys = []string{"customer.*"}
	cfg.Patterns = []string{`tenant=(\w+)`}
	cfg.Mode, cfg.HashKey = redact.Hash, "not a key to use anywhere"
	d, err := redact.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	kvs := []attribute.KeyValue{
		attribute.String("customer.name", "Ann"),
		attribute.String("note", "tenant=acme told ann@example.com"),
		attribute.String("buyer", "tenant=acme"),
	}
	fmt.Println(d.Attributes(kvs), "changed")
	for _, kv := range kvs {
		fmt.Println(kv.Key, kv.Value.AsString())
	}
	// Output:
	// 3 changed
	// customer.name [HMAC:31a69eae9894f3e2]
	// note tenant=[HMAC:9de6ea1e371e213d] told [HMAC:7a0946f8233533de]
	// buyer tenant=[HMAC:9de6ea1e371e213d]
}
