package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/seed2f724858/sluice/encode"
	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/internal/httpclient"
)

// Config are the settings of the webhook exporter. [DefaultConfig] supplies the
// defaults; a field then means what it says.
type Config struct {
	// URL is where requests go, http or https. It counts as a secret: the URL
	// of a chat's webhook is the permission to write there. Errors show its
	// host.
	URL exporters.Secret `yaml:"url"`
	// Method is POST or PUT.
	Method string `yaml:"method"`
	// Headers are sent with each request.
	Headers map[string]exporters.Secret `yaml:"headers"`
	// Username and Password are for basic authentication (RFC 7617).
	Username string           `yaml:"username"`
	Password exporters.Secret `yaml:"password"`
	// BearerToken is for the header Authorization: Bearer (RFC 6750).
	BearerToken exporters.Secret `yaml:"bearer_token"`
	// Format of a request's body: json, an array of objects as the json format
	// has them; ndjson, the same objects a line each; otlp_json, a request of
	// OTLP.
	Format string `yaml:"format"`
	// Template is a JSON document that takes the place of Format, with fields
	// in braces in its strings; the package's documentation describes it. It
	// counts as a secret, since some services want a key in the body.
	Template exporters.Secret `yaml:"template"`
	// Escape is what becomes of & < > in the fields of a template: none leaves
	// them, html makes them entities, which Slack wants so that no record
	// addresses a channel or fakes a link.
	Escape string `yaml:"escape"`
	// MaxText bounds each string made of a template, in characters; longer ones
	// are cut, with an ellipsis at their end. 0 sets no bound.
	MaxText int `yaml:"max_text"`
	// Include lists what the objects of json and ndjson, and {record}, show
	// beyond the record's own fields: service, pid, host, source, resource.
	Include []encode.Field `yaml:"include"`
	// ContentType is the header Content-Type, if not that of the format.
	ContentType string `yaml:"content_type"`
	// MaxRecords bounds the records of a request. A template without $records
	// has one.
	MaxRecords int `yaml:"max_records"`
	// MaxRequestSize bounds a request's body in bytes before compression; a
	// single record that is larger is sent by itself.
	MaxRequestSize exporters.Size `yaml:"max_request_size"`
	// Compression of the body is none or gzip.
	Compression string `yaml:"compression"`
	// Timeout bounds a request, from connecting to the end of the answer.
	Timeout exporters.Duration `yaml:"timeout"`
	// ProxyURL is the proxy to go through; if it is empty the environment
	// decides (HTTP_PROXY, HTTPS_PROXY, NO_PROXY).
	ProxyURL exporters.Secret `yaml:"proxy_url"`
	// TLS are the settings for https.
	TLS exporters.TLS `yaml:"tls"`
}

// DefaultConfig posts JSON arrays of at most 512 records and 1 MiB, and waits
// 10 s for an answer. It lacks a URL.
func DefaultConfig() Config {
	return Config{
		Method:         http.MethodPost,
		Format:         "json",
		Escape:         "none",
		MaxText:        1000, // PagerDuty takes 1024 characters in a summary, Slack 3000 in a text
		MaxRecords:     512,
		MaxRequestSize: exporters.MiB,
		Compression:    "none",
		Timeout:        exporters.Duration(10 * time.Second),
	}
}

