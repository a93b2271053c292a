package webhook_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/tlstest"
	"github.com/seed2f724858/sluice/exporters/webhook"
)

func serverTLS(c tlstest.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.Certificate}}
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func TestValidate(t *testing.T) {
	if err := config("https://example.com/hook").Validate(); err != nil {
		t.Error(err)
	}
	type headers = map[string]exporters.Secret
	for want, change := range map[string]func(*webhook.Config){
		"url: is empty":                   func(c *webhook.Config) { c.URL = "" },
		"method: unknown value":           func(c *webhook.Config) { c.Method = "GET" },
		"format: unknown value":           func(c *webhook.Config) { c.Format = "text" },
		"format: the template takes":      func(c *webhook.Config) { c.Format, c.Template = "ndjson", `"{message}"` },
		"escape: unknown value":           func(c *webhook.Config) { c.Escape, c.Template = "xml", `"{message}"` },
		"escape: has no effect":           func(c *webhook.Config) { c.Escape = "html" },
		"compression: unknown value":      func(c *webhook.Config) { c.Compression = "zstd" },
		"headers: Content-Type":           func(c *webhook.Config) { c.Headers = headers{"Content-Type": "x"} },
		"headers: \"a b\"":                func(c *webhook.Config) { c.Headers = headers{"a b": "x"} },
		"headers: a: the value":           func(c *webhook.Config) { c.Headers = headers{"a": "x\r\nb: c"} },
		"username: missing":               func(c *webhook.Config) { c.Password = "x" },
		"username: has a colon":           func(c *webhook.Config) { c.Username = "a:b" },
		"username: headers: authorize":    func(c *webhook.Config) { c.Username, c.Headers = "a", headers{"authorization": "x"} },
		"bearer_token: username":          func(c *webhook.Config) { c.Username, c.BearerToken = "a", "b" },
		"bearer_token: holds control":     func(c *webhook.Config) { c.BearerToken = "b\n" },
		"include: unknown field":          func(c *webhook.Config) { c.Include = []encode.Field{"user"} },
		"include: otlp_json":              func(c *webhook.Config) { c.Format, c.Include = "otlp_json", []encode.Field{"pid"} },
		"content_type: \"json\\n\" is no": func(c *webhook.Config) { c.ContentType = "json\n" },
		"max_text: want 0":                func(c *webhook.Config) { c.MaxText = -1 },
		"max_records: want 1":             func(c *webhook.Config) { c.MaxRecords = 0 },
		"max_request_size: want 1KiB":     func(c *webhook.Config) { c.MaxRequestSize = 10 },
		"timeout: want more":              func(c *webhook.Config) { c.Timeout = 0 },
		"proxy_url: unknown scheme":       func(c *webhook.Config) { c.ProxyURL = "ftp://proxy:1" },
		"tls.key_file: missing":           func(c *webhook.Config) { c.TLS.CertFile = "c.pem" },
		"template: line 2: $.a[1]: unk":   func(c *webhook.Config) { c.Template = "{\n\"a\": [1, \"{nope}\"]}" },
	} {
		c := config("https://example.com/hook")
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("have %v, want %q", err, want)
		}
		if _, err := webhook.New(c); err == nil {
			t.Errorf("%s: New takes it", want)
		}
	}
	c := config("https://example.com/hook")
	c.TLS.CAFile = filepath.Join(t.TempDir(), "none.pem")
	if err := c.Validate(); err != nil {
		t.Errorf("Validate looks at the disk: %v", err)
	}
	if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), "tls.ca_file: ") {
		t.Errorf("Check = %v", err)
	}
}

// The document lists the keys that there are, and all of them.
func TestDocumentedKeys(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "network.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n## The exporter `webhook`\n")
	section, _, _ := strings.Cut(rest, "\n## ")
	defaults, known, listed := reflect.ValueOf(webhook.DefaultConfig()), map[string]string{}, map[string]string{}
	for i := range defaults.NumField() {
		key := defaults.Type().Field(i).Tag.Get("yaml")
		known[key] = "–"
		if v := defaults.Field(i); !v.IsZero() {
			known[key] = fmt.Sprintf("`%v`", v.Interface())
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([^|]+?) \\|").FindAllStringSubmatch(section, -1) {
		listed[row[1]] = row[2]
	}
	if diff := cmp.Diff(known, listed); diff != "" {
		t.Errorf("keys and defaults (-there are +listed):\n%s", diff)
	}
}

func TestQuiet(t *testing.T) {
	if !exporters.IsQuiet(open(t, config("http://localhost:1"))) {
		t.Error("the exporter is said to log")
	}
}
