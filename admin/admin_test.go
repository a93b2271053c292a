package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/log"
	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/admin"
	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/config"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ admin.Source = (*config.Runtime)(nil)

func newPipeline(t testing.TB, levels *processors.Levels, sink *sinktest.Script) *processors.Pipeline {
	t.Helper()
	cfg := processors.DefaultSimpleConfig()
	cfg.Name = "mail"
	s, err := processors.NewSimple(sink, cfg)
	if err != nil {
		t.Fatal(err)
	}
	p, err := processors.NewPipeline(processors.Config{Levels: levels}, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return p
}

// ask sends a request, and returns the answer's code and body.
func ask(h http.Handler, method, target, body string) (int, string) {
	w := httptest.NewRecorder()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	h.ServeHTTP(w, httptest.NewRequest(method, target, in))
	return w.Code, strings.TrimSuffix(w.Body.String(), "\n")
}

func TestLevels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		levels := processors.NewLevels()
		levels.Configure(processors.LevelRules{"": log.SeverityInfo, "shop.db": log.SeverityWarn})
		used := levels.For("used", nil)
		h := admin.Levels(levels)
		start := time.Now().UTC()
		in := func(d time.Duration) string { return start.Add(d).Format(time.RFC3339) }
		for _, step := range []struct {
			method, target, body string
			code                 int
			want                 string
		}{
			{"GET", "/", "", 200, `{"overrides":[],"environment":[],"configuration":[{"logger":"","level":"info"},{"logger":"shop.db","level":"warn"}]}`},
			{"GET", "/?logger=shop.db.pool", "", 200, `{"logger":"shop.db.pool","level":"warn","from":"configuration"}`},
			{"PUT", "/", `{"logger": "shop.db", "level": "debug", "for": "10m"}`, 200, `{"logger":"shop.db","level":"debug","until":"` + in(10*time.Minute) + `"}`},
			{"GET", "/?logger=shop.db.pool", "", 200, `{"logger":"shop.db.pool","level":"debug","from":"override"}`},
			{"PUT", "/", "level=Error2", 200, `{"logger":"","level":"error2"}`},
			{"PUT", "/", `{"level":"debug"}`, 200, `{"logger":"","level":"debug"}`},
			{"PUT", "/?level=off&logger=a.*", "", 200, `{"logger":"a.*","level":"off"}`},
			{"PUT", "/?logger=b", "level=all&for=unlimited\n", 200, `{"logger":"b","level":"trace"}`},
			{"PUT", "/", "logger=<b>&level=info", 200, `{"logger":"\u003cb\u003e","level":"info"}`},
			{"DELETE", "/?logger=%3Cb%3E", "", 204, ``},
			{"DELETE", "/?logger=b", "", 204, ``},
			{"DELETE", "/?logger=b", "", 404, `{"error":"no override is called \"b\": GET lists them"}`},
			{"GET", "/", "", 200, `{"overrides":[{"logger":"","level":"debug"},{"logger":"a.*","level":"off"},{"logger":"shop.db","level":"debug","until":"` + in(10*time.Minute) + `"}],` +
				`"environment":[],"configuration":[{"logger":"","level":"info"},{"logger":"shop.db","level":"warn"}]}`},
			{"HEAD", "/", "", 200, "*"},
			{"DELETE", "/", "", 400, `no logger is named: want logger=NAME, or logger= to take back`},
			{"DELETE", "/", "logger=shop.db", 204, ``},
			{"DELETE", "/", `{"logger":"a.*"}`, 204, ``},
			{"DELETE", "/?logger=a", "logger=a", 400, `logger is given twice`},
			{"DELETE", "/", "logger=&level=info", 400, `unknown key "level": want one of ["logger"]`},
			{"DELETE", "/", "logger=" + strings.Repeat("x", 65<<10), 413, `the body is larger than 65536 bytes`},
			{"GET", "/", "", 200, `{"overrides":[{"logger":"","level":"debug"}],"environment":[],"configuration":[{"logger":"","level":"info"},{"logger":"shop.db","level":"warn"}]}`},
			{"DELETE", "/?logger=", "", 204, ``},
			{"GET", "/?logger=used", "", 200, `{"logger":"used","level":"info","from":"configuration"}`},

			{"PUT", "/", "", 400, `unknown level "": want trace, debug, info`},
			{"PUT", "/", "level=loud", 400, `want trace, debug, info, warn, error, fatal (or a step between, such as info2), all or off`},
			{"PUT", "/", "level=info&level=warn", 400, `level is given twice`},
			{"PUT", "/?level=info", "level=warn", 400, `level is given twice`},
			{"PUT", "/", "level=info&minutes=3", 400, `unknown key "minutes": want one of ["logger" "level" "for"]`},
			{"PUT", "/", `{"lvl":"info"}`, 400, `unknown key "lvl"`},
			{"PUT", "/", `{"level":5}`, 400, `body: json: cannot unmarshal number`},
			{"PUT", "/", `{"level":"info"} {}`, 400, `body: invalid character`},
			{"PUT", "/", `{"level":"info"`, 400, `body: unexpected end of JSON input`},
			{"PUT", "/", "level=%zz", 400, `body: invalid URL escape`},
			{"PUT", "/?level=%zz", "", 400, `query: invalid URL escape`},
			{"PUT", "/", "level=info&for=600", 400, `for: duration "600" has no unit`},
			{"PUT", "/", "level=info&for=0s", 400, `for: want more than 0s`},
			{"PUT", "/", "level=info&for=-5m", 400, `is negative`},
			{"PUT", "/", "level=info&logger=" + strings.Repeat("x", 2000), 400, `a logger's name has 2000 bytes`},
			{"PUT", "/", "level=" + strings.Repeat("x", 2000), 400, `…`},
			{"PUT", "/", "level=" + strings.Repeat("x", 65<<10), 413, `the body is larger than 65536 bytes`},
			{"GET", "/?name=shop", "", 400, `unknown key "name": want one of ["logger"]`},
			{"DELETE", "/?logger=a&logger=b", "", 400, `logger is given twice`},
			{"POST", "/", "level=info", 405, `POST is not supported here: use GET, HEAD, PUT, DELETE`},
		} {
			code, got := ask(h, step.method, step.target, step.body)
			if code != step.code {
				t.Errorf("%s %s %.60q: %d, want %d: %s", step.method, step.target, step.body, code, step.code, got)
			}
			if code < 400 {
				if step.want != "*" && got != step.want {
					t.Errorf("%s %s %.60q:\n got %s\nwant %s", step.method, step.target, step.body, got, step.want)
				}
				continue
			}
			var refused struct{ Error string }
			if err := json.Unmarshal([]byte(got), &refused); err != nil || (refused.Error != step.want && !strings.Contains(refused.Error, step.want) && got != step.want) || len(refused.Error) > 310 {
				t.Errorf("%s %s %.60q: %s (%v), want %s", step.method, step.target, step.body, got, err, step.want)
			}
		}
		if used.Minimum() != log.SeverityInfo {
			t.Errorf("the level in use is %d", used.Minimum())
		}
	})
}

