package config

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/spool"
)

// What a collector that is down has not taken goes out at the next start.
func TestSpool(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	c := newCollector(t)
	down := true
	c.answer = func(int) int {
		if down {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}
	doc := `
logger_provider:
  processors:
    - async: {exporter: {spool: {directory: "` + dir + `", max_size: 2MiB, sync: always, exporter: {otlp_http: {endpoint: ` + c.URL + `}}}}}
`
	rt := start(t, doc)
	for i := range 3 {
		rt.Logger("shop").Info(fmt.Sprint("before ", i))
	}
	if err := rt.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if e := rt.Stats().Exporters[0]; e.Name != "otlp_http" || e.Accepted != 3 || e.Spooled != 3 || e.Delivered != 0 || e.DroppedTotal() != 0 {
		t.Errorf("%+v", e)
	}
	down = false
	rt = start(t, doc)
	rt.Logger("shop").Info("after")
	if err := rt.ForceFlush(t.Context()); err != nil {
		t.Error(err)
	}
	if e := rt.Stats().Exporters[0]; e.Accepted != 4 || e.Recovered != 3 || e.Spooled != 0 || e.Delivered != 4 {
		t.Errorf("%+v", e)
	}
	if err := rt.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"before 0", "before 1", "before 2", "after"}, c.bodies); diff != "" {
		t.Error(diff)
	}
}

// A spool that several share has a row of its own; nothing is counted twice
// there.
func TestSharedSpool(t *testing.T) {
	dir := t.TempDir()
	c := newCollector(t)
	c.answer = func(int) int { return http.StatusServiceUnavailable }
	rt := start(t, `
logger_provider:
  processors:
    - simple: {exporter: {ref: safe}}
    - async: {match: {minimum_severity: warn}, exporter: {ref: safe}}
distribution:
  sluice:
    exporters:
      safe: {spool: {directory: "`+dir+`", exporter: {failover: {exporters: [{otlp_http: {endpoint: `+c.URL+`}}, {otlp_http: {endpoint: `+c.URL+`}}]}}}}
`)
	rt.Logger("shop").Info("one")
	rt.Logger("shop").Warn("two")
	if err := rt.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	var got []string
	for _, e := range rt.Stats().Exporters {
		got = append(got, fmt.Sprintf("%s: %d accepted, %d delivered, %d spooled", e.Name, e.Accepted, e.Delivered, e.Spooled))
	}
	want := []string{"safe: 2 accepted, 2 delivered, 0 spooled", "safe/2: 1 accepted, 1 delivered, 0 spooled", "spool: 3 accepted, 0 delivered, 3 spooled"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Who rather waits than loses a record has a full spool wait, too.
func TestSpoolOnFullBlock(t *testing.T) {
	const doc = `
logger_provider:
  processors:
    - async: {exporter: {spool: {directory: a, exporter: {discard: }}}}
    - async: {exporter: {spool: {directory: b, on_full: drop_newest, exporter: {discard: }}}}
`
	for _, c := range []struct {
		opts []Option
		want []spool.OnFull
	}{
		{nil, []spool.OnFull{spool.DropOldest, spool.DropNewest}},
		{[]Option{OnFullBlock()}, []spool.OnFull{spool.Block, spool.DropNewest}},
	} {
		var got []spool.OnFull
		for _, p := range parse(t, doc, c.opts...).model.LoggerProvider.Processors {
			got = append(got, p.config.(*async).Exporter.config.(*spooled).OnFull)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("have %v, want %v", got, c.want)
		}
	}
}

// A spool forwards encoded records through a failover and a shared exporter,
// and no retry stands between.
func TestSpoolChain(t *testing.T) {
	dir := t.TempDir()
	doc := parse(t, `
logger_provider:
  processors:
    - async: {exporter: {spool: {directory: "`+dir+`", exporter: {failover: {exporters: [{ref: main}, {otlp: {endpoint: "http://localhost:1"}}]}}}}}
distribution: {sluice: {exporters: {main: {otlp_http: }}}}
`)
	s := &starter{ctx: t.Context(), shared: map[string]*shared{}}
	sink, err := doc.model.LoggerProvider.Processors[0].config.(*async).Exporter.start(s)
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Shutdown(context.Background())
	queue, ok := sink.(*spool.Spool)
	if !ok {
		t.Fatalf("a %T stands in front", sink)
	}
	if failover, ok := queue.Unwrap().(*exporters.Failover); !ok || !failover.Forwards() {
		t.Errorf("behind the spool is %v, which does not forward", chainOf(queue.Unwrap()))
	}
}

func TestCheckSpool(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	doc := parse(t, `
logger_provider: {processors: [{async: {exporter: {spool: {directory: "`+file+`/queue", exporter: {discard: }}}}}]}
`)
	err := doc.Check()
	if err == nil || !strings.HasPrefix(err.Error(), "F:3:52: logger_provider.processors[0].async.exporter.spool: directory: ") {
		t.Errorf("have %v", err)
	}
}
