package otlp_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/otlp"
)

func TestValidate(t *testing.T) {
	if err := otlp.DefaultConfig().Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	for want, change := range map[string]func(*otlp.Config){
		"encoding: unknown value":                      func(c *otlp.Config) { c.Encoding = "xml" },
		"compression: unknown value":                   func(c *otlp.Config) { c.Compression = "lz4" },
		"timeout: want 0 or more":                      func(c *otlp.Config) { c.Timeout = -1 },
		"max_request_size: want 1KiB to 1GiB, have 0":  func(c *otlp.Config) { c.MaxRequestSize = 0 },
		"max_request_size: want 1KiB to 1GiB":          func(c *otlp.Config) { c.MaxRequestSize = 2 * exporters.GiB },
		"tls.key_file: missing":                        func(c *otlp.Config) { c.TLS.CertFile = "cert.pem" },
		"headers: \"a\\nb\" is no name":                func(c *otlp.Config) { c.Headers = map[string]exporters.Secret{"a\nb": "hunter2"} },
		"headers_list: entry 1: ":                      func(c *otlp.Config) { c.HeadersList = "hunter2" },
		"proxy_url: unknown scheme":                    func(c *otlp.Config) { c.ProxyURL = "ftp://user:hunter2@proxy" },
		"endpoints: endpoint is set as well":           func(c *otlp.Config) { c.Endpoint, c.Endpoints = "http://a", []string{"http://b"} },
		"endpoints: number 2: ":                        func(c *otlp.Config) { c.Endpoints = []string{"http://a", "b"} },
		"endpoint: has no scheme":                      func(c *otlp.Config) { c.Endpoint = "localhost:4318" },
		"endpoint: no URL of http or https: write":     func(c *otlp.Config) { c.Endpoint = "grpc://collector:4317" },
		"endpoint: no URL of http or https: write one": func(c *otlp.Config) { c.Endpoint = "http://:4318/v1/logs" },
		"endpoint: no URL of http or https":            func(c *otlp.Config) { c.Endpoint = "http://hunter2 /%zz" },
		"endpoint: there is a user in the URL":         func(c *otlp.Config) { c.Endpoint = "https://me:hunter2@collector" },
		"endpoint: there is a # in the URL":            func(c *otlp.Config) { c.Endpoint = "https://collector/#hunter2" },
	} {
		t.Run(want, func(t *testing.T) {
			c := otlp.DefaultConfig()
			change(&c)
			err := c.Validate()
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v", err)
			}
			if _, err := otlp.New(c); err == nil || !strings.HasPrefix(err.Error(), "otlp: ") {
				t.Errorf("New: %v", err)
			}
		})
	}
}

// What is valid and hardly any receiver has is doubted; nothing else is.
func TestWarnings(t *testing.T) {
	for endpoint, want := range map[string]string{
		"":                               "",
		"http://collector:4318/v1/logs":  "",
		"https://gateway/otlp/v1/logs":   "",
		"http://collector:4318":          "endpoint: has no path",
		"http://collector:4318/":         "endpoint: has no path",
		"http://collector:4317/v1/logs":  "endpoint: port 4317",
		"http://collector:4317":          "endpoint: has no path",
		"https://hunter2@collector:4317": "", // that is for Validate to refuse
	} {
		err := config(endpoint).Warnings()
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

func TestCheck(t *testing.T) {
	c := otlp.DefaultConfig()
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	c.TLS.CAFile = filepath.Join(t.TempDir(), "none.pem")
	for _, change := range []func(*otlp.Config){
		func(c *otlp.Config) { c.Endpoint = "https://collector/v1/logs" },
		func(c *otlp.Config) { c.Endpoints = []string{"http://a/v1/logs", "HTTPS://b/v1/logs"} },
		func(c *otlp.Config) { c.ProxyURL = "https://proxy:3128" },
	} {
		c := c
		change(&c)
		if err := c.Validate(); err != nil {
			t.Errorf("Validate looks at the disk: %v", err)
		}
		if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), "tls.ca_file: ") {
			t.Errorf("%v", err)
		}
		if _, err := otlp.New(c); err == nil {
			t.Error("New takes a file that is not there")
		}
	}
	// Without TLS nothing is read.
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	if err := newExporter(t, c).Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	c := config("http://collector:4318/v1/logs")
	c.Headers = map[string]exporters.Secret{"Authorization": "hunter2"}
	c.HeadersList = "api-key=hunter2"
	c.ProxyURL = "http://user:hunter2@proxy:3128"
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		fmt.Sprintf("%v", c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%+v", &c), string(asJSON), string(asYAML),
	} {
		if strings.Contains(s, "hunter2") {
			t.Error(s)
		}
	}
}

