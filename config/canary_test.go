package config_test

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
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/bridge/httplog"
	"github.com/seed2f724858/sluice/bridge/sqllog"
	"github.com/seed2f724858/sluice/config"
	"github.com/seed2f724858/sluice/config/all"
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
			doc, err := config.Parse("secret.yaml", []byte("file_format: \"1.1\"\nlogger_provider: {processors: [{async: {exporter: "+settings+"}}]}\n"))
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

// canarySink is an exporter to try.
type canarySink struct {
	settings string
	// settled, which may be nil, returns when all that was sent has arrived.
	settled func()
	// dead exporters take nothing: a panic would wait in vain to be flushed.
	dead bool
}

// canarySinks makes, for each type of exporter, the ones to try, which leave
// what they put out in the directory. A type that is missing here fails the
// test.
var canarySinks = map[string][]func(t *testing.T, dir string) canarySink{
	"console":  {settings("{console: }")},
	"discard":  {settings("{discard: }")},
	"failover": {settings("{failover: {exporters: [{file: {path: DIR/first}}, {discard: }]}}")},
	"file": {
		settings("{file: {path: DIR/log, format: json}}"),
		settings("{file: {path: DIR/log, format: text}}"),
		settings("{file: {path: DIR/log, format: logfmt}}"),
		settings("{file: {path: DIR/log, format: otlp_json}}"),
	},
	"otlp": {
		request("{otlp: {endpoint: URL, encoding: json}}"),
		request("{otlp: {endpoints: [URL, URL], headers: {authorization: sent}}}"),
	},
	"otlp_grpc": {call("{otlp_grpc: {endpoint: URL}}")},
	"otlp_http": {request("{otlp_http: {endpoint: URL}}")},
	"ref":       nil, // is another one
	"retry":     {settings("{retry: {exporter: {file: {path: DIR/retried}}}}")},
	"socket": {
		stream("{socket: {endpoint: tcp://ADDR, format: json}}"),
		stream("{socket: {endpoint: tcp://ADDR, format: otlp_json, framing: length}}"),
	},
	"spool": {
		settings("{spool: {directory: DIR/queue, exporter: {file: {path: DIR/log}}}}"),
		dead("{spool: {directory: DIR/queue, exporter: {otlp_http: {endpoint: 'http://127.0.0.1:1'}}}}"),
		refused("{spool: {directory: DIR/queue, exporter: {otlp_http: {endpoint: URL}}}}"),
	},
	"terminal": {
		settings("{terminal: {format: pretty}}"),
		settings("{terminal: {format: text}}"),
		settings("{terminal: {format: json}}"),
		settings("{terminal: {format: logfmt}}"),
	},
	"webhook": {
		request("{webhook: {url: URL}}"),
		request("{webhook: {url: URL, format: ndjson, bearer_token: sent}}"),
		request(`{webhook: {url: URL, max_text: 0, template: '{"text": "{logger} {message} {attributes} {exception}", "all": "{record}"}'}}`),
	},
}

// settings are those of an exporter that writes below DIR.
func settings(text string) func(*testing.T, string) canarySink {
	return func(_ *testing.T, dir string) canarySink {
		return canarySink{settings: strings.ReplaceAll(text, "DIR", filepath.ToSlash(dir))}
	}
}

// dead are the settings of an exporter that takes nothing.
func dead(text string) func(*testing.T, string) canarySink {
	return func(t *testing.T, dir string) canarySink {
		sink := settings(text)(t, dir)
		sink.dead = true
		return sink
	}
}

// stream are the settings of an exporter that connects to ADDR.
func stream(text string) func(*testing.T, string) canarySink {
	return func(t *testing.T, dir string) canarySink {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var served sync.WaitGroup
		served.Go(func() {
			for i := 0; ; i++ {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				served.Go(func() {
					defer conn.Close()
					keep(t, filepath.Join(dir, fmt.Sprint("connection", i)), conn)
				})
			}
		})
		settled := func() {
			_ = ln.Close()
			served.Wait()
		}
		t.Cleanup(settled)
		return canarySink{settings: strings.ReplaceAll(text, "ADDR", ln.Addr().String()), settled: settled}
	}
}