// Validate reports everything that is wrong with c, without touching the
// network. Its errors show no secret.
func (c Config) Validate() error {
	errs := []error{
		exporters.OneOf("method", c.Method, http.MethodPost, http.MethodPut),
		exporters.OneOf("format", c.Format, "json", "ndjson", "otlp_json"),
		exporters.OneOf("escape", c.Escape, "none", "html"),
		exporters.OneOf("compression", c.Compression, "none", "gzip"),
		c.validateAccess(),
	}
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if _, err := parseURL(c.URL); err != nil {
		fail("url: %w", err)
	}
	switch {
	case c.Template == "":
		if c.Escape == "html" {
			fail("escape: has no effect without a template")
		}
	case c.Format != "json":
		fail("format: the template takes its place: leave one of them out")
	default:
		if _, err := parseTemplate(c); err != nil {
			fail("template: %w", err)
		}
	}
	for _, f := range c.Include {
		if _, err := encode.ParseField(string(f)); err != nil {
			fail("include: %w", err)
		}
	}
	if c.Format == "otlp_json" && len(c.Include) > 0 {
		fail("include: otlp_json carries the whole resource anyway")
	}
	if c.ContentType != "" {
		t, _, err := mime.ParseMediaType(c.ContentType)
		if err != nil || !strings.Contains(t, "/") || httpclient.CheckHeader("Accept", exporters.Secret(c.ContentType)) != nil {
			fail("content_type: %q is no media type like application/json", c.ContentType)
		}
	}
	if c.MaxText < 0 {
		fail("max_text: want 0 or more, have %d", c.MaxText)
	}
	if c.MaxRecords < 1 {
		fail("max_records: want 1 or more, have %d", c.MaxRecords)
	}
	if c.MaxRequestSize < exporters.KiB || c.MaxRequestSize > exporters.GiB {
		fail("max_request_size: want 1KiB to 1GiB, have %s", c.MaxRequestSize)
	}
	if c.Timeout <= 0 {
		fail("timeout: want more than 0, or \"unlimited\", have %s", c.Timeout)
	}
	if c.ProxyURL != "" {
		if _, err := httpclient.ParseProxy(c.ProxyURL); err != nil {
			fail("proxy_url: %w", err)
		}
	}
	return errors.Join(append(errs, c.TLS.Validate())...)
}

// validateAccess checks headers and credentials.
func (c Config) validateAccess() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	authorized := ""
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		if err := httpclient.CheckHeader(name, c.Headers[name]); err != nil {
			fail("headers: %w", err)
		}
		if strings.EqualFold(name, "Authorization") {
			authorized = "headers"
		}
	}
	if c.Username == "" && c.Password != "" {
		fail("username: missing, password needs one")
	}
	if strings.Contains(c.Username, ":") {
		fail("username: has a colon in it, which RFC 7617 cannot express")
	}
	for _, v := range []struct {
		key   string
		value exporters.Secret
	}{{"username", exporters.Secret(c.Username)}, {"password", c.Password}, {"bearer_token", c.BearerToken}} {
		if err := httpclient.CheckHeader("Authorization", v.value); err != nil {
			fail("%s: holds control characters", v.key)
		}
	}
	if c.Username != "" {
		if authorized != "" {
			fail("username: %s: authorize already", authorized)
		}
		authorized = "username"
	}
	if c.BearerToken != "" && authorized != "" {
		fail("bearer_token: %s: authorize already", authorized)
	}
	return errors.Join(errs...)
}

// Check reports TLS files that cannot be read.
func (c Config) Check() error { return c.TLS.Check() }

// parseURL reads the URL. Its errors show nothing of it but the scheme.
func parseURL(s exporters.Secret) (*url.URL, error) {
	const want = "write a URL like https://example.com/hook"
	if s == "" {
		return nil, errors.New("is empty: " + want)
	}
	u, err := url.Parse(s.Reveal())
	switch {
	case err != nil || u.Opaque != "":
		return nil, errors.New("cannot be read: " + want)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the scheme is neither http nor https: " + want)
	case u.Hostname() == "":
		return nil, errors.New("names no host: " + want)
	case u.User != nil:
		return nil, errors.New("holds a user: write username and password beside it")
	case u.Fragment != "":
		return nil, errors.New("holds a fragment (#…), which no server would see")
	}
	return u, nil
}

// header returns the headers of each request.
func (c Config) header() http.Header {
	h := http.Header{"User-Agent": {"sluice"}, "Content-Type": {c.contentType()}}
	if c.Compression == "gzip" {
		h.Set("Content-Encoding", "gzip")
	}
	switch {
	case c.BearerToken != "":
		h.Set("Authorization", "Bearer "+c.BearerToken.Reveal())
	case c.Username != "":
		h.Set("Authorization", "Basic "+basic(c.Username, c.Password))
	}
	for name, value := range c.Headers {
		h.Set(name, value.Reveal())
	}
	return h
}

func (c Config) contentType() string {
	switch {
	case c.ContentType != "":
		return c.ContentType
	case c.Format == "ndjson":
		return "application/x-ndjson"
	}
	return "application/json"
}

func basic(user string, password exporters.Secret) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password.Reveal()))
}
