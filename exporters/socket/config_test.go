package socket

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
)

func TestValidate(t *testing.T) {
	good := []string{
		"tcp://localhost:5170", "tls://[::1]:6514", "udp://10.0.0.1:514", "unix:///run/log.sock",
		"unixgram:///dev/log", "unix://@abstract", "tcp://log_shipper-1.example.com:1",
	}
	for _, endpoint := range good {
		if err := config(endpoint).Validate(); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	for want, change := range map[string]func(*Config){
		"endpoint: is empty":            func(c *Config) { c.Endpoint = "" },
		"endpoint: has no scheme":       func(c *Config) { c.Endpoint = "localhost:514" },
		"endpoint: unknown scheme":      func(c *Config) { c.Endpoint = "http://localhost:514" },
		"endpoint: \"localhost\" is no": func(c *Config) { c.Endpoint = "tcp://localhost" },
		"endpoint: names no host":       func(c *Config) { c.Endpoint = "udp://:514" },
		"endpoint: port":                func(c *Config) { c.Endpoint = "udp://localhost:0" },
		"endpoint: holds a space":       func(c *Config) { c.Endpoint = "udp://local host:1" },
		"endpoint: tcp:// takes a host": func(c *Config) { c.Endpoint = "tcp://ann:hunter2@localhost:1" },
		"endpoint: \"run/s\" is no":     func(c *Config) { c.Endpoint = "unix://run/s" },
		"endpoint: the path has":        func(c *Config) { c.Endpoint = "unix:///" + strings.Repeat("s", 200) },
		"format: unknown value":         func(c *Config) { c.Format = "pretty" },
		"framing: unknown value":        func(c *Config) { c.Framing = "octet" },
		"framing: length is for":        func(c *Config) { c.Endpoint, c.Framing = "udp://localhost:1", "length" },
		"tls: has no effect":            func(c *Config) { c.TLS.MinVersion = "1.3" },
		"tls.key_file: missing":         func(c *Config) { c.Endpoint, c.TLS.CertFile = "tls://localhost:1", "c.pem" },
		"template: the format json":     func(c *Config) { c.Template = "{message}" },
		"template: column 1: unknown":   func(c *Config) { c.Format, c.Template = "text", "{msg}" },
		"include: the template":         func(c *Config) { c.Format, c.Template, c.Include = "text", "{message}", []encode.Field{"pid"} },
		"include: unknown field":        func(c *Config) { c.Include = []encode.Field{"user"} },
		"max_message_size: want 0":      func(c *Config) { c.MaxMessageSize = 479 },
		"max_message_size: a datagram":  func(c *Config) { c.Endpoint, c.MaxMessageSize = "udp://localhost:1", 65508 },
		"max_message_size: 480 leaves no": func(c *Config) {
			c.Format, c.Template, c.MaxMessageSize = "text", strings.Repeat("-", 400)+"{message}", 480
		},
		"timeout: want more than 0": func(c *Config) { c.Timeout = 0 },
	} {
		c := config("tcp://localhost:514")
		change(&c)
		err := c.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("have %v, want %q", err, want)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("shows a password: %v", err)
		}
		if e, err := New(c); err == nil {
			t.Errorf("%s: New takes it", want)
			_ = e.Shutdown(t.Context())
		}
	}
}

func TestCheck(t *testing.T) {
	c := config("tls://localhost:1")
	c.TLS.CAFile = filepath.Join(t.TempDir(), "none.pem")
	if err := c.Validate(); err != nil {
		t.Errorf("Validate looks at the disk: %v", err)
	}
	if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), "tls.ca_file: ") {
		t.Errorf("Check = %v", err)
	}
}

func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{"tcp://localhost:1", "unix:///s", "tls://[::1]:2", "udp://a@b:1", "x", "unixgram://@a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ep, err := parseEndpoint(s)
		if err != nil {
			if len(err.Error()) > 400 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		if again, err := parseEndpoint(ep.String()); err != nil || again != ep {
			t.Errorf("%q is %+v, read again %+v, %v", s, ep, again, err)
		}
	})
}

// The document lists the keys that there are, and all of them.
func TestDocumentedKeys(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "network.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n## The exporter `socket`\n")
	section, _, _ := strings.Cut(rest, "\n## ")
	defaults, known, listed := reflect.ValueOf(DefaultConfig()), map[string]string{}, map[string]string{}
	for i := range defaults.NumField() {
		key := defaults.Type().Field(i).Tag.Get("yaml")
		known[key] = "–"
		switch v := defaults.Field(i); {
		case key == "tls", v.IsZero():
		default:
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
	if !exporters.IsQuiet(open(t, config("tcp://localhost:1"))) {
		t.Error("the exporter is said to log")
	}
}