func TestFromEnvironment(t *testing.T) {
	type vars = map[string]string
	for name, c := range map[string]struct {
		vars   vars
		change func(*otlp.Config)
	}{
		"nothing":            {nil, func(*otlp.Config) {}},
		"endpoint":           {vars{"ENDPOINT": "http://all:4318"}, func(c *otlp.Config) { c.Endpoint = "http://all:4318/v1/logs" }},
		"endpoint and slash": {vars{"ENDPOINT": "http://all:4318/"}, func(c *otlp.Config) { c.Endpoint = "http://all:4318/v1/logs" }},
		"endpoint and path":  {vars{"ENDPOINT": "https://all/otlp"}, func(c *otlp.Config) { c.Endpoint = "https://all/otlp/v1/logs" }},
		"of logs": {
			vars{"ENDPOINT": "http://all:4318", "LOGS_ENDPOINT": "https://logs/in"},
			func(c *otlp.Config) { c.Endpoint = "https://logs/in" },
		},
		"of logs, without path": {vars{"LOGS_ENDPOINT": "https://logs"}, func(c *otlp.Config) { c.Endpoint = "https://logs/" }},
		"protobuf":              {vars{"PROTOCOL": "http/protobuf"}, func(*otlp.Config) {}},
		"json":                  {vars{"PROTOCOL": "grpc", "LOGS_PROTOCOL": "http/json"}, func(c *otlp.Config) { c.Encoding = "json" }},
		"no limit":              {vars{"TIMEOUT": "0"}, func(c *otlp.Config) { c.Timeout = 0 }},
		"insecure is gRPC's":    {vars{"INSECURE": "true"}, func(*otlp.Config) {}},
		"the rest": {
			vars{
				"HEADERS": "a=b", "TIMEOUT": "2500", "COMPRESSION": "gzip",
				"CERTIFICATE": "ca", "CLIENT_CERTIFICATE": "cert", "CLIENT_KEY": "key",
			},
			func(c *otlp.Config) {
				c.HeadersList, c.Timeout, c.Compression = "a=b", exporters.Duration(2500*time.Millisecond), "gzip"
				c.TLS = exporters.TLS{CAFile: "ca", CertFile: "cert", KeyFile: "key"}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range c.vars {
				t.Setenv("OTEL_EXPORTER_OTLP_"+k, v)
			}
			want := otlp.DefaultConfig()
			c.change(&want)
			got, err := otlp.FromEnvironment()
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%+v, %v\nwant %+v", got, err, want)
			}
			if err := got.Validate(); err != nil {
				t.Errorf("Validate: %v", err)
			}
		})
	}
}

// What is wrong is named, and left out.
func TestFromEnvironmentFaults(t *testing.T) {
	for name, value := range map[string]string{
		"PROTOCOL": "carrier-pigeon", "COMPRESSION": "lz4", "ENDPOINT": "https://me:hunter2@all", "TIMEOUT": "soon", "HEADERS": "hunter2",
		"LOGS_ENDPOINT": "hunter2:4318", "LOGS_PROTOCOL": "avian", "LOGS_COMPRESSION": "lz4",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_"+name, value)
			got, err := otlp.FromEnvironment()
			if err == nil || !strings.HasPrefix(err.Error(), "OTEL_EXPORTER_OTLP_"+name+": ") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v", err)
			}
			if !reflect.DeepEqual(got, otlp.DefaultConfig()) {
				t.Errorf("%+v", got)
			}
		})
	}
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	if _, err := otlp.FromEnvironment(); err == nil || !strings.Contains(err.Error(), "otlpgrpc") {
		t.Errorf("%v", err)
	}
}
