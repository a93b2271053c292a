package demo

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/goleak"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// openShop returns a shop and where its records arrive.
func openShop(t *testing.T) (*shop, *sinktest.Memory) {
	t.Helper()
	var sink sinktest.Memory
	step, err := processors.NewSimple(&sink, processors.DefaultSimpleConfig())
	if err != nil {
		t.Fatal(err)
	}
	pipeline, err := processors.NewPipeline(processors.DefaultConfig(), step)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newShop(func(name string) *slog.Logger {
		return bridge.NewLogger(name, bridge.WithPipeline(pipeline))
	}, sdktrace.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	return s, &sink
}

// ask sends one request to a shop and returns the answer's status and what was
// logged.
func ask(t *testing.T, request string) (status int, records []record.Record) {
	t.Helper()
	s, sink := openShop(t)
	method, path, _ := strings.Cut(request, " ")
	answer := httptest.NewRecorder()
	s.handler().ServeHTTP(answer, httptest.NewRequest(method, path, http.NoBody))
	return answer.Code, sink.Records()
}

// However short the day is, every story is told, and all is quiet afterwards.
func TestTrafficTellsEveryStory(t *testing.T) {
	defer goleak.VerifyNone(t)
	s, sink := openShop(t)
	url, stop, err := s.serve()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	traffic(ctx, url, 1000, time.Millisecond)
	if err := stop(); err != nil {
		t.Error(err)
	}
	told := map[string]bool{}
	for _, rec := range sink.Records() {
		told[rec.Body.AsString()] = true
	}
	for _, want := range []string{"order placed", "payment provider is slow", "payment refused", "search refused: control characters", "login refused", "POST /coupons/{code} 500", "bank unreachable"} {
		if !told[want] {
			t.Errorf("no record %q", want)
		}
	}
}

func attr(t *testing.T, r record.Record, key string) string {
	t.Helper()
	v, ok := r.Attr(attribute.Key(key))
	if !ok {
		t.Errorf("%q has no %s", r.Body.AsString(), key)
	}
	return v.AsString()
}

func TestViewLogsWhatThePaceCountsOn(t *testing.T) {
	status, records := ask(t, "GET /products/7")
	if status != http.StatusOK || len(records) != recordsPerView {
		t.Errorf("status %d and %d records, want 200 and %d", status, len(records), recordsPerView)
	}
	for _, rec := range records {
		if rec.Level() != "DEBUG" {
			t.Errorf("a view logs %s %q: people would drown", rec.Level(), rec.Body.AsString())
		}
	}
}

func TestRecordsOfARequestBelongTogether(t *testing.T) {
	_, records := ask(t, "GET /products/7")
	for _, rec := range records {
		if !rec.TraceID.IsValid() || rec.TraceID != records[0].TraceID {
			t.Errorf("%q has the trace %v, the first record %v", rec.Body.AsString(), rec.TraceID, records[0].TraceID)
		}
		if path := attr(t, rec, "url.path"); path != "/products/7" {
			t.Errorf("%q has the path %q", rec.Body.AsString(), path)
		}
	}
}

func TestStoriesReachPeople(t *testing.T) {
	want := map[string]struct {
		status     int
		level, msg string
	}{
		"POST /orders":                                  {201, "INFO", "order placed"},
		"POST /orders?card=slow":                        {201, "WARN", "payment provider is slow"},
		"POST /orders?card=declined":                    {402, "ERROR", "payment refused"},
		"GET /search?q=%1b%5b2Jgone%0aERROR+faked+line": {400, "WARN", "search refused: control characters"},
		"POST /login?user=ada&password=correct-horse":   {401, "WARN", "login refused"},
		"POST /coupons/SUMMER":                          {500, "ERROR", "POST /coupons/{code} 500"},
		"POST /refunds":                                 {502, "ERROR", "bank unreachable"},
	}
	for _, story := range stories {
		w, ok := want[story]
		if !ok {
			t.Errorf("%s: no expectation", story)
			continue
		}
		status, records := ask(t, story)
		if status != w.status {
			t.Errorf("%s: status %d, want %d", story, status, w.status)
		}
		if !slices.ContainsFunc(records, func(r record.Record) bool {
			return r.Level() == w.level && r.Body.AsString() == w.msg
		}) {
			t.Errorf("%s: no %s %q", story, w.level, w.msg)
		}
	}
}

func TestPanicIsOneError(t *testing.T) {
	_, records := ask(t, "POST /coupons/SUMMER")
	records = slices.DeleteFunc(records, func(r record.Record) bool { return r.Level() == "DEBUG" })
	if len(records) != 1 || records[0].Level() != "ERROR" {
		t.Fatalf("%d records, want one ERROR alone", len(records))
	}
	if msg := attr(t, records[0], "exception.message"); !strings.Contains(msg, "index out of range") {
		t.Errorf("exception.message = %q", msg)
	}
	first, _, _ := strings.Cut(attr(t, records[0], "exception.stacktrace"), "\n")
	if !strings.Contains(first, "(*shop).coupon(") {
		t.Errorf("the stack begins with %q", first)
	}
}

// What the recorder is to keep back, and let out before an error, must be
// there.
func TestErrorsHaveDetailsBeforeThem(t *testing.T) {
	for _, story := range []string{"POST /orders?card=declined", "POST /coupons/SUMMER", "POST /refunds"} {
		_, records := ask(t, story)
		if first := records[0]; first.Level() != "DEBUG" {
			t.Errorf("%s begins with %s %q", story, first.Level(), first.Body.AsString())
		}
	}
}
