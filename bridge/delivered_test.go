package bridge

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
	"github.com/seed2f724858/sluice/processors"
	"github.com/seed2f724858/sluice/record"
)

// queued is a pipeline with a queue in front of sink, and steps behind. It is
// shut down when the test ends.
func queued(t *testing.T, sink exporters.Sink, cfg processors.BatchConfig, behind ...processors.Processor) *processors.Pipeline {
	t.Helper()
	b, err := processors.NewBatch(sink, cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := newPipeline(t, append([]processors.Processor{b}, behind...)...)
	t.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return p
}

// fullQueue has a queue whose exporter is busy until a FATAL record has been
// dropped for it.
func fullQueue(t *testing.T) *processors.Pipeline {
	t.Helper()
	busy, free := make(chan struct{}), make(chan struct{})
	sink := &sinktest.Script{OnWrite: func(_ context.Context, call int, recs []record.Record) (int, error) {
		if call == 0 {
			close(busy)
			<-free
		}
		return len(recs), nil
	}}
	cfg := processors.DefaultBatchConfig()
	cfg.OnFull, cfg.MaxQueueSize, cfg.MaxExportBatchSize = processors.DropNewest, 2, 1
	p := queued(t, sink, cfg, &onFatal{do: func() { close(free) }})
	logger := NewLogger("test", WithPipeline(p))
	logger.Info("first")
	logger.Info("second")
	<-busy
	return p
}

// onDisk is a queue on disk that a flush leaves records in.
type onDisk struct {
	sinktest.Memory
	left error
}

func (q *onDisk) ForceFlush(context.Context) error { return q.left }

type onFatal struct {
	capture
	do func()
}

func (s *onFatal) OnEmit(_ context.Context, r *record.Record, _ processors.Next) error {
	if r.Severity == log.SeverityFatal1 {
		s.do()
	}
	return nil
}

// That a flush succeeds does not mean that the record was delivered: it may
// have been dropped. Then the next Recover logs the panic again.
func TestRecoverDropped(t *testing.T) {
	answers := func(err error) exporters.Sink {
		return &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) { return 0, err }}
	}
	cfg := processors.DefaultBatchConfig()
	panicking := &sinktest.Script{OnWrite: func(context.Context, int, []record.Record) (int, error) { panic("exporter") }}
	refused := errors.New("refused")
	for _, tt := range []struct {
		name string
		p    *processors.Pipeline
		want int
	}{
		{"taken", queued(t, &sinktest.Memory{}, cfg), 0},
		{"permanent", queued(t, answers(exporters.Permanent(refused)), cfg), 1},
		{"poison", queued(t, answers(exporters.Poison(refused)), cfg), 1},
		{"a panic", queued(t, panicking, cfg), 1},
		{"queue full", fullQueue(t), 1},
		{"stored on disk", queued(t, &onDisk{left: &exporters.StoredError{Records: 1, Err: refused}}, cfg), 0},
		{"stored, but not synced", queued(t, &onDisk{left: errors.Join(refused, &exporters.StoredError{Records: 1, Err: refused})}, cfg), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := handleErrors(t)
			c := &capture{}
			out := panics(func() {
				defer Recover(context.Background(), WithLogger(NewLogger("test", WithPipeline(newPipeline(t, c)))))
				defer Recover(context.Background(), WithLogger(NewLogger("test", WithPipeline(tt.p))))
				panic("boom")
			})
			recs := c.take()
			if len(recs) != tt.want || out != "boom" {
				t.Errorf("the next Recover logged %d records, want %d; %v came out", len(recs), tt.want, out)
			}
			if told := strings.Contains(strings.Join(h.list(), "\n"), "bridge: deliver records"); told != (tt.want > 0) {
				t.Errorf("reported %q", h.list())
			}
		})
	}
}
