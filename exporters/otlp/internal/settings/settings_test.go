package settings_test

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/quote"
	"github.com/seed2f724858/sluice/exporters/otlp/internal/settings"
)

type headers = map[string]exporters.Secret

func TestParseHeaders(t *testing.T) {
	for list, want := range map[string]headers{
		"":                             {},
		" , ,":                         {},
		"api-key=abc":                  {"api-key": "abc"},
		"Api-Key = abc , tenant=a%20b": {"api-key": "abc", "tenant": "a b"},
		"authorization=Basic%20YTpi==": {"authorization": "Basic YTpi=="},
		"plus=a+b":                     {"plus": "a+b"},
		"comma=a%2Cb":                  {"comma": "a,b"},
		"empty=":                       {"empty": ""},
		"twice=1,Twice=2":              {"twice": "2"},
	} {
		if got, err := settings.ParseHeaders(exporters.Secret(list)); err != nil || !maps.Equal(got, want) {
			t.Errorf("%q: %v, %v", list, got, err)
		}
	}
	for list, want := range map[string]string{
		"hunter2":                    "entry 1: want key=value",
		"a=b,hunter2":                "entry 2: want key=value",
		"a=hunter2%zz":               "entry 1: wrong percent-encoding: write %25 for %",
		"hunter2 hunter2=x":          "entry 1: the key is no name of a header",
		"=hunter2":                   "entry 1: the key is no name of a header",
		"a=hunter2%0d%0aX-Evil:%20x": "entry 1: a: the value has control characters in it",
		"Content-Length=hunter2":     "entry 1: Content-Length: the exporter sets it by itself",
	} {
		_, err := settings.ParseHeaders(exporters.Secret(list))
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", list, err, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	got, err := settings.Headers(headers{"API-Key": "map"}, "api-key=list,tenant=a")
	if want := (headers{"api-key": "map", "tenant": "a"}); err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for want, c := range map[string]struct {
		set  headers
		list exporters.Secret
	}{
		`headers: "a b" is no name of a header`:              {headers{"a b": "hunter2"}, ""},
		`headers: a: the value has control characters in it`: {headers{"a": "hunter2\n"}, ""},
		`headers: Host: the exporter sets it by itself`:      {headers{"Host": "hunter2"}, ""},
		`headers_list: entry 1: want key=value`:              {nil, "hunter2"},
	} {
		if _, err := settings.Headers(c.set, c.list); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A header that is taken is one of valid form, and an error shows no value.
func FuzzParseHeaders(f *testing.F) {
	f.Add("api-key=abc, tenant = a%20b")
	f.Add("a=%0d%0a,b")
	f.Fuzz(func(t *testing.T, list string) {
		got, err := settings.ParseHeaders(exporters.Secret(list))
		if err != nil {
			for entry := range strings.SplitSeq(list, ",") {
				_, value, _ := strings.Cut(entry, "=")
				if value = strings.TrimSpace(value); len(value) > 20 && strings.Contains(err.Error(), value) {
					t.Errorf("%v shows %q", err, value)
				}
			}
			return
		}
		for name, value := range got {
			if name == "" || strings.ContainsAny(name, " \r\n:") || strings.ToLower(name) != name {
				t.Errorf("name %q", name)
			}
			if strings.ContainsAny(value.Reveal(), "\r\n\x00") {
				t.Errorf("value %q", value.Reveal())
			}
		}
	})
}

func TestSecrets(t *testing.T) {
	u := &url.URL{Scheme: "http", Host: "h", Path: "/keykeykeykeykeyk/datapoint/v1/logs", RawQuery: "key=s3cret-in-query"}
	c := quote.NewCleaner(settings.Secrets(headers{"authorization": "Bearer hunter2hunter2", "tenant": "a", "key": "s3cret-key"}, u)...)
	got := c.Line("bad token hunter2hunter2 (Bearer hunter2hunter2) for s3cret-key of a, " + u.RequestURI())
	if want := `bad token [REDACTED] ([REDACTED]) for [REDACTED] of a, /[REDACTED]/datapoint/v1/logs?key=[REDACTED]`; got != want {
		t.Errorf("%s", got)
	}
}

func TestEnvironment(t *testing.T) {
	type vars = map[string]string
	for name, c := range map[string]struct {
		vars vars
		want settings.Environment
	}{
		"nothing": {nil, settings.Environment{Timeout: settings.DefaultTimeout}},
		"empty":   {vars{"ENDPOINT": "", "TIMEOUT": " "}, settings.Environment{Timeout: settings.DefaultTimeout}},
		"general": {
			vars{
				"ENDPOINT": "http://all:4318", "HEADERS": "a=b", "TIMEOUT": "2500", "COMPRESSION": "gzip", "PROTOCOL": "http/json",
				"CERTIFICATE": "ca", "CLIENT_CERTIFICATE": "cert", "CLIENT_KEY": "key", "INSECURE": "TRUE",
			},
			settings.Environment{
				Endpoint: "http://all:4318", General: true, Headers: "a=b", Timeout: exporters.Duration(2500 * time.Millisecond),
				Compression: "gzip", Protocol: "http/json", Insecure: true,
				TLS: exporters.TLS{CAFile: "ca", CertFile: "cert", KeyFile: "key"},
			},
		},
		"logs before all": {
			vars{
				"ENDPOINT": "http://all:4318", "LOGS_ENDPOINT": "http://logs", "HEADERS": "a=b,c=d", "LOGS_HEADERS": "e=f",
				"TIMEOUT": "1", "LOGS_TIMEOUT": "0", "COMPRESSION": "gzip", "LOGS_COMPRESSION": "none",
				"PROTOCOL": "grpc", "LOGS_PROTOCOL": "http/protobuf", "CERTIFICATE": "ca", "LOGS_CERTIFICATE": "lca",
				"LOGS_CLIENT_CERTIFICATE": "lcert", "LOGS_CLIENT_KEY": "lkey", "INSECURE": "true", "LOGS_INSECURE": "no",
			},
			settings.Environment{
				Endpoint: "http://logs", Headers: "e=f", Compression: "none", Protocol: "http/protobuf",
				TLS: exporters.TLS{CAFile: "lca", CertFile: "lcert", KeyFile: "lkey"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range c.vars {
				t.Setenv("OTEL_EXPORTER_OTLP_"+k, v)
			}
			got, err := settings.ReadEnvironment()
			if err != nil || got != c.want {
				t.Errorf("%+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

func TestEnvironmentFaults(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "10s")
	t.Setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", "-----BEGIN PRIVATE KEY-----\nhunter2")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "hunter2")
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
	got, err := settings.ReadEnvironment()
	want := "OTEL_EXPORTER_OTLP_CLIENT_KEY: want the name of a file, not what stands in it\n" +
		"OTEL_EXPORTER_OTLP_HEADERS: entry 1: want key=value\nOTEL_EXPORTER_OTLP_LOGS_TIMEOUT: want a number of milliseconds"
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	if (got != settings.Environment{Timeout: settings.DefaultTimeout, Compression: "gzip"}) {
		t.Errorf("%+v", got)
	}
	if s := fmt.Sprintf("%+v", settings.Environment{Headers: "hunter2"}); strings.Contains(s, "hunter2") {
		t.Error(s)
	}
}

func TestUserAgent(t *testing.T) {
	first, second, _ := strings.Cut(settings.UserAgent(), " ")
	for _, p := range []struct{ product, name string }{{first, "sluice/"}, {second, "OTel-OTLP-Exporter-Go/"}} {
		if version, ok := strings.CutPrefix(p.product, p.name); !ok || version == "" || strings.ContainsAny(version, " ()") {
			t.Errorf("%q, want %sVERSION", p.product, p.name)
		}
	}
}
