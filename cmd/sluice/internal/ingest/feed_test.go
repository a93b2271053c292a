package ingest

import (
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed2f724858/sluice/decode"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

func newPipeline(t *testing.T, resource *record.Resource) (*processors.Pipeline, *sinktest.Memory) {
	t.Helper()
	var sink sinktest.Memory
	step, err := processors.NewSimple(&sink, processors.DefaultSimpleConfig())
	if err != nil {
		t.Fatal(err)
	}
	cfg := processors.DefaultConfig()
	cfg.Resource = resource
	p, err := processors.NewPipeline(cfg, step)
	if err != nil {
		t.Fatal(err)
	}
	return p, &sink
}

// run feeds input to a pipeline and returns the records that arrive.
func run(t *testing.T, c Config, input string) []record.Record {
	t.Helper()
	p, sink := newPipeline(t, nil)
	f, err := NewFeed(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Run(strings.NewReader(input), p); err != nil {
		t.Fatal(err)
	}
	recs := sink.Records()
	if int(f.Received()) != len(recs) {
		t.Errorf("received %d, but %d arrived", f.Received(), len(recs))
	}
	return recs
}

func TestEveryFormatIsKnown(t *testing.T) {
	for _, format := range Formats {
		if _, err := NewFeed(Config{Format: format}); err != nil {
			t.Error(err)
		}
	}
	if _, err := NewFeed(Config{Format: "xml"}); err == nil {
		t.Error("xml is taken for a format")
	}
}

func TestFeedNamesLoggers(t *testing.T) {
	recs := run(t, Config{Format: "auto", Logger: "fallback"}, "plain\n{\"msg\":\"named\",\"logger\":\"shop\"}\n{\"msg\":\"not\"}\n")
	for i, want := range []string{"fallback", "shop", "fallback"} {
		if got := recs[i].Logger(); got != want {
			t.Errorf("record %d has the logger %q, want %q", i, got, want)
		}
	}
	if level := recs[0].Level(); level != "INFO" {
		t.Errorf("a plain line has the level %q, want INFO", level)
	}
}

func TestFeedCutsHugeLines(t *testing.T) {
	huge := strings.Repeat("x", 2*decode.MaxLine+5)
	recs := run(t, Config{Format: "auto"}, "before\n"+huge+"\nafter")
	if len(recs) != 5 {
		t.Fatalf("%d records, want a line, three parts, a line", len(recs))
	}
	var joined strings.Builder
	for i, rec := range recs[1:4] {
		joined.WriteString(rec.Body.AsString())
		if part, _ := rec.Attr(decode.PartKey); part.AsInt64() != int64(i+1) {
			t.Errorf("part %d is marked %v", i+1, part)
		}
	}
	if joined.String() != huge {
		t.Error("the parts do not make up the line")
	}
}

// Names are input: many of them, and long ones, must not fill the memory.
func TestFeedBoundsLoggers(t *testing.T) {
	p, _ := newPipeline(t, nil)
	c := newLoggers(p, "fallback")
	for i := range 10 * maxLoggers {
		name := fmt.Sprint("logger-", i)
		if got := c.get(nil, name).Origin().Scope.Name; got != name {
			t.Fatalf("the logger is %q, want %q", got, name)
		}
		c.get(&record.Origin{Scope: record.Scope{Name: name}}, name)
	}
	if len(c.byName) > maxLoggers || len(c.byOrigin) > maxLoggers {
		t.Errorf("%d names and %d origins are kept, want at most %d", len(c.byName), len(c.byOrigin), maxLoggers)
	}
	clear(c.byName)
	if long := strings.Repeat("n", maxLoggerName+1); c.get(nil, long).Origin().Scope.Name != long || len(c.byName) != 0 {
		t.Error("a long name is kept, or cut")
	}
}

func TestFeedKeepsWhereOTLPComesFrom(t *testing.T) {
	own := &record.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "collector")}}
	p, sink := newPipeline(t, own)
	f, err := NewFeed(Config{Format: "otlp_json", Logger: "fallback"})
	if err != nil {
		t.Fatal(err)
	}
	const lines = `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"scope":{"name":"cart","version":"2"},"logRecords":[{"body":{"stringValue":"a"}},{"body":{"stringValue":"b"}}]}]}]}
{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"c"}}]}]}]}
`
	if err := f.Run(strings.NewReader(lines), p); err != nil {
		t.Fatal(err)
	}
	type origin struct{ body, service, logger, version string }
	want := []origin{{"a", "shop", "cart", "2"}, {"b", "shop", "cart", "2"}, {"c", "collector", "fallback", ""}}
	recs := sink.Records()
	if len(recs) != len(want) {
		t.Fatalf("%d records, want %d", len(recs), len(want))
	}
	for i, rec := range recs {
		service := rec.ResourceAttributes()[0].Value.AsString()
		if got := (origin{rec.Body.AsString(), service, rec.Logger(), rec.Origin.Scope.Version}); got != want[i] {
			t.Errorf("record %d is %v, want %v", i, got, want[i])
		}
	}
}
