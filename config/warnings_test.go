package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
)

// What is valid and hardly meant is told with its place, by Warnings and at
// the start, and what the environment holds is not.
func TestWarnings(t *testing.T) {
	t.Setenv("COLLECTOR", "http://hunter2.example")
	t.Setenv("TOKEN", "")
	doc := parse(t, `
logger_provider:
  processors:
    - async: {exporter: {otlp_http: {endpoint: "http://localhost:4318"}}}
    - async: {exporter: {otlp_http: {endpoint: "${COLLECTOR}/"}}}
    - async: {exporter: {otlp: {endpoints: ["https://a/v1/logs", "http://b:4317/v1/logs", "${COLLECTOR}"]}}}
    - async:
        exporter:
          otlp_http:
            headers:
              - {name: a, value: "${TOKEN}"}
              - {name: b, value: "Bearer ${env:TOKEN}"}
              - {name: c, value: "${TOKEN:-}"}
              - {name: d, value: "${TOKEN:-fallback}"}
              - {name: e, value: }
              - name: f
                value: ${TOKEN}
            headers_list: "api-key=${TOKEN}"
    - async: {exporter: {otlp: {headers: {a: "${TOKEN}", b: , c: "$${TOKEN}"}, headers_list: , proxy_url: }}}
    - async:
        exporter:
          webhook:
            url: "http://localhost/x?key=${TOKEN}"
            bearer_token: ${TOKEN}
`)
	var got []string
	for _, w := range doc.Warnings() {
		got = append(got, w.Error())
	}
	const set, unset = `; hint: set the variable, or write ${TOKEN:-} if that is meant`, ` is not set: the value lacks it`
	const path = `: has no path, and receivers of OTLP/HTTP want /v1/logs; hint: write it with the path, as in http://localhost:4318/v1/logs`
	want := []string{
		`F:5:48: logger_provider.processors[0].async.exporter.otlp_http.endpoint` + path,
		`F:6:48: logger_provider.processors[1].async.exporter.otlp_http.endpoint` + path,
		`F:7:66: logger_provider.processors[2].async.exporter.otlp.endpoints[1]: port 4317 is that of gRPC by default; hint: write 4318, or use otlp_grpc`,
		`F:7:91: logger_provider.processors[2].async.exporter.otlp.endpoints[2]` + path,
		`F:12:34: logger_provider.processors[3].async.exporter.otlp_http.headers[0].value: ${TOKEN}` + unset + set,
		`F:13:34: logger_provider.processors[3].async.exporter.otlp_http.headers[1].value: ${env:TOKEN}` + unset + strings.Replace(set, "{TOKEN", "{env:TOKEN", 1),
		`F:18:24: logger_provider.processors[3].async.exporter.otlp_http.headers[5].value: ${TOKEN} is not set: this one is left out` + set,
		`F:19:27: logger_provider.processors[3].async.exporter.otlp_http.headers_list: ${TOKEN}` + unset + set,
		`F:20:46: logger_provider.processors[4].async.exporter.otlp.headers.a: ${TOKEN}` + unset + set,
		`F:24:18: logger_provider.processors[5].async.exporter.webhook.url: ${TOKEN}` + unset + set,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	var told []string
	before := otel.GetErrorHandler()
	defer otel.SetErrorHandler(before)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		if _, ok := errors.AsType[*Error](err); ok {
			told = append(told, err.Error())
		}
	}))
	rt, err := doc.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := rt.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told at the start: %s", diff)
	}
	if got := parse(t, "logger_provider: {processors: [{async: {exporter: {otlp_http: }}}]}").Warnings(); got != nil {
		t.Errorf("%v", got)
	}
}

// A header without a value is not sent; one with an empty value is, as the
// standard has it.
func TestHeaderWithoutValue(t *testing.T) {
	t.Setenv("TOKEN", "")
	c := newCollector(t)
	for name, headers := range map[string]string{
		"otlp_http": "[{name: Empty, value: \"${TOKEN}\"}, {name: Unset, value: }]",
		"otlp":      "{Empty: \"${TOKEN}\", Unset: }",
	} {
		rt := start(t, "logger_provider: {processors: [{simple: {exporter: {"+name+": {endpoint: \""+c.URL+"/v1/logs\", headers: "+headers+"}}}}]}")
		rt.Logger("shop").Info("hello")
		if e := rt.Stats().Exporters[0]; e.Delivered != 1 {
			t.Fatalf("%s: %+v", name, e)
		}
		if _, sent := c.header["Empty"]; !sent {
			t.Errorf("%s: an empty header is not sent", name)
		}
		if _, sent := c.header["Unset"]; sent {
			t.Errorf("%s: a header without a value is sent", name)
		}
	}
}

// What keeps a component from starting comes with what to do about it.
func TestCheckHints(t *testing.T) {
	for settings, want := range map[string]string{
		`otlp: {endpoint: "https://a/v1/logs", tls: {ca_file: /none.pem}}`: "correct the path, or make what it names",
		`otlp: {endpoint: "https://a/v1/logs", tls: {ca_file: /dev/null}}`: "",
		`otlp: {endpoint: "https://a/v1/logs", tls: {ca_file: config.go}}`: "correct the path",

		`otlp: {endpoint: "https://a/v1/logs", tls: {ca_file: decode.go}}`:   "write the path of a file in which one begins with -----BEGIN CERTIFICATE-----",
		`webhook: {url: "https://a/", tls: {cert_file: /none, key_file: x}}`: "correct the path",
	} {
		err := parse(t, "logger_provider: {processors: [{async: {exporter: {"+settings+"}}}]}").Check()
		problem, ok := errors.AsType[*Error](err)
		if !ok || !strings.HasPrefix(problem.Hint, want) || want == "" && problem.Hint != "" {
			t.Errorf("%s: %v", settings, err)
		}
	}
}