func TestTooManyOverrides(t *testing.T) {
	h := admin.Levels(processors.NewLevels())
	for i := range 256 {
		if code, body := ask(h, "PUT", "/", fmt.Sprint("level=info&logger=", i)); code != 200 {
			t.Fatal(code, body)
		}
	}
	if code, body := ask(h, "PUT", "/", "level=info&logger=more"); code != 400 || !strings.Contains(body, "256 loggers are overridden") {
		t.Errorf("%d %s", code, body)
	}
}

// An override reaches a logger that exists, below which nothing was built
// before, and ends by itself.
func TestLevelsReachLoggersInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		levels := processors.NewLevels()
		levels.Configure(processors.LevelRules{"": log.SeverityInfo})
		sink := &sinktest.Script{}
		p := newPipeline(t, levels, sink)
		h := admin.Handler(p)
		pool := bridge.NewLogger("shop.db.pool", bridge.WithPipeline(p)).With("a", 1)
		built := 0
		log := func() { pool.Debug("query", "rows", counts{&built}) }

		log()
		if code, body := ask(h, "PUT", "/levels", "logger=shop.db&level=debug&for=10m"); code != 200 {
			t.Fatal(code, body)
		}
		log()
		time.Sleep(9 * time.Minute)
		log()
		time.Sleep(time.Minute)
		synctest.Wait()
		log()
		if got := sink.Calls(); got != 2 || built != 2 {
			t.Errorf("%d of 2 records delivered, %d of 2 values built", got, built)
		}
	})
}

// counts is a value that counts how often it is asked for.
type counts struct{ n *int }

func (c counts) LogValue() slog.Value {
	*c.n++
	return slog.IntValue(*c.n)
}

func catchErrors(t testing.TB) {
	old := otel.GetErrorHandler()
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	t.Cleanup(func() { otel.SetErrorHandler(old) })
}