// request are the settings of an exporter that sends requests to URL.
func request(text string) func(*testing.T, string) canarySink {
	return func(t *testing.T, dir string) canarySink {
		var n atomic.Int64
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			keep(t, filepath.Join(dir, fmt.Sprint("request", n.Add(1))), r.Body)
		}))
		t.Cleanup(s.Close)
		return canarySink{settings: strings.ReplaceAll(text, "URL", strconv.Quote(s.URL))}
	}
}

// refused are the settings of an exporter that sends requests to URL, which
// takes none of them.
func refused(text string) func(*testing.T, string) canarySink {
	return func(t *testing.T, dir string) canarySink {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusBadRequest)
		}))
		t.Cleanup(s.Close)
		return settings(strings.ReplaceAll(text, "URL", strconv.Quote(s.URL)))(t, dir)
	}
}

// call are the settings of an exporter that calls a server of OTLP/gRPC at URL.
func call(text string) func(*testing.T, string) canarySink {
	return func(t *testing.T, dir string) canarySink {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var n atomic.Int64
		s := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			var message emptypb.Empty // keeps all it does not know, which is everything
			if err := stream.RecvMsg(&message); err != nil {
				return err
			}
			keep(t, filepath.Join(dir, fmt.Sprint("call", n.Add(1))), bytes.NewReader(message.ProtoReflect().GetUnknown()))
			return stream.SendMsg(&emptypb.Empty{})
		}))
		var served sync.WaitGroup
		served.Go(func() { _ = s.Serve(ln) })
		t.Cleanup(func() {
			s.Stop()
			served.Wait()
		})
		return canarySink{settings: strings.ReplaceAll(text, "URL", "http://"+ln.Addr().String())}
	}
}

// keep writes what comes into a file.
func keep(t *testing.T, path string, from io.Reader) {
	f, err := os.Create(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	if _, err := io.Copy(f, from); err != nil {
		t.Error(err)
	}
}

// TestCanaries sends 100 secrets in every way into every exporter.
func TestCanaries(t *testing.T) {
	secrets := canaries()
	for _, typ := range config.ExporterTypes(all.Options()...) {
		sinks, ok := canarySinks[typ]
		if !ok {
			t.Errorf("no settings for exporter %s", typ)
		}
		for i, open := range sinks {
			t.Run(fmt.Sprint(typ, i), func(t *testing.T) {
				dir := t.TempDir()
				sink := open(t, dir)
				out := canaryOutput(t, dir, sink, secrets)
				want := len(secrets)
				if sink.dead {
					want = 1 // a queue on disk names each logger once
				}
				for _, name := range sink.ways() {
					if n := bytes.Count(out, []byte(canaryLogger(name))); typ != "discard" && n < want {
						t.Errorf("%s: %d records arrived, want %d at least", name, n, want)
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

// ways are the ways in which secrets are sent to the exporter. OTLP groups
// neighbours of one logger, and the test counts names: in turn none are.
func (s canarySink) ways() []string {
	ways := slices.Sorted(maps.Keys(canaryWays))
	return slices.DeleteFunc(ways, func(way string) bool { return s.dead && way == "panic" })
}

// canaryOutput returns everything that a document with that exporter, which
// leaves it in dir, puts out.
func canaryOutput(t *testing.T, dir string, sink canarySink, secrets []canary) []byte {
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

	doc, err := config.Parse("F", []byte(`file_format: "1.1"
resource: {attributes: [{name: process.command_args, value: "shop --password `+secrets[0].raw+`"}]}
logger_provider:
  processors:
    - async: {on_full: block, exporter: `+sink.settings+`}
`), all.Options()...)
	if err != nil {
		t.Fatal(err)
	}
	rt, err := doc.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range secrets {
		for _, name := range sink.ways() {
			canaryWays[name](t.Context(), rt.Logger(canaryLogger(name)), c)
		}
	}
	fmt.Fprintf(stream, "%+v\n%v\n", rt.Stats(), rt.Health())
	patience := 20 * time.Second
	if sink.dead {
		patience = 2 * time.Second // what waits on disk stays there
	}
	end, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := rt.Shutdown(end); err != nil {
		t.Fatal(err)
	}
	if sink.settled != nil {
		sink.settled()
	}
	var out bytes.Buffer
	if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		out.Write(data)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func canaryLogger(way string) string { return "shop." + strings.ReplaceAll(way, " ", "_") }
