package config

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/bridge/httplog"
	"github.com/seed2f724858/sluice/bridge/sqllog"
)

// canary is a secret that must not arrive anywhere.
type canary struct {
	key  string // under which it is a secret, whatever it looks like
	raw  string // as a value of that key
	text string // as it stands in a sentence
	core string // what is looked for
}

// canaries returns 100 secrets of ten kinds.
func canaries() []canary {
	all := make([]canary, 100)
	for i := range all {
		core := fmt.Sprintf("cAnArY%02dxQ7zR4tW9", i)
		hex := strings.Repeat("0123456789abcdef", 3)
		c := canary{key: "password", raw: core, core: core}
		switch i % 10 {
		case 0:
			c.text = "login with password=" + core + " refused"
		case 1:
			c.key, c.raw = "authorization", "Bearer "+core+hex[:20]
			c.text = "sent Authorization: " + c.raw
		case 2:
			c.core = base64.StdEncoding.EncodeToString([]byte("shop:" + core))
			c.key, c.raw = "Authorization", "Basic "+c.core
			c.text = "sent header " + c.raw + " to the bank"
		case 3:
			c.core = base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"` + core + `"}`))
			c.key, c.raw = "refresh_token", "eyJhbGciOiJIUzI1NiJ9."+c.core+"."+core+hex[:24]
			c.text = "token " + c.raw + " has expired"
		case 4:
			c.core = fmt.Sprintf("AKIACANARY%02dQWERTZ", i)[:18] + "XY"
			c.key, c.raw, c.text = "aws_access_key_id", c.core, "assume role with "+c.core+" failed"
		case 5:
			c.core = "ghp_" + core + hex[:36-len(core)]
			c.key, c.raw, c.text = "token", c.core, "clone with "+c.core
		case 6:
			c.key, c.raw = "db_password", core
			c.text = "dial postgres://shop:" + core + "@db.internal:5432/shop?sslmode=disable: connection refused"
		case 7:
			c.key, c.raw = "cookie", "sid="+core+"; theme=dark"
			c.text = "Cookie: sid=" + core + "; theme=dark"
		case 8:
			c.key, c.raw = "private_key", "-----BEGIN PRIVATE KEY-----\n"+core+hex+"\n-----END PRIVATE KEY-----"
			c.text = "loaded " + c.raw + " from disk"
		case 9:
			c.key, c.raw = "client_secret", core
			c.text = `request {"client_id":"shop","client_secret":"` + core + `"} refused`
		}
		all[i] = c
	}
	return all
}

// canaryWays log a secret, each in a way of its own.
var canaryWays = map[string]func(ctx context.Context, l *slog.Logger, c canary){
	"body":            func(ctx context.Context, l *slog.Logger, c canary) { l.ErrorContext(ctx, c.text) },
	"attribute":       func(ctx context.Context, l *slog.Logger, c canary) { l.InfoContext(ctx, "said", c.key, c.raw) },
	"other attribute": func(ctx context.Context, l *slog.Logger, c canary) { l.InfoContext(ctx, "said", "detail", c.text) },
	"bound attribute": func(ctx context.Context, l *slog.Logger, c canary) {
		l.With(c.key, c.raw, "detail", c.text).InfoContext(ctx, "said")
	},
	"context attribute": func(ctx context.Context, l *slog.Logger, c canary) {
		l.InfoContext(bridge.With(ctx, slog.String(c.key, c.raw)), "said")
	},
	"nested attribute": func(ctx context.Context, l *slog.Logger, c canary) {
		l.InfoContext(ctx, "said", slog.Group("request", slog.Group("headers", slog.String(c.key, c.raw))),
			"list", []any{map[string]any{c.key: c.raw}, c.text}, "headers", http.Header{c.key: {c.raw}})
	},
	"struct": func(ctx context.Context, l *slog.Logger, c canary) {
		l.InfoContext(ctx, "said", "settings", struct{ User, Password string }{"shop", c.raw})
	},
	"error text": func(ctx context.Context, l *slog.Logger, c canary) {
		l.ErrorContext(ctx, "failed", "error", fmt.Errorf("charge: %w", errors.New(c.text)))
	},
	"panic": func(ctx context.Context, l *slog.Logger, c canary) {
		defer func() { _ = recover() }()
		defer bridge.Recover(ctx, bridge.WithLogger(l))
		panic(errors.New(c.text))
	},
	"SQL": func(ctx context.Context, l *slog.Logger, c canary) {
		db := sql.OpenDB(sqllog.Wrap(secretive{}, l, sqllog.WithParameters(true)))
		defer db.Close()
		_, _ = db.ExecContext(ctx, "UPDATE users SET password = ? WHERE note = ?", sql.Named(c.key, c.raw), c.text)
		_, _ = db.ExecContext(ctx, "ALTER USER shop PASSWORD '"+strings.ReplaceAll(c.raw, "'", "''")+"'")
	},
	"HTTP": func(ctx context.Context, l *slog.Logger, c canary) {
		h := httplog.Middleware(l)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Set-Cookie", "sid="+c.raw)
			panic(c.text)
		}))
		r := httptest.NewRequestWithContext(ctx, "GET", "/login?"+url.Values{"access_token": {c.raw}, "q": {c.text}}.Encode(), strings.NewReader(c.raw))
		r.Header.Set("X-"+c.key, c.raw)
		r.Header.Set("Authorization", c.raw)
		r.Header.Set("Cookie", "sid="+c.raw)
		r.SetBasicAuth("shop", c.raw)
		h.ServeHTTP(httptest.NewRecorder(), r)
	},
	"configuration error": func(ctx context.Context, l *slog.Logger, c canary) {
		name := "SLUICE_CANARY"
		_ = os.Setenv(name, c.raw)
		defer os.Unsetenv(name)
		for _, settings := range []string{"{file: {path: x, sync: \"${" + name + "}\"}}", "{file: {path: \"/dev/null/${" + name + "}\"}}"} {
			doc, err := Parse("secret.yaml", []byte("file_format: \"1.1\"\nlogger_provider: {processors: [{async: {exporter: "+settings+"}}]}\n"))
			if err == nil {
				_, err = doc.Start(ctx)
			}
			if err == nil {
				panic("the configuration is valid")
			}
			l.ErrorContext(ctx, "configuration", "error", err)
		}
	},
}

// secretive is a database that fails and repeats what it was given.
type secretive struct{}

func (secretive) Connect(context.Context) (driver.Conn, error) { return secretive{}, nil }
func (secretive) Driver() driver.Driver                        { return nil }
func (secretive) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("no statements") }
func (secretive) Close() error                                 { return nil }
func (secretive) Begin() (driver.Tx, error)                    { return nil, errors.New("no transactions") }
func (secretive) CheckNamedValue(*driver.NamedValue) error     { return nil }
func (secretive) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) > 0 {
		return nil, fmt.Errorf("constraint violated: %v", args[len(args)-1].Value)
	}
	return driver.ResultNoRows, nil
}

// canarySinks says, for each type of exporter, the settings to try and where
// what it wrote is found. A type that is missing here fails the test.
var canarySinks = map[string]func(dir string) []string{
	"console": func(string) []string { return []string{"{console: }"} },
	"terminal": func(string) []string {
		var all []string
		for _, format := range []string{"pretty", "text", "json", "logfmt"} {
			all = append(all, "{terminal: {format: "+format+"}}")
		}
		return all
	},
	"file": func(dir string) []string {
		var all []string
		for _, format := range []string{"json", "text", "logfmt", "otlp_json"} {
			all = append(all, fmt.Sprintf("{file: {path: %q, format: %s}}", filepath.Join(dir, format), format))
		}
		return all
	},
	"discard": func(string) []string { return []string{"{discard: }"} },
	"retry": func(dir string) []string {
		return []string{fmt.Sprintf("{retry: {exporter: {file: {path: %q}}}}", filepath.Join(dir, "retried"))}
	},
	"failover": func(dir string) []string {
		return []string{fmt.Sprintf("{failover: {exporters: [{file: {path: %q}}, {discard: }]}}", filepath.Join(dir, "first"))}
	},
	"ref": func(string) []string { return nil }, // is another one
}

// TestCanaries sends 100 secrets in every way into every exporter.
func TestCanaries(t *testing.T) {
	secrets := canaries()
	for _, typ := range exporterTypes() {
		settings, ok := canarySinks[typ.name]
		if !ok {
			t.Errorf("no settings for exporter %s", typ.name)
			continue
		}
		for _, exporter := range settings(t.TempDir()) {
			t.Run(exporter, func(t *testing.T) {
				out := canaryOutput(t, exporter, secrets)
				for name := range canaryWays {
					if n := bytes.Count(out, []byte(canaryLogger(name))); typ.name != "discard" && n < len(secrets) {
						t.Errorf("%s: %d records arrived, want %d at least", name, n, len(secrets))
					}
				}
				for _, c := range secrets {
					if i := bytes.Index(out, []byte(c.core)); i >= 0 {
						t.Errorf("%s arrived: …%s…", c.core, out[max(0, i-200):min(len(out), i+60)])
					}
				}
			})
		}
	}
}

// canaryOutput returns everything that a document with that exporter puts out.
func canaryOutput(t *testing.T, exporter string, secrets []canary) []byte {
	dir := t.TempDir()
	stream, err := os.Create(filepath.Join(dir, "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = stream, stream
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()
	var mu sync.Mutex
	handler := otel.GetErrorHandler()
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(stream, "error handler:", err)
	}))
	defer otel.SetErrorHandler(handler)

	rt := start(t, `
resource: {attributes: [{name: process.command_args, value: "shop --password `+secrets[0].raw+`"}]}
logger_provider:
  processors:
    - simple: {exporter: `+exporter+`}
`)
	for _, c := range secrets {
		for name, way := range canaryWays {
			way(t.Context(), rt.Logger(canaryLogger(name)), c)
		}
	}
	fmt.Fprintf(stream, "%+v\n%v\n", rt.Stats(), rt.Health())
	if err := rt.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, root := range []string{dir, canaryDir(exporter)} {
		if root == "" {
			continue
		}
		_ = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				f, err := os.Open(path)
				if err != nil {
					return err
				}
				defer f.Close()
				_, err = io.Copy(&out, f)
				return err
			}
			return err
		})
	}
	return out.Bytes()
}

func canaryLogger(way string) string { return "shop." + strings.ReplaceAll(way, " ", "_") }

// canaryDir returns the folder of the path in settings.
func canaryDir(settings string) string {
	_, path, ok := strings.Cut(settings, `path: "`)
	if !ok {
		return ""
	}
	path, _, _ = strings.Cut(path, `"`)
	return filepath.Dir(path)
}