func TestHealthAndStats(t *testing.T) {
	catchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		var err error
		sink := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) {
			if err != nil {
				return 0, err
			}
			return 1, nil
		}}
		p := newPipeline(t, nil, sink)
		h := admin.Handler(p)
		emit := func() {
			_ = p.Logger(record.Scope{}).Emit(t.Context(), &record.Record{Severity: log.SeverityInfo})
		}
		want := func(code int, body string) {
			t.Helper()
			if c, b := ask(h, "GET", "/health", ""); c != code || b != body {
				t.Errorf("%d %s\nwant %d %s", c, b, code, body)
			}
		}
		emit()
		want(200, `{"status":"ok"}`)
		err = errors.New("<no route>")
		emit()
		want(200, `{"status":"degraded","causes":[{"exporter":"mail","cause":"\u003cno route\u003e"},{"exporter":"mail","cause":"1 record dropped (error 1) since the start, the latest 0s ago"}]}`)
		time.Sleep(time.Minute)
		want(503, `{"status":"failed","causes":[{"exporter":"mail","cause":"\u003cno route\u003e"}]}`)

		code, body := ask(h, "GET", "/stats", "")
		var got map[string]any
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 {
			t.Fatal(code, body, err)
		}
		failed := time.Now().Add(-time.Minute).Format(time.RFC3339Nano)
		expect := map[string]any{"filtered": 0., "feedback": 0., "steps": map[string]any{}, "exporters": map[string]any{"mail": map[string]any{
			"processor": "processors.Simple", "exporter": "sinktest.Script",
			"accepted": 2., "recovered": 0., "spooled_bytes": 0., "spool_capacity": 0., "delivered": 1., "dropped": map[string]any{"error": 1.}, "spooled": 0., "queued": 0., "queue_capacity": 0.,
			"queued_bytes": 0., "in_flight": 0., "detoured": 0., "switches": 0., "writes": 2., "write_seconds": 0., "failures": 1., "last_error": "<no route>",
			"failing_since": failed, "last_drop": failed,
		}}}
		if diff := cmp.Diff(expect, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		_ = p.Shutdown(t.Context())
		if code, body := ask(h, "GET", "/health", ""); code != 503 || !strings.Contains(body, "shut down") {
			t.Errorf("%d %s", code, body)
		}
	})
}

func TestMethodsAndHeaders(t *testing.T) {
	p := newPipeline(t, nil, &sinktest.Script{})
	h := admin.Handler(p)
	for path, contentType := range map[string]string{
		"/levels":  "application/json",
		"/health":  "application/json",
		"/stats":   "application/json",
		"/metrics": "text/plain; version=0.0.4; charset=utf-8",
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		for name, want := range map[string]string{"Content-Type": contentType, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
			if got := w.Header().Get(name); w.Code != 200 || got != want {
				t.Errorf("%s: %d, %s: %q, want %q", path, w.Code, name, got, want)
			}
		}
		w = httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("PATCH", path, nil))
		if allow := w.Header().Get("Allow"); w.Code != 405 || !strings.HasPrefix(allow, "GET, HEAD") {
			t.Errorf("PATCH %s: %d, Allow: %q", path, w.Code, allow)
		}
	}
}

// Whatever is sent, the answer is JSON that says what is wrong, or what is now.
func FuzzLevels(f *testing.F) {
	for _, body := range []string{`{"level":"debug","for":"1m"}`, "level=info&logger=a", "{", "level=off&level", `{"logger":null,"level":"all"}`, "%", "\x00", "level=info&for=9999999999h"} {
		f.Add("logger=x", body)
	}
	f.Fuzz(func(t *testing.T, query, body string) {
		levels := processors.NewLevels()
		r := httptest.NewRequest("PUT", "/", strings.NewReader(body))
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		admin.Levels(levels).ServeHTTP(w, r)
		var answer struct{ Logger, Level, Error *string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%d %q: %v", w.Code, w.Body, err)
		}
		switch set := levels.Overrides(); {
		case w.Code == 200 && len(set) == 1 && answer.Error == nil && processors.LevelName(set[0].Minimum) == *answer.Level:
			levels.Unset(set[0].Logger) // stops its timer
		case w.Code >= 400 && w.Code < 500 && len(set) == 0 && answer.Error != nil && *answer.Error != "":
		default:
			t.Errorf("%d %s, and %d overrides", w.Code, w.Body, len(set))
		}
	})
}
