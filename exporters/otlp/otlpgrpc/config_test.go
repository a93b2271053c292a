package otlpgrpc_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp/otlpgrpc"
)

func TestValidate(t *testing.T) {
	if err := otlpgrpc.DefaultConfig().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for name, c := range map[string]struct {
		change func(*otlpgrpc.Config)
		want   string // how the error begins; "" for none
	}{
		"both":              {func(c *otlpgrpc.Config) { c.Endpoint, c.Endpoints = "a:1", []string{"b:1"} }, "endpoints: endpoint is set"},
		"request size":      {func(c *otlpgrpc.Config) { c.MaxRequestSize = 1000 }, "max_request_size: "},
		"huge requests":     {func(c *otlpgrpc.Config) { c.MaxRequestSize = 2 * exporters.GiB }, "max_request_size: "},
		"several":           {func(c *otlpgrpc.Config) { c.Endpoints = []string{"http://a", "b:1"} }, ""},
		"a bad one of them": {func(c *otlpgrpc.Config) { c.Endpoints = []string{"http://a", "b"} }, "endpoints: number 2: "},
		"a path":            {func(c *otlpgrpc.Config) { c.Endpoint = "http://a:4318/v1/logs" }, "endpoint: gRPC has no path"},
		"zstd":              {func(c *otlpgrpc.Config) { c.Compression = "zstd" }, "compression: "},
		"timeout":           {func(c *otlpgrpc.Config) { c.Timeout = -1 }, "timeout: "},
		"no timeout":        {func(c *otlpgrpc.Config) { c.Timeout = exporters.Unlimited }, ""},
		"key without cert":  {func(c *otlpgrpc.Config) { c.TLS.KeyFile = "k" }, "tls.cert_file: "},
		"list":              {func(c *otlpgrpc.Config) { c.HeadersList = "nonsense" }, "headers_list: "},
		"gRPC's header":     {func(c *otlpgrpc.Config) { c.HeadersList = "Grpc-Timeout=1S" }, "headers: grpc-timeout: "},
		"header not ASCII":  {func(c *otlpgrpc.Config) { c.Headers = map[string]exporters.Secret{"x": "caffè"} }, "headers: x: "},
		"binary header":     {func(c *otlpgrpc.Config) { c.Headers = map[string]exporters.Secret{"x-bin": "caffè"} }, ""},
		"header's name":     {func(c *otlpgrpc.Config) { c.Headers = map[string]exporters.Secret{"x!": "1"} }, "headers: x!: "},
		"content-type":      {func(c *otlpgrpc.Config) { c.Headers = map[string]exporters.Secret{"Content-Type": "1"} }, "headers: Content-Type: "},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := otlpgrpc.DefaultConfig()
			c.change(&cfg)
			err := cfg.Validate()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
				t.Errorf("Validate: %v; want %q", err, c.want)
			}
			if e, newErr := otlpgrpc.New(cfg); (newErr == nil) != (err == nil) {
				t.Errorf("New: %v; Validate: %v", newErr, err)
			} else if e != nil {
				if err := e.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestConfigHidesSecrets(t *testing.T) {
	const secret = "hunter2secret"
	c := otlpgrpc.DefaultConfig()
	c.Headers = map[string]exporters.Secret{"authorization": secret}
	c.HeadersList = "api-key=" + secret
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), string(j), string(y)} {
		if strings.Contains(shown, secret) {
			t.Errorf("shown: %s", shown)
		}
	}
	for _, change := range []func(*otlpgrpc.Config){
		func(c *otlpgrpc.Config) { c.Endpoint = "https://user:" + secret + "@host:4317" },
		func(c *otlpgrpc.Config) { c.Endpoint = "https://user:" + secret + "@ho st:4317" },
		func(c *otlpgrpc.Config) { c.Endpoint = "user:" + secret + "@host:4317" },
		func(c *otlpgrpc.Config) { c.Endpoint = "dns://user:" + secret + "@host/name:4317" },
		func(c *otlpgrpc.Config) { c.Endpoint = "https://host:" + secret },
		func(c *otlpgrpc.Config) { c.HeadersList = secret },
		func(c *otlpgrpc.Config) { c.HeadersList = "a=%zz" + secret },
		func(c *otlpgrpc.Config) { c.Headers = map[string]exporters.Secret{"a": secret + "\n"} },
		func(c *otlpgrpc.Config) { c.Headers = map[string]exporters.Secret{"a": secret + "é"} },
	} {
		bad := c
		change(&bad)
		if _, err := otlpgrpc.New(bad); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("New: %v", err)
		}
	}
}

func TestFromEnvironment(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want func(*otlpgrpc.Config)
	}{
		"nothing": {nil, func(*otlpgrpc.Config) {}},
		"general": {map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT":           "https://all:4317",
			"OTEL_EXPORTER_OTLP_INSECURE":           "true",
			"OTEL_EXPORTER_OTLP_HEADERS":            "a=b",
			"OTEL_EXPORTER_OTLP_COMPRESSION":        "gzip",
			"OTEL_EXPORTER_OTLP_TIMEOUT":            "2500",
			"OTEL_EXPORTER_OTLP_CERTIFICATE":        "ca",
			"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "cert",
			"OTEL_EXPORTER_OTLP_CLIENT_KEY":         "key",
		}, func(c *otlpgrpc.Config) {
			c.Endpoint, c.Insecure, c.HeadersList, c.Compression = "https://all:4317", true, "a=b", "gzip"
			c.Timeout = exporters.Duration(2500 * time.Millisecond)
			c.TLS = exporters.TLS{CAFile: "ca", CertFile: "cert", KeyFile: "key"}
		}},
		"logs before general": {map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT":      "all:4317",
			"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "logs:4317",
			"OTEL_EXPORTER_OTLP_LOGS_TIMEOUT":  "0",
		}, func(c *otlpgrpc.Config) { c.Endpoint, c.Timeout = "logs:4317", 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			for key, value := range c.env {
				t.Setenv(key, value)
			}
			want := otlpgrpc.DefaultConfig()
			c.want(&want)
			got, err := otlpgrpc.FromEnvironment()
			if err != nil || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) || got.HeadersList != want.HeadersList {
				t.Errorf("FromEnvironment = %#v, %v; want %#v", got, err, want)
			}
		})
	}
	t.Setenv("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "soon")
	if got, err := otlpgrpc.FromEnvironment(); err == nil || got.Timeout != otlpgrpc.DefaultConfig().Timeout {
		t.Errorf("FromEnvironment = %v, %v; want an error, and the default", got.Timeout, err)
	}
}

// The port of OTLP/HTTP is valid, and doubted.
func TestWarnings(t *testing.T) {
	c := otlpgrpc.DefaultConfig()
	for endpoint, doubted := range map[string]bool{
		"":                           false,
		"http://collector:4317":      false,
		"http://collector:4318":      true,
		"collector:4318":             true,
		"unix:///run/collector:4318": false,
		"http://collector:4318/path": false, // that is for Validate to refuse
	} {
		c.Endpoint = endpoint
		if err := c.Warnings(); (err != nil) != doubted || doubted && !strings.HasPrefix(err.Error(), "endpoint: port 4318 ") {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
	c.Endpoint, c.Endpoints = "", []string{"collector:4317", "collector:4318"}
	if err := c.Warnings(); err == nil || !strings.HasPrefix(err.Error(), "endpoints[1]: port 4318 ") {
		t.Errorf("%v", err)
	}
}
